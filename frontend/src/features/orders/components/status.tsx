import { clsx } from "clsx";

import type { OrderStatus } from "@/gql/graphql";
import { useT } from "@/lib/i18n/provider";

const TONES: Readonly<Record<OrderStatus, string>> = {
  PENDING: "bg-warn-wash text-warn",
  CONFIRMED: "bg-leaf-wash text-leaf",
  PACKED: "bg-leaf-wash text-leaf",
  SHIPPED: "bg-leaf-wash text-leaf",
  DELIVERED: "bg-tint text-ink",
  REJECTED: "bg-bad-wash text-bad",
  CANCELLED: "bg-tint text-soft",
};

export function Status({ status }: { status: OrderStatus }) {
  const t = useT();
  return (
    <span className={clsx("rounded-full px-3 py-1 text-sm font-semibold whitespace-nowrap", TONES[status])}>
      {t(`status.${status}`)}
    </span>
  );
}

/** The end of an order's id: short enough to be said on the phone, and different for every order of a day. */
export function orderNumber(id: string): string {
  return id.slice(-6).toUpperCase();
}
