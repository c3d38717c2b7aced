import { useEffect, useRef } from "react";
import { useLocation } from "react-router";

import { ButtonLink } from "@/components/ui/button";
import { Drawer } from "@/components/ui/drawer";
import { useT } from "@/lib/i18n/provider";

import { BasketEmpty, BasketLines, BasketTotal, useLooked } from "./contents";

export default function BasketDrawer({ open, onClose }: { open: boolean; onClose: () => void }) {
  const t = useT();
  const { lines, total, unknown } = useLooked();
  const { pathname } = useLocation();
  const before = useRef(pathname);
  useEffect(() => {
    if (before.current !== pathname) onClose();
    before.current = pathname;
  }, [pathname, onClose]);
  return (
    <Drawer open={open} onClose={onClose} title={t("basket.title")}>
      {lines.length === 0 ? (
        <BasketEmpty />
      ) : (
        <>
          <div className="flex-1 overflow-y-auto px-5">
            <BasketLines lines={lines} unknown={unknown} />
          </div>
          <div className="flex flex-col gap-4 border-t border-line p-5">
            <BasketTotal total={total} />
            <ButtonLink to="/cart" size="lg">
              {t("basket.view")}
            </ButtonLink>
          </div>
        </>
      )}
    </Drawer>
  );
}
