import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { ShopDocument, type Unit } from "@/gql/graphql";
import { useLanguage } from "@/lib/i18n/provider";
import { publicQuery } from "@/lib/query";

export const shopQuery = { ...publicQuery("Shop", ShopDocument, {}), staleTime: Infinity };

export interface Money {
  /** Minor units as the shop's money, in the language's way. */
  format: (minor: number) => string;
  /** `6.45 € / kg` */
  perUnit: (price: { amount: number; per: Unit }) => string;
  /** What `major` units are in minor ones. */
  minor: (major: number) => number;
}

export function moneyOf(locale: string, currency: string, exponent: number): Omit<Money, "perUnit"> {
  const numbers = new Intl.NumberFormat(locale, {
    style: "currency",
    currency,
    minimumFractionDigits: exponent,
    maximumFractionDigits: exponent,
  });
  const scale = 10 ** exponent;
  return { format: (minor) => numbers.format(minor / scale), minor: (major) => Math.round(major * scale) };
}

/** The shop's money; null until it is known which money that is. */
export function useMoney(): Money | null {
  const { locale, t } = useLanguage();
  const shop = useQuery(shopQuery).data?.data.shop;
  return useMemo(() => {
    if (!shop) return null;
    const money = moneyOf(locale, shop.currency, shop.exponent);
    const perUnit: Money["perUnit"] = ({ amount, per }) =>
      t("product.per", { price: money.format(amount), unit: t(`unit.${per}`) });
    return { ...money, perUnit };
  }, [shop, locale, t]);
}
