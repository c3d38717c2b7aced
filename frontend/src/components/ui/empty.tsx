import type { ReactNode } from "react";

interface Props {
  title: string;
  body: string;
  /** Whether it is all that its page says. */
  whole?: boolean;
  children?: ReactNode;
}

/** Nothing to show, and the way on. */
export function Empty({ title, body, whole = false, children }: Props) {
  const Heading = whole ? "h1" : "h2";
  return (
    <div className="mx-auto flex max-w-md flex-col items-center gap-3 py-16 text-center">
      <img src="/pictures/bowl.webp" alt="" width={256} height={256} className="mb-2 size-28" />
      <Heading className="text-2xl font-bold">{title}</Heading>
      <p className="text-soft">{body}</p>
      {children ? <div className="mt-3 flex flex-wrap justify-center gap-3">{children}</div> : null}
    </div>
  );
}
