/**
 * The basket of this browser: what somebody wants to buy, kept across visits and the same in every tab. A change is made on what is kept
 * at that moment, so that two tabs that add both count. Prices are those that were last seen; the shop says what counts.
 */

import { useSyncExternalStore } from "react";

import { record } from "@/lib/graphql/errors";
import { keep, readKept } from "@/lib/storage";

export const MOST_OF_ONE = 99;
export const MOST_LINES = 100;
const NAME = "larder.basket";

export interface Goods {
  _id: string;
  slug: string;
  name: string;
  price: number;
  pictures: readonly string[];
}

export interface Line extends Goods {
  quantity: number;
}

export interface Basket {
  lines: readonly Line[];
  /** Names the order that this basket becomes, so that it becomes one only, however often it is sent. New with every change. */
  orderKey: string;
}

const NOTHING: Basket = { lines: [], orderKey: "" };

export class BasketStore {
  #kept: string | null = null;
  #basket: Basket = NOTHING;
  readonly #listeners = new Set<() => void>();

  /** What is kept now; the same object as long as that does not change. */
  get = (): Basket => {
    const kept = readKept(NAME);
    if (kept !== this.#kept) {
      this.#kept = kept;
      this.#basket = parse(kept);
    }
    return this.#basket;
  };

  subscribe = (listener: () => void): (() => void) => {
    const elsewhere = (event: StorageEvent) => {
      if (event.key === NAME || event.key === null) listener();
    };
    this.#listeners.add(listener);
    addEventListener("storage", elsewhere);
    return () => {
      this.#listeners.delete(listener);
      removeEventListener("storage", elsewhere);
    };
  };

  /** Changes how many of a product are wanted; none takes it out. Says how many it is then. */
  change(goods: Goods, by: number): number {
    const lines = this.get().lines;
    const old = lines.find((line) => line._id === goods._id);
    if (!old && lines.length >= MOST_LINES) return 0;
    return this.set(goods, (old?.quantity ?? 0) + by);
  }

  set(goods: Goods, quantity: number): number {
    const wanted = Math.max(0, Math.min(MOST_OF_ONE, Math.trunc(quantity)));
    const { _id, slug, name, price, pictures } = goods;
    const line = { _id, slug, name, price, pictures, quantity: wanted };
    const lines = this.get().lines;
    const at = lines.findIndex((one) => one._id === _id);
    if (at < 0) this.#write(wanted > 0 ? [...lines, line] : lines);
    else this.#write(wanted > 0 ? lines.with(at, line) : lines.toSpliced(at, 1));
    return wanted;
  }

  /** Takes out what was ordered; what was added meanwhile stays. */
  ordered(orderKey: string): void {
    if (this.get().orderKey === orderKey) this.#write([]);
  }

  #write(lines: readonly Line[]): void {
    keep(NAME, lines.length === 0 ? null : JSON.stringify({ lines, orderKey: crypto.randomUUID() }));
    for (const listener of this.#listeners) listener();
  }
}

/** What is kept was written by this program, an older one, or somebody's hands: what does not fit is left out. */
function parse(kept: string | null): Basket {
  if (kept === null) return NOTHING;
  try {
    const basket = record(JSON.parse(kept));
    const lines = Array.isArray(basket["lines"]) ? basket["lines"].filter(isLine) : [];
    return { lines, orderKey: String(basket["orderKey"]) };
  } catch {
    return NOTHING;
  }
}

function isLine(value: unknown): value is Line {
  const line = record(value);
  const texts = [line["_id"], line["slug"], line["name"]].every((text) => typeof text === "string");
  const numbers = [line["price"], line["quantity"]].every((number) => Number.isSafeInteger(number));
  return texts && numbers && Number(line["quantity"]) > 0 && Array.isArray(line["pictures"]);
}

export const basket = new BasketStore();

export function useBasket(): Basket {
  return useSyncExternalStore(basket.subscribe, basket.get);
}

export function countOf({ lines }: Basket): number {
  return lines.reduce((sum, line) => sum + line.quantity, 0);
}

export function totalOf({ lines }: Basket): number {
  return lines.reduce((sum, line) => sum + line.quantity * line.price, 0);
}
