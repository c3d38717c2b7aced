import { clsx } from "clsx";
import { House, LayoutGrid, Package, ShoppingBasket, WifiOff } from "lucide-react";
import { Suspense, useEffect, useRef, useSyncExternalStore, type ReactNode } from "react";
import { Link, NavLink, Outlet, useLocation } from "react-router";

import { Boundary } from "@/app/boundary";
import { useScroll } from "@/app/use-scroll";
import { Toaster } from "@/components/ui/toaster";
import { BasketButton, useBasketCount } from "@/features/basket/components/basket-button";
import { SearchBox } from "@/features/catalog/components/search-box";
import { useT } from "@/lib/i18n/provider";

import { Account, Settings } from "./menus";

/** What is on every page. */
export function Shell() {
  const t = useT();
  return (
    <div className="flex min-h-dvh flex-col">
      <a
        href="#main"
        className="absolute top-2 left-2 z-50 -translate-y-20 rounded-full bg-ink px-5 py-3 font-semibold text-paper focus:translate-y-0"
      >
        {t("app.skip")}
      </a>
      <Header />
      <Offline />
      <Main />
      <Footer />
      <BottomBar />
      <Toaster />
    </div>
  );
}

function Header() {
  const t = useT();
  return (
    <header className="sticky top-0 z-30 border-b border-line bg-paper/95 backdrop-blur-sm">
      <div className="container-page grid grid-cols-[1fr_auto] items-center gap-x-3 gap-y-1 py-2 md:flex md:gap-5 md:py-3">
        <Link to="/" className="flex min-h-12 items-center gap-2.5 justify-self-start rounded-full pr-2">
          <img src="/favicon.svg" alt="" width={64} height={64} className="size-9" />
          <span className="font-display text-2xl font-extrabold tracking-tight">Larder</span>
        </Link>
        <nav aria-label={t("nav.main")} className="hidden items-center gap-1 lg:flex">
          <HeaderLink to="/categories">{t("nav.categories")}</HeaderLink>
          <HeaderLink to="/products">{t("nav.products")}</HeaderLink>
        </nav>
        <div className="order-last col-span-2 pb-1 md:order-none md:flex-1 md:pb-0">
          <SearchBox />
        </div>
        <div className="flex items-center gap-1">
          <Account />
          <Settings />
          <BasketButton />
        </div>
      </div>
    </header>
  );
}

function HeaderLink({ to, children }: { to: string; children: ReactNode }) {
  return (
    <NavLink
      to={to}
      className={({ isActive }) =>
        clsx(
          "inline-flex min-h-11 items-center rounded-full px-3 font-semibold whitespace-nowrap hover:bg-tint",
          isActive && "text-accent",
        )
      }
    >
      {children}
    </NavLink>
  );
}

/** The page itself, a screen high at least: what comes below it never moves while it loads. When another one is opened, whoever listens is taken to its beginning. */
function Main() {
  const main = useRef<HTMLElement>(null);
  const { pathname } = useLocation();
  const before = useRef(pathname);
  useScroll();
  useEffect(() => {
    if (before.current === pathname) return;
    before.current = pathname;
    main.current?.focus({ preventScroll: true });
  }, [pathname]);
  return (
    <main ref={main} id="main" tabIndex={-1} className="min-h-dvh pb-10 outline-none">
      <Boundary place={pathname}>
        <Suspense>
          <Outlet />
        </Suspense>
      </Boundary>
    </main>
  );
}

function Footer() {
  const t = useT();
  return (
    <footer className="border-t border-line pb-20 md:pb-0">
      <div className="container-page flex flex-wrap items-center justify-between gap-x-8 gap-y-2 py-6 text-sm text-soft">
        <p>
          <span className="font-display font-bold text-ink">Larder</span> · {t("app.tagline")}
        </p>
        <nav aria-label={t("footer.developers")}>
          {/* Another application, so no link of this one. */}
          <a href="/graphiql/" className="inline-flex min-h-11 items-center underline underline-offset-4">
            {t("footer.graphiql")}
          </a>
        </nav>
      </div>
    </footer>
  );
}

/** The bar of phones, under the thumb. */
function BottomBar() {
  const t = useT();
  const count = useBasketCount();
  return (
    <nav
      aria-label={t("nav.main")}
      className="fixed inset-x-0 bottom-0 z-30 grid grid-cols-4 border-t border-line bg-paper pb-[env(safe-area-inset-bottom)] md:hidden"
    >
      <BarLink to="/" icon={<House aria-hidden />} label={t("nav.home")} />
      <BarLink to="/categories" icon={<LayoutGrid aria-hidden />} label={t("nav.categories")} />
      <BarLink to="/orders" icon={<Package aria-hidden />} label={t("nav.orders")} />
      <BarLink
        to="/cart"
        icon={
          <span className="relative">
            <ShoppingBasket aria-hidden />
            {count > 0 ? (
              <span className="absolute -top-1.5 left-3.5 min-w-5 rounded-full bg-accent px-1 text-center text-xs leading-5 font-bold text-on-accent tabular-nums">
                {count}
              </span>
            ) : null}
          </span>
        }
        label={t("basket.title")}
      />
    </nav>
  );
}

function BarLink({ to, icon, label }: { to: string; icon: ReactNode; label: string }) {
  return (
    <NavLink
      to={to}
      end={to === "/"}
      className={({ isActive }) =>
        clsx(
          "flex min-h-15 flex-col items-center justify-center gap-0.5 text-xs font-semibold",
          isActive ? "text-accent" : "text-soft",
        )
      }
    >
      {icon}
      {label}
    </NavLink>
  );
}

function Offline() {
  const t = useT();
  const online = useSyncExternalStore(
    (listener) => {
      addEventListener("online", listener);
      addEventListener("offline", listener);
      return () => {
        removeEventListener("online", listener);
        removeEventListener("offline", listener);
      };
    },
    () => navigator.onLine,
  );
  return (
    <div role="status">
      {online ? null : (
        <p className="flex items-center justify-center gap-2 bg-warn-wash px-4 py-2.5 text-center text-sm font-semibold text-warn">
          <WifiOff aria-hidden className="size-4 shrink-0" />
          {t("app.offline")}
        </p>
      )}
    </div>
  );
}
