import { clsx } from "clsx";
import type { ReactNode } from "react";

type Tone = "bad" | "warn" | "good";

const TONES: Readonly<Record<Tone, string>> = {
  bad: "bg-bad-wash text-bad",
  warn: "bg-warn-wash text-warn",
  good: "bg-leaf-wash text-leaf",
};

/** Something that must be read, in place. Errors are said at once, the rest when there is a pause. */
export function Notice({
  tone,
  children,
  className,
}: {
  tone: Tone;
  children: ReactNode;
  className?: string;
}) {
  return (
    <div
      role={tone === "bad" ? "alert" : "status"}
      className={clsx("rounded-xl px-4 py-3 text-sm font-medium", TONES[tone], className)}
    >
      {children}
    </div>
  );
}
