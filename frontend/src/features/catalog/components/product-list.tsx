import { useInfiniteQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { Button } from "@/components/ui/button";
import { Failure } from "@/components/ui/failure";
import { ProductListDocument, type ProductFilter, type ProductSort } from "@/gql/graphql";
import { explain } from "@/lib/explain";
import { send } from "@/lib/graphql/client";
import { ApiError } from "@/lib/graphql/errors";
import { useT } from "@/lib/i18n/provider";

import { ProductGrid, ProductGridBones, type RenderAction } from "./product-grid";

/** Fills rows of two to six without a rest. */
const PAGE = 24;

interface Props {
  sort: ProductSort;
  filter: ProductFilter;
  /** False while something that the filter needs is not known yet. */
  ready?: boolean;
  action: RenderAction;
  empty: ReactNode;
}

/** A list page by page. What was loaded stays loaded, so that Back finds its place again. */
export function ProductList({ sort, filter, ready = true, action, empty }: Props) {
  const t = useT();
  const list = useInfiniteQuery({
    queryKey: ["ProductList", sort, filter],
    enabled: ready,
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }) => {
      const variables = { first: PAGE, after: pageParam, sort, filter };
      const { data } = await send(ProductListDocument, variables, { signal });
      if (!data.productsConnection) throw new ApiError("UNKNOWN", "There is no list.");
      return data.productsConnection;
    },
    getNextPageParam: (page) => (page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null),
  });
  const pages = list.data?.pages;
  if (!pages) {
    if (list.isError) return <Failure error={list.error} retry={() => void list.refetch()} />;
    return (
      <>
        <p className="mb-5 h-6" />
        <ProductGridBones count={PAGE} />
      </>
    );
  }
  const products = pages.flatMap((page) => page.nodes);
  const total = pages[0]?.totalCount ?? 0;
  if (products.length === 0) return empty;
  return (
    <>
      <p role="status" className="mb-5 h-6 text-soft">
        {t.plural("products.count", total)}
      </p>
      <h2 className="sr-only">{t("products.heading")}</h2>
      <ProductGrid products={products} action={action} eager={6} />
      <div className="mt-10 flex flex-col items-center gap-3 text-sm text-soft">
        {list.hasNextPage ? (
          <Button look="quiet" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {list.isFetchingNextPage ? t("account.working") : t("products.more")}
          </Button>
        ) : null}
        {list.isFetchNextPageError ? <p role="alert">{explain(t, list.error)}</p> : null}
        <p>{t("products.shown", { shown: products.length, total })}</p>
      </div>
    </>
  );
}
