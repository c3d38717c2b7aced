// Writes src/gql/graphql.ts: the types of every operation under src/, and the operations themselves as typed texts. With `--check` it
// writes nothing and fails where the file is not what it would write.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { codegen } from "@graphql-codegen/core";
import * as typedDocuments from "@graphql-codegen/typed-document-node";
import * as operationTypes from "@graphql-codegen/typescript-operations";
import { buildSchema, parse, validate } from "graphql";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const target = join(root, "src/gql/graphql.ts");

const text = readFileSync(join(root, "../schema/api.graphql"), "utf8");
const files = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".graphql"))
  .sort();
const documents = files.map((file) => ({
  location: file,
  document: parse(readFileSync(join(root, "src", file), "utf8")),
}));

const everything = {
  kind: "Document",
  definitions: documents.flatMap(({ document }) => document.definitions),
};
const errors = validate(buildSchema(text), everything);
if (errors.length > 0) {
  for (const error of errors) console.error(error.message);
  process.exit(1);
}
for (const { location, document } of documents) {
  const names = document.definitions.map((definition) => definition.name?.value);
  const expected = basename(location, ".graphql");
  if (names.length !== 1 || kebab(names[0] ?? "") !== expected) {
    console.error(`${location}: one operation or fragment, called as its file (found ${names.join(", ")})`);
    process.exit(1);
  }
}

const shared = {
  scalars: { ID: "string", DateTime: "string" },
  defaultScalarType: "unknown",
  enumsAsTypes: true,
  enumType: "string-literal",
  skipTypename: true,
  useTypeImports: true,
  avoidOptionals: { field: true, inputValue: false, object: true },
  documentMode: "string",
  dedupeFragments: true,
};
const output = await codegen({
  filename: target,
  schema: parse(text),
  documents,
  config: shared,
  pluginMap: { operationTypes, typedDocuments },
  plugins: [{ operationTypes: {} }, { typedDocuments: {} }],
});
// Unused operations leave the bundle only where nothing can happen in making them.
const pure = output
  .trim()
  .replaceAll("= new TypedDocumentString", "= /* @__PURE__ */ new TypedDocumentString")
  .replaceAll("Record<string, any>", "Record<string, unknown>");
const content = `// Made by \`npm run codegen\` from schema/api.graphql and the operations under src/; do not edit.\n/* eslint-disable */\n${pure}\n`;

if (process.argv.includes("--check")) {
  if (readFileSync(target, "utf8") !== content) {
    console.error("src/gql/graphql.ts is not current: run `npm run codegen`.");
    process.exit(1);
  }
} else {
  writeFileSync(target, content);
}

function kebab(name) {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
}
