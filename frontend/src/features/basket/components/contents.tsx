import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { Link } from "react-router";

import { ButtonLink } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Notice } from "@/components/ui/notice";
import { Picture } from "@/components/ui/picture";
import { BasketProductsDocument, type ProductTileFragment } from "@/gql/graphql";
import type { Shortage } from "@/lib/graphql/errors";
import { useT } from "@/lib/i18n/provider";
import { publicQuery } from "@/lib/query";
import { useMoney } from "@/lib/shop/use-money";

import { useBasket, type Line } from "../store";
import { Stepper } from "./stepper";

/** A line as the shop sees it now. */
export interface Looked extends Line {
  /** Null where the product is not in the shop any more; undefined as long as that is not known. */
  current: ProductTileFragment | null | undefined;
}

/** The basket's lines with today's prices and stock: one question for all of them. */
export function useLooked(): { lines: readonly Looked[]; total: number; unknown: boolean } {
  const { lines } = useBasket();
  // In one order whatever the basket's, so that counting a line up asks nothing new.
  const ids = useMemo(() => lines.map((line) => line._id).sort(), [lines]);
  const looked = useQuery({
    ...publicQuery("BasketProducts", BasketProductsDocument, { ids }),
    enabled: ids.length > 0,
    placeholderData: (before) => before,
  });
  const answer = looked.data?.data.products;
  const all = lines.map((line): Looked => {
    const current = answer?.find((product) => product?._id === line._id);
    if (current) return { ...line, ...current, current };
    return { ...line, current: answer && !looked.isPlaceholderData ? null : undefined };
  });
  const total = all.reduce(
    (sum, line) => (line.current === null ? sum : sum + line.quantity * line.price),
    0,
  );
  return { lines: all, total, unknown: looked.isError };
}

export function BasketEmpty() {
  const t = useT();
  return (
    <Empty title={t("basket.empty.title")} body={t("basket.empty.body")}>
      <ButtonLink to="/products">{t("basket.browse")}</ButtonLink>
    </Empty>
  );
}

interface Props {
  lines: readonly Looked[];
  unknown: boolean;
  shortages?: readonly Shortage[];
}

export function BasketLines({ lines, unknown, shortages = [] }: Props) {
  const t = useT();
  return (
    <>
      {unknown ? (
        <Notice tone="warn" className="mb-4">
          {t("basket.unavailable")}
        </Notice>
      ) : null}
      <ul className="divide-y divide-line">
        {lines.map((line) => (
          <BasketLine key={line._id} line={line} shortage={shortages.find(({ _id }) => _id === line._id)} />
        ))}
      </ul>
    </>
  );
}

function BasketLine({ line, shortage }: { line: Looked; shortage: Shortage | undefined }) {
  const t = useT();
  const money = useMoney();
  const stock = line.current?.stock;
  const available = shortage?.available ?? stock?.available ?? null;
  const trouble =
    line.current === null
      ? t("basket.gone")
      : available !== null && available < line.quantity
        ? available === 0
          ? t("basket.none")
          : t("basket.short", { available, requested: line.quantity })
        : null;
  return (
    <li className="flex gap-4 py-4">
      <Picture source={line.pictures[0]} className="size-18 shrink-0" />
      <div className="min-w-0 flex-1">
        <div className="flex items-start justify-between gap-3">
          <Link
            to={`/products/${line.slug}`}
            className="line-clamp-2 leading-snug font-semibold hover:underline"
          >
            {line.name}
          </Link>
          <p className="shrink-0 font-bold tabular-nums">{money?.format(line.price * line.quantity)}</p>
        </div>
        {trouble ? <p className="mt-1 text-sm font-semibold text-bad">{trouble}</p> : null}
        <div className="mt-2 flex items-center justify-between gap-3">
          <p className="text-sm text-soft tabular-nums">
            {money ? t("basket.each", { price: money.format(line.price) }) : "\u00a0"}
          </p>
          <Stepper
            goods={line}
            available={line.current === null ? 0 : (stock?.available ?? null)}
            look="line"
          />
        </div>
      </div>
    </li>
  );
}

/** The sum, and what is said of paying. */
export function BasketTotal({ total }: { total: number }) {
  const t = useT();
  const money = useMoney();
  return (
    <div>
      <p className="flex items-baseline justify-between text-lg font-semibold">
        <span>{t("basket.total")}</span>
        <span className="font-display text-2xl font-bold tabular-nums">{money?.format(total)}</span>
      </p>
      <p className="mt-1 text-sm text-soft">{t("basket.delivery")}</p>
    </div>
  );
}
