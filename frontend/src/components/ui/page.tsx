import { useEffect, type ReactNode } from "react";

const SHOP = "Larder";

/** A page's title in the tab, and its frame. */
export function Page({
  title,
  children,
  wide = true,
}: {
  title: string;
  children: ReactNode;
  wide?: boolean;
}) {
  useEffect(() => {
    document.title = title === "" ? SHOP : `${title} · ${SHOP}`;
  }, [title]);
  return (
    <div className={wide ? "container-page py-6 md:py-10" : "container-page max-w-3xl py-6 md:py-10"}>
      {children}
    </div>
  );
}
