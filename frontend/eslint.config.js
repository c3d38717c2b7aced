import js from "@eslint/js";
import a11y from "eslint-plugin-jsx-a11y";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

/** Features do not know each other: what needs two of them is put together in src/app. */
const FEATURES = ["account", "basket", "catalog", "orders"];

const forbid = (group, message) => ({
  "no-restricted-imports": ["error", { patterns: [{ group, message }] }],
});

export default tseslint.config(
  { ignores: ["dist", "src/gql", "node_modules"] },
  js.configs.recommended,
  {
    files: ["**/*.{ts,tsx}"],
    extends: [...tseslint.configs.strictTypeChecked, a11y.flatConfigs.strict, hooks.configs.flat.recommended],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "no-console": "error",
    },
  },
  ...FEATURES.map((feature) => ({
    files: [`src/features/${feature}/**`],
    rules: forbid(
      ["@/app/*", ...FEATURES.filter((other) => other !== feature).map((other) => `@/features/${other}/*`)],
      "Features do not import each other; src/app brings them together.",
    ),
  })),
  {
    files: ["src/components/**", "src/lib/**"],
    rules: forbid(["@/app/*", "@/features/*"], "What is shared knows no feature."),
  },
  {
    files: ["**/*.{js,mjs}"],
    languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly" } },
  },
  {
    files: ["public/boot.js"],
    languageOptions: { globals: { localStorage: "readonly", document: "readonly", matchMedia: "readonly" } },
    rules: { "no-unused-vars": ["error", { caughtErrors: "none" }] },
  },
  // These run in the browser that the script drives.
  {
    files: ["scripts/screenshots.mjs"],
    languageOptions: {
      globals: { history: "readonly", dispatchEvent: "readonly", PopStateEvent: "readonly" },
    },
  },
  // Vitest's matchers take methods without calling them, and a test may know better than the type what is there.
  {
    files: ["**/*.test.{ts,tsx}", "tests/**", "src/testing/**"],
    rules: {
      "@typescript-eslint/unbound-method": "off",
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unnecessary-condition": "off",
      "@typescript-eslint/no-base-to-string": "off",
    },
  },
);
