import { expect, it } from "vitest";

import { filterOf, readParams, withParam } from "./list-params";

const minor = (major: number) => major * 100;

it("reads a list from its address, and nothing that is not offered", () => {
  const params = readParams(new URLSearchParams("q= milk &sort=PRICE_ASC&price=2-5&stock=1&category=dairy"));
  expect(filterOf(params, minor)).toEqual({
    text: "milk",
    category: "dairy",
    inStock: true,
    minPrice: 200,
    maxPrice: 500,
  });
  const nonsense = readParams(new URLSearchParams("sort=UP&price=1-1000&stock=maybe"));
  expect([nonsense.sort, filterOf(nonsense, minor)]).toEqual(["NEWEST", {}]);
});

it("leaves out of the address what is so anyway", () => {
  const search = new URLSearchParams("q=milk&sort=NAME");
  expect(withParam(search, "sort", "NEWEST").toString()).toBe("q=milk");
  expect(withParam(search, "price", "10").toString()).toBe("q=milk&sort=NAME&price=10");
});
