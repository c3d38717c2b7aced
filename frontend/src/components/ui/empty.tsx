import type { ReactNode } from "react";

/** Nothing to show, and the way on. */
export function Empty({ title, body, children }: { title: string; body: string; children?: ReactNode }) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-3 py-16 text-center">
      <img src="/pictures/bowl.webp" alt="" width={256} height={256} className="mb-2 size-28" />
      <h2 className="text-2xl font-bold">{title}</h2>
      <p className="text-soft">{body}</p>
      {children ? <div className="mt-3 flex flex-wrap justify-center gap-3">{children}</div> : null}
    </div>
  );
}
