import { expect, it } from "vitest";

import { BasketStore, countOf, MOST_LINES, MOST_OF_ONE, totalOf } from "./store";

const goods = (id: string, price = 100) => ({ _id: id, slug: id, name: id, price, pictures: [] });

it("counts what two tabs add", () => {
  const [one, two] = [new BasketStore(), new BasketStore()];
  one.change(goods("a"), 1);
  two.change(goods("a"), 2);
  one.change(goods("b"), 1);
  expect([countOf(one.get()), countOf(two.get()), totalOf(two.get())]).toEqual([4, 4, 400]);
});

it("takes a line out when none is left, and never counts below", () => {
  const store = new BasketStore();
  store.change(goods("a"), 1);
  store.change(goods("a"), -3);
  expect(store.get().lines).toEqual([]);
});

it("holds so many of one and so many different ones", () => {
  const store = new BasketStore();
  expect(store.change(goods("a"), 1000)).toBe(MOST_OF_ONE);
  for (let at = 1; at < MOST_LINES; at++) store.change(goods(`p${at}`), 1);
  expect([store.change(goods("more"), 1), store.get().lines.length]).toEqual([0, MOST_LINES]);
});

it("names the order anew with every change, and takes out only what was ordered", () => {
  const store = new BasketStore();
  store.change(goods("a"), 1);
  const key = store.get().orderKey;
  expect(store.get().orderKey, "asking changes nothing").toBe(key);
  store.change(goods("a"), 1);
  expect(store.get().orderKey).not.toBe(key);
  store.ordered(key);
  expect(countOf(store.get()), "it has changed since").toBe(2);
  store.ordered(store.get().orderKey);
  expect(countOf(store.get())).toBe(0);
});

it("leaves out what it cannot read", () => {
  for (const kept of [
    "{",
    "[]",
    '{"lines":[{"_id":1},{"_id":"a","slug":"a","name":"a","price":1,"quantity":-1,"pictures":[]}]}',
  ]) {
    localStorage.setItem("larder.basket", kept);
    expect(new BasketStore().get().lines).toEqual([]);
  }
});
