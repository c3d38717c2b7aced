import { ShoppingBasket } from "lucide-react";
import { lazy, Suspense, useState } from "react";

import { useT } from "@/lib/i18n/provider";
import { useMoney } from "@/lib/shop/use-money";

import { countOf, totalOf, useBasket } from "../store";

const load = () => import("./basket-drawer");
const BasketDrawer = lazy(load);

/** The basket in the header: how much is in it, and a drawer with all of it. */
export function BasketButton() {
  const t = useT();
  const money = useMoney();
  const basket = useBasket();
  const [wanted, setWanted] = useState(false);
  const [open, setOpen] = useState(false);
  const count = countOf(basket);
  const total = money?.format(totalOf(basket)) ?? "";
  return (
    <>
      <button
        type="button"
        onPointerEnter={() => void load()}
        onFocus={() => void load()}
        onClick={() => {
          setWanted(true);
          setOpen(true);
        }}
        className="hidden min-h-12 items-center gap-2.5 rounded-full bg-accent px-5 font-semibold text-on-accent transition-colors hover:bg-accent-strong md:flex"
      >
        <ShoppingBasket aria-hidden className="size-5" />
        <span className="sr-only">{t("basket.title")} </span>
        <span className="min-w-14 text-right tabular-nums">{total}</span>
        {count > 0 ? (
          <span className="min-w-6 rounded-full bg-on-accent px-1.5 text-center text-sm text-accent tabular-nums">
            {count}
          </span>
        ) : null}
      </button>
      {wanted ? (
        <Suspense>
          <BasketDrawer open={open} onClose={() => setOpen(false)} />
        </Suspense>
      ) : null}
    </>
  );
}

/** How many are in the basket, for the bar of phones. */
export function useBasketCount(): number {
  return countOf(useBasket());
}
