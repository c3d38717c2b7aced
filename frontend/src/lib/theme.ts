/** Light and dark. public/boot.js does the same before the first paint. */

import { useSyncExternalStore } from "react";

import { keep, readKept } from "./storage";

const NAME = "larder.theme";
export const THEMES = ["light", "dark", "system"] as const;
export type Theme = (typeof THEMES)[number];

const listeners = new Set<() => void>();

function chosen(): Theme {
  const theme = readKept(NAME);
  return theme === "light" || theme === "dark" ? theme : "system";
}

function apply(): void {
  const dark =
    chosen() === "dark" || (chosen() === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset["theme"] = dark ? "dark" : "light";
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", dark ? "#161a16" : "#fbf9f5");
}

/** Follows the system from now on, where nothing else was chosen. */
export function followSystem(): void {
  apply();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
}

export function chooseTheme(theme: Theme): void {
  keep(NAME, theme === "system" ? null : theme);
  apply();
  for (const listener of listeners) listener();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, chosen);
}
