/** Each page for itself: what axe finds, and whether it fits. */

import { createRequire } from "node:module";

import type { Page } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";

import { openShop, visitor, type Shop } from "./shop";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

interface Found {
  violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[];
}

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.stop());

const PAGES = [
  "/",
  "/products",
  "/products?q=qqqq",
  "/products/gala-apples",
  "/categories",
  "/categories/bakery",
  "/cart",
  "/login",
  "/register",
  "/orders",
  "/nowhere",
];

async function violations(page: Page): Promise<string[]> {
  // Past the Content-Security-Policy, as a debugger would: the page itself may not.
  const session = await page.context().newCDPSession(page);
  await session.send("Page.setBypassCSP", { enabled: true });
  await page.addScriptTag({ path: axe });
  const found = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: () => Promise<Found> } };
    return axe.run();
  });
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary ?? ""}`),
  );
}

async function open(page: Page, path: string) {
  await page.goto(path);
  await page.waitForLoadState("networkidle", { timeout: 10_000 });
}

it.each([
  { width: 390, colorScheme: "light" },
  { width: 1440, colorScheme: "dark" },
  { width: 390, colorScheme: "dark" },
  { width: 1440, colorScheme: "light" },
] as const)("has nothing that axe finds at $width px, $colorScheme", async ({ width, colorScheme }) => {
  const { context, page } = await visitor(shop, {
    viewport: { width, height: 900 },
    colorScheme,
    bypassCSP: true,
  });
  await page.goto("/products");
  await page.locator("article button").nth(2).click();
  const found: Record<string, string[]> = {};
  for (const path of PAGES) {
    await open(page, path);
    const here = await violations(page);
    if (here.length > 0) found[path] = here;
  }
  expect(found).toEqual({});
  await context.close();
});

it.each([320, 390, 768, 1024, 1920])("fits %i px without scrolling sideways", async (width) => {
  const { context, page } = await visitor(shop, { viewport: { width, height: 800 } });
  const wide: string[] = [];
  for (const path of PAGES) {
    await open(page, path);
    const over = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    if (over > 0) wide.push(`${path}: ${over.toString()} px`);
  }
  expect(wide).toEqual([]);
  await context.close();
});

it("moves nothing that is already there while it loads", async () => {
  const { context, page } = await visitor(shop, { viewport: { width: 390, height: 844 } });
  await page.addInitScript(() => {
    const shifts = { sum: 0 };
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & {
        value: number;
        hadRecentInput: boolean;
      })[]) {
        if (!entry.hadRecentInput) shifts.sum += entry.value;
      }
    }).observe({ type: "layout-shift", buffered: true });
  });
  const moved: string[] = [];
  for (const path of PAGES) {
    await open(page, path);
    const sum = await page.evaluate(() => (window as unknown as { shifts: { sum: number } }).shifts.sum);
    if (sum > 0.02) moved.push(`${path}: ${sum.toFixed(3)}`);
  }
  expect(moved).toEqual([]);
  await context.close();
});
