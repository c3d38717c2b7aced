import { afterAll, beforeAll, expect, it } from "vitest";

import { add, openShop, register, visitor, type Shop } from "./shop";

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop.stop());

it("lets somebody find, order, follow, cancel and order again", async () => {
  const { page, context, complaints } = await visitor(shop);
  await page.goto("/");
  await page.getByRole("combobox").fill("gala");
  await page.getByRole("option", { name: /Gala Apples/ }).click();
  await page.getByRole("heading", { level: 1, name: "Gala Apples" }).waitFor();
  await add(page, "Gala Apples");
  await page.getByRole("button", { name: "One more Gala Apples" }).click();
  await page.getByRole("button", { name: /^Basket .*2$/ }).click();
  await page.getByRole("dialog").getByRole("link", { name: "View basket" }).click();

  // Whoever must sign in first comes back, with the basket.
  await page.getByRole("link", { name: "Sign in to order" }).click();
  await page.getByRole("link", { name: "Create an account" }).click();
  await register(page);
  await page.waitForURL("**/cart");
  await page.getByText("€5.58").first().waitFor();
  await page.getByRole("button", { name: "Order now" }).dblclick();
  await page.waitForURL("**/confirmation");
  await page.getByRole("heading", { name: "Thank you! Your order is placed." }).waitFor();

  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Orders" }).click();
  await expect.poll(() => page.getByRole("main").getByRole("listitem").count()).toBe(1);
  await page.getByRole("link", { name: /^Order / }).click();
  await page.getByRole("button", { name: "Cancel the order" }).click();
  await page.getByRole("button", { name: "Yes, cancel it" }).click();
  await page.getByText("Cancelled").first().waitFor();

  await page.getByRole("button", { name: "Order again" }).click();
  await page.waitForURL("**/cart");
  await page.getByRole("group", { name: "2 of Gala Apples in the basket" }).waitFor();
  await page.goto("/");
  await page.getByRole("heading", { name: "Buy again" }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

it("keeps somebody signed in over reloads and tabs, and out of them all after signing out", async () => {
  const { page, context, complaints } = await visitor(shop);
  await page.goto("/register");
  await register(page);
  await page.getByRole("button", { name: "Account" }).waitFor();
  const tabs = [await context.newPage(), await context.newPage()];
  await Promise.all([page.reload(), ...tabs.map((tab) => tab.goto("/orders"))]);
  for (const tab of tabs) await tab.getByText("No orders yet").waitFor();
  for (let at = 0; at < 4; at++) {
    await Promise.all([page.reload({ waitUntil: "commit" }), tabs[0]!.reload({ waitUntil: "commit" })]);
  }
  for (const tab of [page, tabs[0]!]) await tab.getByRole("button", { name: "Account" }).waitFor();

  const kept = await context.cookies(`${shop.url}/graphql`);
  expect(kept.map(({ name, httpOnly, sameSite, secure }) => ({ name, httpOnly, sameSite, secure }))).toEqual([
    { name: "larder_refresh", httpOnly: true, sameSite: "Strict", secure: true },
  ]);
  const stored = await page.evaluate(() => JSON.stringify([localStorage, sessionStorage, document.cookie]));
  expect(stored, "no token is where a script finds it").not.toMatch(/eyJ|larder_refresh|\.[A-Za-z0-9_-]{43}/);

  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  for (const tab of [page, ...tabs]) await tab.getByRole("link", { name: "Sign in" }).first().waitFor();
  await tabs[1]!.waitForURL("**/login?next=%2Forders");
  expect(complaints).toEqual([]);
  await context.close();
});

it("sells the last one once: the other shopper is told, and goes on with what there is", async () => {
  const one = await visitor(shop);
  await one.page.goto("/register");
  await register(one.page);
  await one.page.getByRole("button", { name: "Account" }).waitFor();
  // The demo range has products of which there is one only.
  await one.page.goto("/products?q=vanilla+waffle");
  await add(one.page, "Vanilla Waffle Cones, 4 Pack");
  await one.page.goto("/products?q=gala");
  await add(one.page, "Gala Apples");
  await one.page.goto("/cart");
  await one.page.getByRole("button", { name: "Order now" }).waitFor();

  const other = await visitor(shop);
  await other.page.goto("/register?next=/products?q=vanilla%2Bwaffle");
  await register(other.page);
  await add(other.page, "Vanilla Waffle Cones, 4 Pack");
  await other.page.goto("/cart");
  await other.page.getByRole("button", { name: "Order now" }).click();
  await other.page.waitForURL("**/confirmation");

  await one.page.getByRole("button", { name: "Order now" }).click();
  await one.page.getByText("Sold out meanwhile.").waitFor();
  await one.page.getByRole("button", { name: "Take what there is" }).click();
  await one.page.getByRole("button", { name: "Order now" }).click();
  await one.page.waitForURL("**/confirmation");
  await one.page.getByText("Gala Apples").waitFor();
  expect(await one.page.getByText("Vanilla Waffle").count()).toBe(0);
  expect([...one.complaints, ...other.complaints]).toEqual([]);
  await one.context.close();
  await other.context.close();
});

it("is searched, filtered and sorted by its address, and Back finds its place", async () => {
  const { page, context } = await visitor(shop);
  await page.goto("/products");
  await page.getByRole("radio", { name: "Bakery" }).check();
  await page.getByRole("radio", { name: "Up to €2.00" }).check();
  await page.getByLabel("Sort by").selectOption("PRICE_ASC");
  await expect.poll(() => new URL(page.url()).search).toBe("?category=bakery&price=0-2&sort=PRICE_ASC");
  await page.reload();
  expect(await page.getByRole("radio", { name: "Bakery" }).isChecked()).toBe(true);

  await page.goto("/products");
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByText("48 of 339 shown").waitFor();
  await page.evaluate(() => scrollTo(0, 2000));
  await page.waitForTimeout(100);
  await page.getByRole("article").nth(26).getByRole("link").click();
  await page.getByText("About this product").waitFor();
  expect(await page.evaluate(() => scrollY)).toBe(0);
  await page.goBack();
  await page.getByText("48 of 339 shown").waitFor();
  expect(Math.abs((await page.evaluate(() => scrollY)) - 2000)).toBeLessThan(400);
  await context.close();
});

it("is used by keys alone", async () => {
  const { page, context } = await visitor(shop);
  await page.goto("/");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  await page.getByRole("combobox").focus();
  await page.keyboard.type("gala");
  await page.getByRole("option", { name: /Gala Apples/ }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Add to basket: Gala Apples" }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  await page.getByRole("group", { name: "2 of Gala Apples in the basket" }).waitFor();
  await page.getByRole("button", { name: /^Basket .*2$/ }).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.press("Escape");
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toMatch(/^Basket/);
  await context.close();
});

it("keeps what is loaded while there is no network, and says so", async () => {
  const { page, context } = await visitor(shop);
  await page.goto("/");
  await page.getByRole("heading", { name: "New on the shelves" }).waitFor();
  await context.setOffline(true);
  await page.getByText(/You are offline/).waitFor();
  expect(await page.getByRole("article").count()).toBeGreaterThan(5);
  await context.setOffline(false);
  await expect.poll(() => page.getByText(/You are offline/).count()).toBe(0);
  await context.close();
});

it("speaks Vietnamese and goes dark, and remembers both", async () => {
  const { page, context } = await visitor(shop);
  await page.goto("/");
  await page.getByRole("button", { name: "Language and appearance" }).click();
  await page.getByRole("menuitemradio", { name: "Tiếng Việt" }).click();
  await page.getByRole("heading", { name: "Đầy ắp gian bếp" }).waitFor();
  await page.getByRole("button", { name: "Ngôn ngữ và giao diện" }).click();
  await page.getByRole("menuitemradio", { name: "Tối" }).click();
  await page.reload();
  await page.getByRole("heading", { name: "Đầy ắp gian bếp" }).waitFor();
  const root = await page.evaluate(() => [
    document.documentElement.lang,
    document.documentElement.dataset["theme"],
  ]);
  expect(root).toEqual(["vi", "dark"]);
  await context.close();
});

it("has a real 404, and shows nobody another person's order", async () => {
  const { page, context } = await visitor(shop);
  expect((await page.goto("/nowhere"))?.status()).toBe(404);
  await page.getByText("This shelf is empty").waitFor();
  expect((await page.goto("/orders/0195d3a0-0000-7000-8000-000000000000"))?.status()).toBe(200);
  await page.waitForURL("**/login?**");
  await page.getByRole("main").getByRole("link", { name: "Create an account" }).click();
  await register(page);
  await page.getByText("There is no such order").waitFor();
  await context.close();
});
