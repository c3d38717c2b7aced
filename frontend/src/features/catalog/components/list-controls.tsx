import { useQuery } from "@tanstack/react-query";
import { SlidersHorizontal, X } from "lucide-react";
import { useId, useState } from "react";
import { useSearchParams } from "react-router";

import { Button } from "@/components/ui/button";
import { Drawer } from "@/components/ui/drawer";
import { CategoryTreeDocument } from "@/gql/graphql";
import { useT } from "@/lib/i18n/provider";
import { publicQuery } from "@/lib/query";
import { useMoney, type Money } from "@/lib/shop/use-money";

import { BANDS, isFiltered, SORTS, withParam, type Band, type ListParams } from "./list-params";

export const treeQuery = { ...publicQuery("CategoryTree", CategoryTreeDocument, {}), staleTime: 60_000 };

/** Sorting, and on phones the way to the filters. */
export function ListBar({ params, categories }: { params: ListParams; categories: boolean }) {
  const t = useT();
  const id = useId();
  const [search, setSearch] = useSearchParams();
  const [open, setOpen] = useState(false);
  return (
    <div className="flex w-full items-center gap-3 sm:w-auto">
      <Button look="quiet" className="lg:hidden" onClick={() => setOpen(true)}>
        <SlidersHorizontal aria-hidden className="size-4" />
        {t("products.filter")}
        {isFiltered(params) ? <span aria-hidden className="size-2 rounded-full bg-accent" /> : null}
      </Button>
      <label htmlFor={id} className="sr-only">
        {t("products.sort")}
      </label>
      <select
        id={id}
        value={params.sort}
        onChange={(event) => setSearch(withParam(search, "sort", event.target.value), { replace: true })}
        className="min-h-11 min-w-0 flex-1 rounded-full border border-edge/50 bg-card px-4 font-semibold"
      >
        {SORTS.map((sort) => (
          <option key={sort} value={sort}>
            {t(`products.sort.${sort}`)}
          </option>
        ))}
      </select>
      <Drawer open={open} onClose={() => setOpen(false)} title={t("products.filter")}>
        <div className="overflow-y-auto p-5">
          <Filters params={params} categories={categories} />
        </div>
      </Drawer>
    </div>
  );
}

/** The filters themselves; each one works at once. */
export function Filters({ params, categories }: { params: ListParams; categories: boolean }) {
  const t = useT();
  const money = useMoney();
  const [search, setSearch] = useSearchParams();
  const set = (name: string, value: string | null) =>
    setSearch(withParam(search, name, value), { replace: true });
  return (
    <form
      aria-label={t("products.filter")}
      className="flex flex-col gap-7"
      onSubmit={(e) => e.preventDefault()}
    >
      <label className="flex min-h-11 cursor-pointer items-center gap-3 font-semibold">
        <input
          type="checkbox"
          className="size-5 accent-accent"
          checked={params.inStock}
          onChange={(event) => set("stock", event.target.checked ? "1" : null)}
        />
        {t("products.filter.stock")}
      </label>
      <Choices
        name="price"
        legend={t("products.filter.price")}
        value={params.band?.key ?? ""}
        choices={[
          { value: "", label: t("products.filter.price.any") },
          ...BANDS.map((band) => ({ value: band.key, label: money ? bandText(t, band, money) : "…" })),
        ]}
        onChoose={(value) => set("price", value)}
      />
      {categories ? (
        <CategoryChoices value={params.category} onChoose={(value) => set("category", value)} />
      ) : null}
      {isFiltered(params) ? (
        <Button
          look="quiet"
          onClick={() => {
            const kept = new URLSearchParams();
            for (const name of ["q", "sort"]) {
              const value = search.get(name);
              if (value !== null) kept.set(name, value);
            }
            setSearch(kept, { replace: true });
          }}
        >
          <X aria-hidden className="size-4" />
          {t("products.filter.clear")}
        </Button>
      ) : null}
    </form>
  );
}

function bandText(t: ReturnType<typeof useT>, band: Band, money: Money): string {
  const price = (major: number) => money.format(money.minor(major));
  if (!("low" in band)) return t("products.filter.price.under", { price: price(band.high) });
  if (!("high" in band)) return t("products.filter.price.over", { price: price(band.low) });
  return t("products.filter.price.between", { low: price(band.low), high: price(band.high) });
}

function CategoryChoices({ value, onChoose }: { value: string; onChoose: (value: string) => void }) {
  const t = useT();
  const tree = useQuery(treeQuery).data?.data.categories ?? [];
  return (
    <Choices
      name="category"
      legend={t("products.filter.category")}
      value={value}
      choices={[
        { value: "", label: t("products.filter.category.all") },
        ...tree.map((category) => ({ value: category.slug, label: category.name })),
      ]}
      onChoose={onChoose}
    />
  );
}

interface ChoicesProps {
  name: string;
  legend: string;
  value: string;
  choices: readonly { value: string; label: string }[];
  onChoose: (value: string) => void;
}

function Choices({ name, legend, value, choices, onChoose }: ChoicesProps) {
  // The same filters may be on the page and in the drawer: each needs a group of its own.
  const group = useId();
  return (
    <fieldset>
      <legend className="mb-1.5 font-bold">{legend}</legend>
      {choices.map((choice) => (
        <label key={choice.value} className="flex min-h-10 cursor-pointer items-center gap-3">
          <input
            type="radio"
            name={`${group}-${name}`}
            className="size-4.5 accent-accent"
            checked={value === choice.value}
            onChange={() => onChoose(choice.value)}
          />
          {choice.label}
        </label>
      ))}
    </fieldset>
  );
}
