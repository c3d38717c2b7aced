import { clsx } from "clsx";

import { dismiss, useToasts } from "@/lib/toasts";

/** Says what happened: on the screen, and to whoever listens to it. */
export function Toaster() {
  const toasts = useToasts();
  return (
    <div
      role="status"
      aria-live="polite"
      className="pointer-events-none fixed inset-x-0 bottom-20 z-40 flex flex-col items-center gap-2 px-4 md:bottom-6"
    >
      {toasts.map(({ id, text, tone, action }) => (
        <div
          key={id}
          className={clsx(
            "pointer-events-auto flex max-w-full animate-[rise-in_.18s_ease-out] items-center gap-4 rounded-full py-2 pr-3 pl-5 text-sm font-medium shadow-lg",
            tone === "bad" ? "bg-bad-wash text-bad" : "bg-ink text-paper",
          )}
        >
          <span className="py-1.5">{text}</span>
          {action ? (
            <button
              type="button"
              className="min-h-9 rounded-full px-3 font-bold underline underline-offset-4"
              onClick={() => {
                action.run();
                dismiss(id);
              }}
            >
              {action.label}
            </button>
          ) : null}
        </div>
      ))}
    </div>
  );
}
