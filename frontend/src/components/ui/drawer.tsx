import { X } from "lucide-react";
import { useEffect, useId, useRef, type ReactNode } from "react";

import { useT } from "@/lib/i18n/provider";

interface Props {
  open: boolean;
  onClose: () => void;
  title: string;
  children: ReactNode;
}

/**
 * A panel over the page. The browser's own dialog keeps the focus in it, gives it back, and closes at Escape; a library that does
 * the same writes style elements, which the Content-Security-Policy does not take.
 */
export function Drawer({ open, onClose, title, children }: Props) {
  const t = useT();
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    if (!element) return;
    if (open && !element.open) element.showModal();
    if (!open && element.open) element.close();
    document.documentElement.classList.toggle("overflow-hidden", open);
    return () => document.documentElement.classList.remove("overflow-hidden");
  }, [open]);
  return (
    // The click is on the backdrop, which has no element of its own; Escape does the same for the keyboard.
    // eslint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/no-noninteractive-element-interactions
    <dialog
      ref={dialog}
      aria-labelledby={heading}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
      className="fixed inset-y-0 right-0 left-auto m-0 h-dvh max-h-none w-[min(100vw,27rem)] max-w-none animate-[drawer-in_.18s_ease-out] bg-paper text-ink shadow-2xl"
    >
      {open ? (
        <div className="flex h-full flex-col">
          <div className="flex items-center justify-between border-b border-line px-5 py-3">
            <h2 id={heading} className="text-xl font-bold">
              {title}
            </h2>
            <button
              type="button"
              onClick={onClose}
              aria-label={t("dialog.close")}
              className="grid size-11 place-items-center rounded-full hover:bg-tint"
            >
              <X aria-hidden className="size-5" />
            </button>
          </div>
          {children}
        </div>
      ) : null}
    </dialog>
  );
}
