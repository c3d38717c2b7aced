// Writes a picture of each page, at the width of a phone and of a desk, light and dark, to docs/screenshots/ (or the folder given).
// Needs a stocked shop: `node scripts/screenshots.mjs http://127.0.0.1:4000 [folder] [name…]`.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const [
  url = "http://127.0.0.1:4000",
  folder = fileURLToPath(new URL("../../docs/screenshots", import.meta.url)),
  ...only
] = process.argv.slice(2);

const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(
    " ",
  );
const WIDTHS = { phone: { width: 390, height: 844 }, desk: { width: 1440, height: 900 } };

const add = (page, name) =>
  page
    .getByRole("button", { name: `Add to basket: ${name}` })
    .first()
    .click();

/** Each page, and what is done before it is looked at. */
const PAGES = {
  home: { path: "/" },
  products: { path: "/products" },
  search: { path: "/products?q=bread" },
  suggestions: { path: "/", then: (page) => page.getByRole("combobox").fill("app") },
  nothing: { path: "/products?q=qqqq" },
  product: { path: "/products/gala-apples", then: (page) => add(page, "Gala Apples") },
  categories: { path: "/categories" },
  category: { path: "/categories/bakery" },
  cart: { path: "/cart" },
  "cart-empty": { path: "/cart", fresh: true },
  login: { path: "/login" },
  register: { path: "/register" },
  orders: { path: "/orders", signedIn: true },
  order: { path: "/orders", signedIn: true, then: (page) => page.locator("main li a").first().click() },
  "not-found": { path: "/nowhere" },
};

const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
mkdirSync(folder, { recursive: true });
for (const [size, viewport] of Object.entries(WIDTHS)) {
  for (const colorScheme of ["light", "dark"]) {
    const context = await browser.newContext({
      viewport,
      colorScheme,
      baseURL: url,
      reducedMotion: "reduce",
      isMobile: size === "phone",
    });
    const page = await context.newPage();
    await page.goto("/products");
    await page.locator("article button").nth(2).click();
    await page.locator("article button").nth(3).click();
    await page.locator("article button").nth(6).click();
    for (const [name, { path, then, signedIn, fresh }] of Object.entries(PAGES)) {
      if (only.length > 0 && !only.includes(name)) continue;
      const shown = fresh
        ? await (await browser.newContext({ viewport, colorScheme, baseURL: url })).newPage()
        : page;
      if (signedIn && !(await hasSignedIn(page))) await signIn(page);
      if (signedIn) await inside(shown, path);
      else await shown.goto(path);
      await shown.waitForLoadState("networkidle");
      if (then) await then(shown);
      await shown.waitForTimeout(400);
      await shown.screenshot({
        path: join(folder, `${name}-${size}-${colorScheme}.png`),
        animations: "disabled",
      });
      if (fresh) await shown.context().close();
    }
    await context.close();
  }
}
await browser.close();

async function hasSignedIn(page) {
  return (await page.getByRole("button", { name: "Account" }).count()) > 0;
}

async function signIn(page) {
  await page.goto("/login");
  await page.getByLabel("User name").fill("customer");
  await page.getByLabel("Password", { exact: true }).fill("customer-larder-demo");
  await page.getByRole("main").getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Account" }).waitFor();
  // Something to look at in the list of orders.
  await inside(page, "/cart");
  await page.getByRole("button", { name: "Order now" }).click();
  await page.waitForURL("**/confirmation");
}

/** Opens a page without loading the shop anew. */
async function inside(page, path) {
  await page.evaluate((to) => {
    history.pushState(null, "", to);
    dispatchEvent(new PopStateEvent("popstate", { state: null }));
  }, path);
}
