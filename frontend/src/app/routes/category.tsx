import { useQuery } from "@tanstack/react-query";
import { useParams, useSearchParams } from "react-router";

import { addToBasket } from "@/app/action";
import { ButtonLink } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Failure } from "@/components/ui/failure";
import { Page } from "@/components/ui/page";
import { CategoryHead } from "@/features/catalog/components/category-head";
import { Filters, ListBar } from "@/features/catalog/components/list-controls";
import { filterOf, readParams } from "@/features/catalog/components/list-params";
import { ProductList } from "@/features/catalog/components/product-list";
import { CategoryPageDocument } from "@/gql/graphql";
import { asApiError } from "@/lib/graphql/errors";
import { useT } from "@/lib/i18n/provider";
import { publicQuery } from "@/lib/query";
import { useMoney } from "@/lib/shop/use-money";

export function Component() {
  const t = useT();
  const money = useMoney();
  const { slug = "" } = useParams();
  const [search] = useSearchParams();
  const page = useQuery(publicQuery("CategoryPage", CategoryPageDocument, { slug }));
  const category = page.data?.data.category ?? undefined;
  if (!category && !page.isPending) {
    if (page.isError && asApiError(page.error).code !== "NOT_FOUND") {
      return <Failure error={page.error} retry={() => void page.refetch()} />;
    }
    return (
      <Page title={t("category.gone.title")}>
        <Empty whole title={t("category.gone.title")} body={t("category.gone.body")}>
          <ButtonLink to="/categories">{t("categories.title")}</ButtonLink>
        </Empty>
      </Page>
    );
  }
  const params = { ...readParams(search), category: "", text: "" };
  const filter = { ...filterOf(params, money?.minor ?? ((major) => major)), category: slug };
  return (
    <Page title={category?.name ?? ""}>
      <CategoryHead category={category} />
      <div className="mt-6 mb-6">
        <ListBar params={params} categories={false} />
      </div>
      <div className="grid gap-8 lg:grid-cols-[14rem_1fr] lg:gap-12">
        <aside className="hidden lg:block">
          <Filters params={params} categories={false} />
        </aside>
        <div className="min-w-0">
          <ProductList
            sort={params.sort}
            filter={filter}
            ready={money !== null || params.band === null}
            action={addToBasket}
            empty={
              <Empty title={t("products.empty.title")} body={t("products.empty.filter")}>
                <ButtonLink to={`/categories/${slug}`}>{t("products.filter.clear")}</ButtonLink>
              </Empty>
            }
          />
        </div>
      </div>
    </Page>
  );
}
