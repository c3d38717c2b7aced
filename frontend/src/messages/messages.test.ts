import { readdirSync, readFileSync } from "node:fs";

import { expect, it } from "vitest";

import { pickLocale, translator } from "@/lib/i18n/translate";

import en from "./en.json";
import vi from "./vi.json";

const places = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([place]) => place).sort();

it("has every message in every language, with the same places to fill", () => {
  expect(Object.keys(vi).sort()).toEqual(Object.keys(en).sort());
  const differ = Object.entries(en).filter(
    ([key, text]) => places(text).join() !== places(vi[key as keyof typeof vi]).join(),
  );
  expect(differ.map(([key]) => key)).toEqual([]);
});

it("has no message that nobody shows", () => {
  const sources = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file) && !file.includes("test"))
    .map((file) => readFileSync(`src/${file}`, "utf8"))
    .join("\n");
  // A key is written out, or made of a stem and what the graph calls something.
  const stems = [...sources.matchAll(/`([\w.]+\.)\$\{/g)].map((match) => match[1] ?? "");
  const unused = Object.keys(en).filter((key) => {
    const stem = key.replace(/\.(one|other)$/, "");
    return !sources.includes(`"${stem}"`) && !stems.some((one) => key.startsWith(one));
  });
  expect(unused).toEqual([]);
});

it("fills places and chooses the plural", () => {
  const t = translator("en", en);
  expect([t.plural("products.count", 1), t.plural("products.count", 1200)]).toEqual([
    "1 product",
    "1,200 products",
  ]);
  expect(t("nav.signedInAs", { name: "{x}" })).toBe("Signed in as {x}");
  expect(translator("vi", vi).plural("products.count", 1200)).toBe("1.200 sản phẩm");
});

it("speaks what was chosen, or else what the browser likes", () => {
  expect(pickLocale("vi", ["en-GB"])).toBe("vi");
  expect(pickLocale(null, ["fr-FR", "vi-VN", "en"])).toBe("vi");
  expect(pickLocale("xx", [])).toBe("en");
});
