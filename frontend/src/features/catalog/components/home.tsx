import { useQuery } from "@tanstack/react-query";
import { ArrowRight } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { ButtonLink } from "@/components/ui/button";
import { Failure } from "@/components/ui/failure";
import { Picture } from "@/components/ui/picture";
import { HomeDocument, type HomeQuery } from "@/gql/graphql";
import { useT } from "@/lib/i18n/provider";
import { publicQuery } from "@/lib/query";

import { ProductGrid, ProductGridBones, type RenderAction } from "./product-grid";

/** What counts as a small price, in minor units of a currency like the euro. */
const SMALL = 150;

export const homeQuery = publicQuery("Home", HomeDocument, { cheap: SMALL });

/** The pictures beside the welcome: the shop's own, in an order that looks good. */
const WELCOME = ["strawberry", "bread", "avocado", "cheese", "tomato", "croissant"];

export function Welcome() {
  const t = useT();
  return (
    <section className="overflow-hidden rounded-3xl bg-wash">
      <div className="grid items-center gap-6 px-6 py-8 md:grid-cols-[1.1fr_1fr] md:px-12 md:py-12">
        <div>
          <h1 className="text-4xl font-extrabold sm:text-5xl lg:text-6xl">{t("home.title")}</h1>
          <p className="mt-3 max-w-md text-lg text-balance text-ink/80">{t("home.lead")}</p>
          <ButtonLink to="/products" size="lg" className="mt-6">
            {t("home.browse")}
            <ArrowRight aria-hidden className="size-5" />
          </ButtonLink>
        </div>
        <div
          aria-hidden
          className="grid grid-cols-6 justify-items-center gap-3 md:grid-cols-3 md:gap-4 md:*:odd:translate-y-4"
        >
          {WELCOME.map((name) => (
            <img
              key={name}
              src={`/pictures/${name}.webp`}
              alt=""
              width={256}
              height={256}
              className="w-full max-w-12 md:max-w-24 lg:max-w-28"
            />
          ))}
        </div>
      </div>
    </section>
  );
}

export function Home({ action, again }: { action: RenderAction; again: ReactNode }) {
  const t = useT();
  const home = useQuery(homeQuery);
  const data = home.data?.data;
  if (home.isError && !data) return <Failure error={home.error} retry={() => void home.refetch()} />;
  return (
    <>
      <Section title={t("home.categories")} to="/categories">
        <CategoryTiles categories={data?.categories} />
      </Section>
      {again}
      <Shelf
        title={t("home.newest")}
        to="/products"
        products={data?.newest}
        done={!home.isPending}
        action={action}
      />
      <Shelf
        title={t("home.small")}
        to="/products?sort=PRICE_ASC"
        products={data?.small}
        done={!home.isPending}
        action={action}
      />
    </>
  );
}

export function Section({ title, to, children }: { title: string; to?: string; children: ReactNode }) {
  const t = useT();
  return (
    <section className="mt-12">
      <div className="mb-5 flex items-baseline justify-between gap-4">
        <h2 className="text-2xl font-bold md:text-3xl">{title}</h2>
        {to ? (
          <Link
            to={to}
            aria-label={`${t("home.all")}: ${title}`}
            className="inline-flex min-h-11 shrink-0 items-center gap-1 font-semibold text-accent hover:underline"
          >
            {t("home.all")}
            <ArrowRight aria-hidden className="size-4" />
          </Link>
        ) : null}
      </div>
      {children}
    </section>
  );
}

interface ShelfProps {
  title: string;
  to: string;
  products: HomeQuery["newest"] | undefined;
  done: boolean;
  action: RenderAction;
}

function Shelf({ title, to, products, done, action }: ShelfProps) {
  if (done && !products?.nodes.length) return null;
  return (
    <Section title={title} to={to}>
      {products ? (
        <ProductGrid shelf products={products.nodes} action={action} />
      ) : (
        <ProductGridBones shelf count={7} />
      )}
    </Section>
  );
}

type Tile = Pick<HomeQuery["categories"][number], "_id" | "slug" | "name" | "products">;

/** How many places are kept for categories that are not there yet. */
const EXPECTED = 14;

export function CategoryTiles({ categories }: { categories: readonly Tile[] | undefined }) {
  return (
    <ul className="grid grid-cols-3 gap-3 sm:grid-cols-4 md:grid-cols-5 md:gap-4 lg:grid-cols-7">
      {categories
        ? categories.map((category) => (
            <li key={category._id}>
              <Link
                to={`/categories/${category.slug}`}
                className="group flex h-full flex-col items-center gap-2 rounded-2xl text-center"
              >
                <Picture
                  source={category.products.nodes[0]?.pictures[0]}
                  className="w-full transition-colors group-hover:bg-wash"
                />
                <span className="flex min-h-10 items-start text-sm leading-5 font-semibold group-hover:underline">
                  {category.name}
                </span>
              </Link>
            </li>
          ))
        : Array.from({ length: EXPECTED }, (_, at) => (
            <li key={at} aria-hidden className="flex flex-col gap-2">
              <div className="bone aspect-square rounded-2xl" />
              <div className="grid h-10 justify-items-center">
                <div className="bone h-4 w-2/3" />
              </div>
            </li>
          ))}
    </ul>
  );
}
