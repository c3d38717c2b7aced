import { useEffect, useLayoutEffect, useRef } from "react";
import { NavigationType, useLocation, useNavigationType } from "react-router";

/** Where each entry of the history was left. */
const places = new Map<string, number>();

/**
 * A new page begins at its top; Back finds its place again, since what was loaded there still is. The browser does the same only for pages
 * that are whole when they are opened.
 */
export function useScroll(): void {
  const { key, pathname } = useLocation();
  const how = useNavigationType();
  const path = useRef(pathname);
  useEffect(() => {
    history.scrollRestoration = "manual";
  }, []);
  useLayoutEffect(() => {
    const samePage = path.current === pathname;
    path.current = pathname;
    if (how === NavigationType.Pop) scrollTo({ top: places.get(key) ?? 0, behavior: "instant" });
    else if (!samePage) scrollTo({ top: 0, behavior: "instant" });
    const remember = () => places.set(key, scrollY);
    addEventListener("scroll", remember, { passive: true });
    return () => removeEventListener("scroll", remember);
  }, [key, pathname, how]);
}
