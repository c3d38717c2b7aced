import { useSearchParams } from "react-router";

import { addToBasket } from "@/app/action";
import { ButtonLink } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Page } from "@/components/ui/page";
import { Filters, ListBar } from "@/features/catalog/components/list-controls";
import { filterOf, readParams } from "@/features/catalog/components/list-params";
import { ProductList } from "@/features/catalog/components/product-list";
import { useT } from "@/lib/i18n/provider";
import { useMoney } from "@/lib/shop/use-money";

export function Component() {
  const t = useT();
  const money = useMoney();
  const [search] = useSearchParams();
  const params = readParams(search);
  const title = params.text === "" ? t("products.title") : t("products.found", { text: params.text });
  return (
    <Page title={title}>
      <div className="mb-6 flex flex-wrap items-end justify-between gap-4">
        <h1 className="min-w-0 text-3xl font-extrabold break-words sm:text-4xl">{title}</h1>
        <ListBar params={params} categories />
      </div>
      <div className="grid gap-8 lg:grid-cols-[14rem_1fr] lg:gap-12">
        <aside className="hidden lg:block">
          <Filters params={params} categories />
        </aside>
        <div className="min-w-0">
          <ProductList
            sort={params.sort}
            filter={filterOf(params, money?.minor ?? ((major) => major))}
            ready={money !== null || params.band === null}
            action={addToBasket}
            empty={
              <Empty
                title={t("products.empty.title")}
                body={
                  params.text === ""
                    ? t("products.empty.filter")
                    : t("products.empty.search", { text: params.text })
                }
              >
                <ButtonLink to="/products">{t("products.filter.clear")}</ButtonLink>
                <ButtonLink look="quiet" to="/categories">
                  {t("nav.categories")}
                </ButtonLink>
              </Empty>
            }
          />
        </div>
      </div>
    </Page>
  );
}
