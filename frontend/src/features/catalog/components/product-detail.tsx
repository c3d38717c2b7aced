import { useQuery } from "@tanstack/react-query";
import { clsx } from "clsx";
import { CircleAlert, Refrigerator } from "lucide-react";
import { useState, type ReactNode } from "react";

import { ButtonLink } from "@/components/ui/button";
import { Crumbs } from "@/components/ui/crumbs";
import { Empty } from "@/components/ui/empty";
import { Failure } from "@/components/ui/failure";
import { Page } from "@/components/ui/page";
import { Picture } from "@/components/ui/picture";
import { ProductPageDocument, type ProductPageQuery } from "@/gql/graphql";
import { asApiError } from "@/lib/graphql/errors";
import { useT } from "@/lib/i18n/provider";
import { publicQuery } from "@/lib/query";

import { Section } from "./home";
import { Price } from "./price";
import { ProductGrid, type RenderAction } from "./product-grid";

type Product = NonNullable<ProductPageQuery["productBySlug"]>;

interface Props {
  slug: string;
  action: RenderAction;
  /** The large button of the product itself. */
  buy: RenderAction;
}

export function ProductDetail({ slug, action, buy }: Props) {
  const t = useT();
  const page = useQuery(publicQuery("ProductPage", ProductPageDocument, { slug }));
  const product = page.data?.data.productBySlug;
  if (!product) {
    if (page.isPending) return <DetailBones />;
    if (page.isError && asApiError(page.error).code !== "NOT_FOUND") {
      return <Failure error={page.error} retry={() => void page.refetch()} />;
    }
    return (
      <Page title={t("product.gone.title")}>
        <Empty whole title={t("product.gone.title")} body={t("product.gone.body")}>
          <ButtonLink to="/products">{t("home.browse")}</ButtonLink>
        </Empty>
      </Page>
    );
  }
  const related = product.category?.products.nodes.filter(({ _id }) => _id !== product._id).slice(0, 6) ?? [];
  return (
    <Page title={product.name}>
      <Crumbs path={product.category?.path ?? []} here={product.name} />
      <div className="grid gap-8 md:grid-cols-2 lg:gap-14">
        <Gallery key={product._id} product={product} />
        <div className="md:py-4">
          {product.brand ? <p className="font-semibold text-soft">{product.brand}</p> : null}
          <h1 className="mt-1 text-3xl font-extrabold sm:text-4xl lg:text-5xl">{product.name}</h1>
          <div className="mt-5">
            <Price price={product.price} unitPrice={product.unitPrice} sizeText={product.sizeText} large />
          </div>
          <Stock stock={product.stock} />
          <div className="mt-5">{buy(product)}</div>
          <Facts product={product} />
        </div>
      </div>
      {related.length > 0 ? (
        <Section
          title={t("product.related", { category: product.category?.name ?? "" })}
          to={`/categories/${product.category?.slug ?? ""}`}
        >
          <ProductGrid shelf products={related} action={action} />
        </Section>
      ) : null}
    </Page>
  );
}

function Gallery({ product }: { product: Product }) {
  const t = useT();
  const [at, setAt] = useState(0);
  return (
    <div>
      <Picture
        source={product.pictures[at]}
        alt={product.name}
        eager
        className="mx-auto w-full max-w-md rounded-3xl md:max-w-none"
      />
      {product.pictures.length > 1 ? (
        <div role="group" aria-label={t("product.pictures")} className="mt-3 flex flex-wrap gap-3">
          {product.pictures.map((picture, number) => (
            <button
              key={picture}
              type="button"
              aria-label={t("product.picture", { number: number + 1 })}
              aria-pressed={number === at}
              onClick={() => setAt(number)}
              className={clsx("rounded-2xl border-2", number === at ? "border-accent" : "border-transparent")}
            >
              <Picture source={picture} className="size-18" />
            </button>
          ))}
        </div>
      ) : null}
    </div>
  );
}

function Stock({ stock }: { stock: Product["stock"] }) {
  const t = useT();
  const [text, tone] = !stock
    ? [t("product.stockUnknown"), "text-soft"]
    : !stock.inStock
      ? [t("product.soldOut"), "text-warn"]
      : stock.low
        ? [t("product.low", { count: stock.available }), "text-warn"]
        : [t("product.inStock"), "text-leaf"];
  return (
    <p className={clsx("mt-4 flex items-center gap-2 font-semibold", tone)}>
      <span aria-hidden className="size-2.5 rounded-full bg-current" />
      {text}
    </p>
  );
}

function Facts({ product }: { product: Product }) {
  const t = useT();
  const { allergens } = product;
  return (
    <div className="mt-8 flex flex-col gap-6 border-t border-line pt-6">
      {product.description ? (
        <Fact title={t("product.description")}>
          {/* Written by sellers: text, whatever it looks like, with its line breaks. */}
          <p className="max-w-prose whitespace-pre-line">{product.description}</p>
        </Fact>
      ) : null}
      {product.storage ? (
        <Fact title={t("product.storage")} icon={<Refrigerator aria-hidden className="size-5 text-soft" />}>
          <p className="max-w-prose whitespace-pre-line">{product.storage}</p>
        </Fact>
      ) : null}
      <Fact title={t("product.allergens")} icon={<CircleAlert aria-hidden className="size-5 text-soft" />}>
        {allergens && allergens.length > 0 ? (
          <ul className="flex flex-wrap gap-2">
            {allergens.map((allergen) => (
              <li
                key={allergen}
                className="rounded-full bg-warn-wash px-3 py-1 text-sm font-semibold text-warn"
              >
                {t(`allergen.${allergen}`)}
              </li>
            ))}
          </ul>
        ) : (
          <p>{t(allergens ? "product.allergens.none" : "product.allergens.unknown")}</p>
        )}
      </Fact>
    </div>
  );
}

function Fact({ title, icon, children }: { title: string; icon?: ReactNode; children: ReactNode }) {
  return (
    <section>
      <h2 className="mb-1.5 flex items-center gap-2 text-lg font-bold">
        {icon}
        {title}
      </h2>
      {children}
    </section>
  );
}

function DetailBones() {
  const t = useT();
  return (
    <Page title="">
      <div role="status">
        <span className="sr-only">{t("app.loading")}</span>
        <div className="bone mb-4 h-8 w-64" />
        <div className="grid gap-8 md:grid-cols-2 lg:gap-14">
          <div className="bone mx-auto aspect-square w-full max-w-md rounded-3xl md:max-w-none" />
          <div className="md:py-4">
            <div className="bone h-5 w-32" />
            <div className="bone mt-2 h-12 w-4/5" />
            <div className="bone mt-6 h-10 w-28" />
            <div className="bone mt-2 h-5 w-40" />
            <div className="bone mt-8 h-13 w-64 rounded-full" />
            <div className="bone mt-10 h-32 w-full" />
          </div>
        </div>
      </div>
    </Page>
  );
}
