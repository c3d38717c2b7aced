// Builds GraphiQL into dist/, from where router/build.rs takes it into the binary.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";

import { defineConfig, type Plugin } from "vite";

/** Smaller than this, compression gains nothing that a client would notice. */
const WORTH_COMPRESSING = 1024;

/** Writes a Brotli twin beside each text file, so that the router never compresses at run time. */
function brotli(): Plugin {
  return {
    name: "larder-brotli",
    apply: "build",
    closeBundle() {
      for (const file of readdirSync("dist", { recursive: true, encoding: "utf8" })) {
        if (!/\.(html|css|js|svg|json)$/.test(file)) continue;
        const content = readFileSync(join("dist", file));
        if (content.length < WORTH_COMPRESSING) continue;
        const small = brotliCompressSync(content, {
          params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY },
        });
        writeFileSync(join("dist", `${file}.br`), small);
      }
    },
  };
}

export default defineConfig({
  base: "/graphiql/",
  plugins: [brotli()],
  build: { target: "es2022", chunkSizeWarningLimit: 5000, reportCompressedSize: false },
  worker: { format: "es" },
});
