/** Short messages that come and go: what was done, and how to take it back. */

import { useSyncExternalStore } from "react";

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "bad";
  action?: { label: string; run: () => void };
}

/** Long enough to read a line and reach the button. */
const SHOWN_MS = 6_000;

let toasts: readonly Toast[] = [];
let next = 1;
const listeners = new Set<() => void>();

function change(to: readonly Toast[]): void {
  toasts = to;
  for (const listener of listeners) listener();
}

export function dismiss(id: number): void {
  change(toasts.filter((toast) => toast.id !== id));
}

/** One at a time: a new one takes the place of the last. */
export function toast(text: string, options: Partial<Pick<Toast, "tone" | "action">> = {}): void {
  const id = next++;
  change([{ id, text, tone: "plain", ...options }]);
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function useToasts(): readonly Toast[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => toasts,
  );
}
