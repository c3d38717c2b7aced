// Prints what a first visit to `/` costs, and fails above the budget: 130 KB of JavaScript, compressed as a proxy would (gzip).

import { readFileSync, rmSync } from "node:fs";
import { gzipSync } from "node:zlib";

const BUDGET = 130 * 1024;
const manifest = JSON.parse(readFileSync("dist/.vite/manifest.json", "utf8"));
// It is for this script alone; what stays in dist/ is served.
rmSync("dist/.vite", { recursive: true });

/** The files that an entry needs before it runs, itself included. */
function needed(key, found = new Map()) {
  const chunk = manifest[key];
  if (!chunk || found.has(chunk.file)) return found;
  found.set(chunk.file, chunk);
  for (const other of chunk.imports ?? []) needed(other, found);
  return found;
}

const size = (file) => gzipSync(readFileSync(`dist/${file}`), { level: 9 }).length;
const kb = (bytes) => `${(bytes / 1024).toFixed(1)} KB`;

const chunks = needed("index.html");
const styles = new Set([...chunks.values()].flatMap((chunk) => chunk.css ?? []));
const script = [...chunks.keys()].reduce((sum, file) => sum + size(file), size("boot.js"));
const style = [...styles].reduce((sum, file) => sum + size(file), 0);
process.stdout.write(
  `first route: ${kb(script)} of JavaScript (budget ${kb(BUDGET)}), ${kb(style)} of CSS, gzipped\n`,
);
if (script > BUDGET) {
  process.stderr.write("The first route is over its budget.\n");
  process.exit(1);
}
