/** The browser's storage, which may be switched off or full: then what is kept is kept for this page alone. */

const instead = new Map<string, string>();

export function readKept(key: string): string | null {
  try {
    return localStorage.getItem(key) ?? instead.get(key) ?? null;
  } catch {
    return instead.get(key) ?? null;
  }
}

export function keep(key: string, value: string | null): void {
  try {
    instead.delete(key);
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    if (value !== null) instead.set(key, value);
  }
}
