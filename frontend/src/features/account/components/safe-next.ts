/** Where to go on after signing in: a path of this shop, whatever the address says. */
export function safeNext(next: string | null): string {
  if (next === null || !next.startsWith("/") || next.startsWith("//") || next.includes("\\")) return "/";
  return next;
}
