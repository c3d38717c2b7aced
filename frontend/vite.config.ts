// Builds the storefront into dist/, from where router/build.rs takes it into the binary.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Smaller than this, compression gains nothing that a client would notice. */
const WORTH_COMPRESSING = 1024;

/** Writes a Brotli twin beside each text file, so that the router never compresses at run time. */
function brotli(): Plugin {
  return {
    name: "larder-brotli",
    apply: "build",
    closeBundle() {
      for (const file of readdirSync("dist", { recursive: true, encoding: "utf8" })) {
        if (!/\.(html|css|js|svg|json|webmanifest)$/.test(file)) continue;
        const content = readFileSync(join("dist", file));
        if (content.length < WORTH_COMPRESSING) continue;
        const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(join("dist", `${file}.br`), brotliCompressSync(content, { params }));
      }
    },
  };
}

/** Where a shop runs while the storefront is being worked on (`npm run dev`). */
const SHOP = process.env["LARDER_URL"] ?? "http://127.0.0.1:4000";

export default defineConfig({
  plugins: [react(), tailwindcss(), brotli()],
  resolve: { alias: { "@": join(import.meta.dirname, "src") } },
  build: {
    target: "es2022",
    reportCompressedSize: false,
    // The Content-Security-Policy takes nothing inline, `data:` fonts neither.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    manifest: true,
  },
  server: { proxy: { "/graphql": SHOP, "/pictures": SHOP } },
  preview: { proxy: { "/graphql": SHOP, "/pictures": SHOP } },
  test: {
    environment: "jsdom",
    include: ["src/**/*.test.{ts,tsx}"],
    setupFiles: ["src/testing/setup.ts"],
    restoreMocks: true,
  },
});
