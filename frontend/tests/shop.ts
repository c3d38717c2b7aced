/** A stocked shop of its own and a browser to walk in, for a file of journeys. */

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

export interface Shop {
  url: string;
  browser: Browser;
  stop: () => Promise<void>;
}

/** Opens a shop on a free port with the demo range; `LARDER_URL` names one that is open already. */
export async function openShop(): Promise<Shop> {
  const executablePath = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
  if (!existsSync(executablePath))
    throw new Error("There is no Chromium: apt-get install chromium, or set CHROMIUM.");
  const shop = process.env["LARDER_URL"]
    ? { url: process.env["LARDER_URL"], close: () => undefined }
    : await start();
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  return {
    url: shop.url,
    browser,
    stop: async () => {
      await browser.close();
      shop.close();
    },
  };
}

async function start(): Promise<{ url: string; close: () => void }> {
  const program = process.env["LARDER_BIN"] ?? join(import.meta.dirname, "../../target/debug/larder");
  if (!existsSync(program))
    throw new Error(`There is no ${program}: build the workspace, or set LARDER_BIN.`);
  const data = mkdtempSync(join(tmpdir(), "larder-journeys-"));
  // Journeys sign in more often in a minute than a person would.
  const args = ["up", "--demo", "--no-rate-limits", "--listen", "127.0.0.1:0", "--data", data];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise<string>((resolve, reject) => {
    let said = "";
    child.stdout.on("data", (text: Buffer) => {
      said += text.toString();
      const url = /shop\s+(http:\/\/\S+?)\/\s/.exec(said)?.[1];
      if (url && said.includes("The shop is stocked")) resolve(url);
    });
    child.on("exit", (code) => reject(new Error(`the shop ended with ${code ?? "a signal"}: ${said}`)));
  });
  const close = () => {
    child.removeAllListeners("exit");
    child.on("exit", () => rmSync(data, { recursive: true, force: true }));
    child.kill("SIGTERM");
  };
  return { url, close };
}

/** Somebody's browser, and what went wrong in it that nobody would see. */
export async function visitor(shop: Shop, options: BrowserContextOptions = {}) {
  const context = await shop.browser.newContext({
    baseURL: shop.url,
    viewport: { width: 1280, height: 900 },
    reducedMotion: "reduce",
    locale: "en-GB",
    ...options,
  });
  const complaints: string[] = [];
  const watch = (page: Page) => {
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      // The 404 of a page that is not there is what that journey is about, and being offline what that one is.
      const expected = /404 \(Not Found\)|ERR_INTERNET_DISCONNECTED/.test(message.text());
      if (message.type() === "error" && !expected) complaints.push(message.text());
    });
    page.on("request", (request) => {
      if (!request.url().startsWith(shop.url) && !request.url().startsWith("data:")) {
        complaints.push(`another host: ${request.url()}`);
      }
    });
  };
  context.on("page", watch);
  return { context, complaints, page: await context.newPage() };
}

let people = 0;

/** Registers somebody new on the page that is open or about to be, and gives their name. */
export async function register(page: Page): Promise<string> {
  const name = `ann${Date.now().toString(36)}${(people++).toString()}`;
  await page.getByRole("heading", { name: "Create an account" }).waitFor();
  await page.getByLabel("User name").fill(name);
  await page.getByLabel("Password", { exact: true }).fill("correct horse");
  await page.getByRole("button", { name: "Create account" }).click();
  return name;
}

export const add = (page: Page, name: string) =>
  page
    .getByRole("button", { name: `Add to basket: ${name}` })
    .first()
    .click();
