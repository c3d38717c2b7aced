/** What a list of products shows, in the address: it can be shared, and Back comes back to it. Knows no React. */

import type { ProductFilter, ProductSort } from "@/gql/graphql";

export const SORTS = ["NEWEST", "NAME", "PRICE_ASC", "PRICE_DESC"] as const satisfies readonly ProductSort[];

/** Price bands in major units of the shop's money. */
export const BANDS = [
  { key: "0-2", high: 2 },
  { key: "2-5", low: 2, high: 5 },
  { key: "5-10", low: 5, high: 10 },
  { key: "10", low: 10 },
] as const;
export type Band = (typeof BANDS)[number];

export interface ListParams {
  text: string;
  sort: ProductSort;
  category: string;
  band: Band | null;
  inStock: boolean;
}

export function readParams(search: URLSearchParams): ListParams {
  const sort = SORTS.find((one) => one === search.get("sort"));
  return {
    text: (search.get("q") ?? "").trim().slice(0, 200),
    sort: sort ?? "NEWEST",
    category: search.get("category") ?? "",
    band: BANDS.find((one) => one.key === search.get("price")) ?? null,
    inStock: search.get("stock") === "1",
  };
}

/** The address with one thing changed; what is as it is anyway is left out. */
export function withParam(search: URLSearchParams, name: string, value: string | null): URLSearchParams {
  const next = new URLSearchParams(search);
  if (value === null || value === "" || (name === "sort" && value === "NEWEST")) next.delete(name);
  else next.set(name, value);
  return next;
}

export function filterOf(params: ListParams, minor: (major: number) => number): ProductFilter {
  const filter: ProductFilter = {};
  if (params.text !== "") filter.text = params.text;
  if (params.category !== "") filter.category = params.category;
  if (params.inStock) filter.inStock = true;
  if (params.band && "low" in params.band) filter.minPrice = minor(params.band.low);
  if (params.band && "high" in params.band) filter.maxPrice = minor(params.band.high);
  return filter;
}

export function isFiltered(params: ListParams): boolean {
  return params.band !== null || params.inStock || params.category !== "";
}
