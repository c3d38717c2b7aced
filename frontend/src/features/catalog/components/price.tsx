import { clsx } from "clsx";

import type { Unit } from "@/gql/graphql";
import { useMoney } from "@/lib/shop/use-money";

interface Props {
  price: number;
  unitPrice: { amount: number; per: Unit } | null;
  sizeText: string | null;
  large?: boolean;
}

/** What it costs, and below it what a kilogram or a litre of it does. */
export function Price({ price, unitPrice, sizeText, large = false }: Props) {
  const money = useMoney();
  return (
    <div className="tabular-nums">
      <p className={clsx("font-display font-bold", large ? "text-4xl" : "text-lg leading-tight")}>
        {money ? money.format(price) : <span className="bone inline-block h-[1em] w-16 align-middle" />}
      </p>
      <p className={clsx("text-soft", large ? "mt-1 text-base" : "text-xs leading-5")}>
        {[sizeText, unitPrice && money ? money.perUnit(unitPrice) : null].filter(Boolean).join(" · ") ||
          "\u00a0"}
      </p>
    </div>
  );
}
