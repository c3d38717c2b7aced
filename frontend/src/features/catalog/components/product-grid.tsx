import type { ReactNode } from "react";

import type { ProductTileFragment } from "@/gql/graphql";
import { useT } from "@/lib/i18n/provider";

import { ProductCard, ProductCardBones } from "./product-card";

export type RenderAction = (product: ProductTileFragment) => ReactNode;

interface Props {
  products: readonly ProductTileFragment[];
  action: RenderAction;
  /** In a row that is scrolled sideways instead of a grid. */
  shelf?: boolean;
  /** How many are on the first screen. */
  eager?: number;
}

export function ProductGrid({ products, action, shelf = false, eager = 0 }: Props) {
  return (
    <ul className={shelf ? "shelf" : "product-grid"}>
      {products.map((product, at) => (
        <li key={product._id} className="grid">
          <ProductCard product={product} action={action(product)} eager={at < eager} />
        </li>
      ))}
    </ul>
  );
}

export function ProductGridBones({ count, shelf = false }: { count: number; shelf?: boolean }) {
  const t = useT();
  return (
    <div role="status">
      <span className="sr-only">{t("app.loading")}</span>
      <div className={shelf ? "shelf overflow-hidden" : "product-grid"}>
        {Array.from({ length: count }, (_, at) => (
          <ProductCardBones key={at} />
        ))}
      </div>
    </div>
  );
}
