import type { ReactNode } from "react";
import { Link } from "react-router";

import { Picture } from "@/components/ui/picture";
import type { ProductTileFragment } from "@/gql/graphql";
import { useT } from "@/lib/i18n/provider";

import { Price } from "./price";

interface Props {
  product: ProductTileFragment;
  action: ReactNode;
  eager?: boolean;
}

/** A product among others: picture, price, name, and one tap to have it. */
export function ProductCard({ product, action, eager = false }: Props) {
  return (
    <article className="group relative flex min-w-0 flex-col">
      <div className="relative">
        <Picture
          source={product.pictures[0]}
          eager={eager}
          className="transition-colors group-hover:bg-wash"
        />
        <StockBadge stock={product.stock} />
      </div>
      <div className="mt-3 flex flex-1 flex-col">
        <Price price={product.price} unitPrice={product.unitPrice} sizeText={product.sizeText} />
        <h3 className="mt-1.5 line-clamp-2 font-sans text-[0.95rem] leading-snug font-medium tracking-normal">
          {/* The whole tile leads to the product; its name is the link. */}
          <Link to={`/products/${product.slug}`} className="after:absolute after:inset-0 hover:underline">
            {product.name}
          </Link>
        </h3>
        {product.brand ? <p className="truncate text-xs leading-5 text-soft">{product.brand}</p> : null}
      </div>
      {/* Over the link, at the picture's lower edge: the picture is a square as wide as the tile. */}
      <div className="pointer-events-none absolute inset-x-0 top-0 aspect-square">
        <div className="pointer-events-auto absolute right-2 bottom-2">{action}</div>
      </div>
    </article>
  );
}

function StockBadge({ stock }: { stock: ProductTileFragment["stock"] }) {
  const t = useT();
  if (!stock || (stock.inStock && !stock.low)) return null;
  return (
    <p className="absolute top-2 left-2 rounded-full bg-card px-2.5 py-0.5 text-xs font-semibold text-warn shadow-sm">
      {stock.inStock ? t("product.low", { count: stock.available }) : t("product.soldOut")}
    </p>
  );
}

/** The place of a tile, in its shape. */
export function ProductCardBones() {
  return (
    <div aria-hidden>
      <div className="bone aspect-square rounded-2xl" />
      <div className="bone mt-3 h-5 w-16" />
      <div className="bone mt-2 h-3 w-24" />
      <div className="bone mt-3 h-4 w-full" />
      <div className="bone mt-2 h-3 w-1/2" />
    </div>
  );
}
