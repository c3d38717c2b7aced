import { clsx } from "clsx";
import { Minus, Plus, Trash2 } from "lucide-react";
import { useEffect, useRef, type RefObject } from "react";

import { useT } from "@/lib/i18n/provider";
import { toast } from "@/lib/toasts";

import { basket, MOST_LINES, MOST_OF_ONE, useBasket, type Goods } from "../store";

interface Props {
  goods: Goods;
  /** How many can be sold now; null where that is not known. */
  available: number | null;
  /** On a tile: a round button that opens into a stepper. On a page: a wide one with words. */
  look: "tile" | "wide" | "line";
}

/** One tap puts a product into the basket; then the same place counts it. */
export function Stepper({ goods, available, look }: Props) {
  const t = useT();
  const { lines } = useBasket();
  const quantity = lines.find((line) => line._id === goods._id)?.quantity ?? 0;
  const most = Math.min(MOST_OF_ONE, available ?? MOST_OF_ONE);
  const { name } = goods;
  const root = useRef<HTMLDivElement>(null);
  const focusNext = useFocusAfterChange(root, quantity > 0);

  const step = (by: number) => {
    focusNext();
    if (by > 0 && quantity === 0 && lines.length >= MOST_LINES) {
      toast(t("basket.full", { count: MOST_LINES }), { tone: "bad" });
      return;
    }
    const now = basket.change(goods, by);
    if (now > 0) return;
    toast(t("basket.removed", { name }), {
      action: { label: t("basket.undo"), run: () => basket.set(goods, quantity) },
    });
  };

  if (quantity === 0) {
    const sold = available === 0;
    return (
      <div ref={root} className={look === "wide" ? "w-full sm:w-64" : ""}>
        <button
          type="button"
          disabled={sold}
          aria-label={t("basket.add", { name })}
          onClick={() => step(1)}
          className={clsx(
            "flex items-center justify-center gap-2 rounded-full bg-accent font-semibold text-on-accent transition-colors hover:bg-accent-strong disabled:bg-tint disabled:text-soft",
            look === "wide" ? "min-h-13 w-full px-7 text-lg" : "size-11 shadow-md",
          )}
        >
          <Plus aria-hidden className="size-5" strokeWidth={2.5} />
          {look === "wide" ? <span aria-hidden>{t("basket.addShort")}</span> : null}
        </button>
      </div>
    );
  }
  const button = clsx(
    "grid shrink-0 place-items-center rounded-full transition-colors hover:bg-tint disabled:opacity-40 disabled:hover:bg-transparent",
    look === "wide" ? "size-12" : "size-10",
  );
  return (
    <div
      ref={root}
      role="group"
      aria-label={t("basket.quantity", { count: quantity, name })}
      className={clsx(
        "flex items-center justify-between rounded-full border border-accent bg-card text-ink",
        look === "wide" ? "w-full sm:w-64" : "w-29",
        look === "tile" ? "shadow-md" : "",
      )}
    >
      <button
        type="button"
        className={button}
        aria-label={t(quantity === 1 ? "basket.remove" : "basket.less", { name })}
        onClick={() => step(-1)}
      >
        {quantity === 1 ? (
          <Trash2 aria-hidden className="size-4.5" />
        ) : (
          <Minus aria-hidden className="size-4.5" />
        )}
      </button>
      <span aria-live="polite" className="min-w-6 text-center font-bold tabular-nums">
        <span key={quantity} className="inline-block animate-[pop_.22s_ease-out]">
          {quantity}
        </span>
      </span>
      <button
        type="button"
        className={button}
        data-more=""
        disabled={quantity >= most}
        aria-label={t("basket.more", { name })}
        onClick={() => step(1)}
      >
        <Plus aria-hidden className="size-4.5" />
      </button>
    </div>
  );
}

/** The button that had the focus is gone when the first is added or the last taken out: its successor gets it. */
function useFocusAfterChange(root: RefObject<HTMLDivElement | null>, open: boolean): () => void {
  const wanted = useRef(false);
  useEffect(() => {
    if (!wanted.current) return;
    wanted.current = false;
    root.current?.querySelector<HTMLButtonElement>(open ? "[data-more]" : "button")?.focus();
  }, [open, root]);
  return () => {
    wanted.current = true;
  };
}
