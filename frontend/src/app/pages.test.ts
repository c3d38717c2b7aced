import { readFileSync } from "node:fs";

import { expect, it } from "vitest";

import { PAGES } from "./pages";

it("tells the router of the same pages as it has", () => {
  const told = readFileSync("public/routes.txt", "utf8").trim().split("\n");
  expect(told).toEqual(PAGES.map(({ path }) => path));
});
