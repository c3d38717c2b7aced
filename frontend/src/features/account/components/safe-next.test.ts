import { expect, it } from "vitest";

import { safeNext } from "./safe-next";

it("goes on in this shop only", () => {
  expect(safeNext("/orders/1?x=1")).toBe("/orders/1?x=1");
  for (const elsewhere of [
    null,
    "",
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "javascript:alert(1)",
  ]) {
    expect(safeNext(elsewhere)).toBe("/");
  }
});
