import { useQuery } from "@tanstack/react-query";
import { clsx } from "clsx";
import { Search, X } from "lucide-react";
import { useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { useLocation, useNavigate, useSearchParams } from "react-router";

import { SuggestProductsDocument } from "@/gql/graphql";
import { useT } from "@/lib/i18n/provider";
import { publicQuery } from "@/lib/query";
import { useMoney } from "@/lib/shop/use-money";

/** Below this, too much begins like it. */
const SHORTEST = 2;
/** A hurried person types a letter in about this time; asking in between would be for nothing. */
const PAUSE_MS = 140;

/** Search with suggestions: a combobox, by the pattern of the ARIA practices. */
export function SearchBox() {
  const t = useT();
  const money = useMoney();
  const navigate = useNavigate();
  const [search] = useSearchParams();
  const { pathname } = useLocation();
  const here = pathname === "/products" ? (search.get("q") ?? "") : "";
  const [text, setText] = useState(here);
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(-1);
  const list = useId();
  const input = useRef<HTMLInputElement>(null);
  const settled = useSettled(text.trim(), PAUSE_MS);

  // The address is what counts: Back, and links to a search, show in the box.
  const [seen, setSeen] = useState(here);
  if (seen !== here) {
    setSeen(here);
    setText(here);
  }

  const suggestions = useQuery({
    ...publicQuery("Suggest", SuggestProductsDocument, { text: settled }),
    enabled: open && settled.length >= SHORTEST,
    placeholderData: (before) => before,
  });
  const found = settled.length >= SHORTEST ? (suggestions.data?.data.productsConnection?.nodes ?? []) : [];
  const shown = open && text.trim().length >= SHORTEST && found.length > 0;

  const leave = () => {
    setOpen(false);
    setAt(-1);
    input.current?.blur();
  };
  const goSearch = () => {
    leave();
    const wanted = text.trim();
    void navigate(wanted === "" ? "/products" : `/products?${new URLSearchParams({ q: wanted }).toString()}`);
  };
  const goProduct = (slug: string) => {
    leave();
    setText("");
    void navigate(`/products/${slug}`);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = found.length; // One more than the products: all results.
    if (event.key === "Escape") {
      if (shown) event.preventDefault();
      setOpen(false);
      setAt(-1);
    } else if (shown && event.key === "ArrowDown") {
      event.preventDefault();
      setAt(at >= last ? 0 : at + 1);
    } else if (shown && event.key === "ArrowUp") {
      event.preventDefault();
      setAt(at <= 0 ? last : at - 1);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const chosen = found[at];
      if (shown && chosen) goProduct(chosen.slug);
      else goSearch();
    }
  };

  return (
    <div role="search" className="relative w-full">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          goSearch();
        }}
      >
        <Search aria-hidden className="pointer-events-none absolute top-3.5 left-4 size-5 text-soft" />
        <input
          ref={input}
          type="search"
          role="combobox"
          aria-label={t("search.label")}
          aria-autocomplete="list"
          aria-expanded={shown}
          aria-controls={list}
          aria-activedescendant={at >= 0 && shown ? `${list}-${at}` : undefined}
          autoComplete="off"
          enterKeyHint="search"
          maxLength={200}
          placeholder={t("search.placeholder")}
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setOpen(true);
            setAt(-1);
          }}
          onFocus={() => setOpen(true)}
          onBlur={() => setOpen(false)}
          onKeyDown={onKeyDown}
          className="min-h-12 w-full rounded-full border border-edge/60 bg-card pr-12 pl-12 text-base placeholder:text-soft [&::-webkit-search-cancel-button]:hidden"
        />
        {text !== "" ? (
          <button
            type="button"
            aria-label={t("search.clear")}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => {
              setText("");
              input.current?.focus();
            }}
            className="absolute top-1 right-1 grid size-10 place-items-center rounded-full hover:bg-tint"
          >
            <X aria-hidden className="size-4.5" />
          </button>
        ) : null}
      </form>
      <p role="status" className="sr-only">
        {shown ? t.plural("search.count", found.length) : ""}
      </p>
      <div
        id={list}
        role="listbox"
        aria-label={t("search.suggestions")}
        hidden={!shown}
        className="absolute inset-x-0 top-full z-40 mt-2 overflow-hidden rounded-3xl border border-line bg-card p-2 shadow-xl"
      >
        {found.map((product, index) => (
          // A combobox keeps the focus in its field; keys are handled there.
          // eslint-disable-next-line jsx-a11y/click-events-have-key-events
          <div
            key={product._id}
            id={`${list}-${index}`}
            role="option"
            tabIndex={-1}
            aria-selected={index === at}
            onMouseDown={(event) => event.preventDefault()}
            onClick={() => goProduct(product.slug)}
            className={clsx(
              "flex cursor-pointer items-center gap-3 rounded-2xl p-2",
              index === at ? "bg-tint" : "hover:bg-tint",
            )}
          >
            <img
              src={product.pictures[0]}
              alt=""
              width={256}
              height={256}
              className="size-10 object-contain"
            />
            <span className="min-w-0 flex-1">
              <span className="block truncate font-semibold">{product.name}</span>
              <span className="block truncate text-xs text-soft">
                {[product.brand, product.sizeText].filter(Boolean).join(" · ")}
              </span>
            </span>
            <span className="font-semibold tabular-nums">{money?.format(product.price)}</span>
          </div>
        ))}
        {/* eslint-disable-next-line jsx-a11y/click-events-have-key-events */}
        <div
          id={`${list}-${found.length}`}
          role="option"
          tabIndex={-1}
          aria-selected={at === found.length}
          onMouseDown={(event) => event.preventDefault()}
          onClick={goSearch}
          className={clsx(
            "cursor-pointer rounded-2xl px-3 py-3 font-semibold text-accent",
            at === found.length ? "bg-tint" : "hover:bg-tint",
          )}
        >
          {t("search.all", { text: text.trim() })}
        </div>
      </div>
    </div>
  );
}

/** A value once it has not changed for a while. */
function useSettled(value: string, ms: number): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}
