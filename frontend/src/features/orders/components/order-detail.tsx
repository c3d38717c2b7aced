import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Check, RotateCcw } from "lucide-react";
import { useState } from "react";
import { Link } from "react-router";

import { Button, ButtonLink } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Failure } from "@/components/ui/failure";
import { Notice } from "@/components/ui/notice";
import { Picture } from "@/components/ui/picture";
import { CancelOrderDocument, OrderPageDocument, type OrderPageQuery, type OrderStatus } from "@/gql/graphql";
import { explain } from "@/lib/explain";
import { asApiError } from "@/lib/graphql/errors";
import { useT } from "@/lib/i18n/provider";
import { ownQuery } from "@/lib/query";
import { session } from "@/lib/session/browser";
import { useMoney } from "@/lib/shop/use-money";

import { orderNumber, Status } from "./status";
import { useDate } from "./use-date";

export type Order = NonNullable<OrderPageQuery["order"]>;

/** Until it is packed, its owner can cancel it. */
const CANCELLABLE: readonly OrderStatus[] = ["PENDING", "CONFIRMED"];
/** From here on nothing changes any more. */
const FINAL: readonly OrderStatus[] = ["DELIVERED", "REJECTED", "CANCELLED"];
/** How often an order on its way is looked at while its page is open. */
const LOOK_AGAIN_MS = 15_000;

interface Props {
  person: string;
  id: string;
  placed?: boolean;
  onAgain: (order: Order) => void;
}

export function OrderDetail({ person, id, placed = false, onAgain }: Props) {
  const t = useT();
  const page = useQuery({
    ...ownQuery(person, "OrderPage", OrderPageDocument, { id }),
    refetchInterval: ({ state }) => {
      const status = state.data?.data.order?.status;
      return status && FINAL.includes(status) ? false : LOOK_AGAIN_MS;
    },
  });
  const order = page.data?.data.order;
  if (!order) {
    if (page.isPending) return <OrderDetailBones />;
    const code = asApiError(page.error).code;
    if (page.isError && code !== "NOT_FOUND" && code !== "BAD_USER_INPUT") {
      return <Failure error={page.error} retry={() => void page.refetch()} />;
    }
    return (
      <Empty whole title={t("order.gone.title")} body={t("order.gone.body")}>
        <ButtonLink to="/orders">{t("orders.title")}</ButtonLink>
      </Empty>
    );
  }
  return (
    <>
      {placed ? (
        <div className="mb-8 flex items-center gap-4 rounded-3xl bg-leaf-wash p-6 text-leaf">
          <Check aria-hidden className="size-10 shrink-0" />
          <div>
            <h1 className="text-2xl font-bold sm:text-3xl">{t("order.thanks")}</h1>
            <p className="mt-1">{t("order.thanks.body")}</p>
          </div>
        </div>
      ) : null}
      <Head order={order} level={placed ? 2 : 1} />
      <Lines order={order} />
      <Timeline order={order} />
      <div className="mt-8 flex flex-wrap items-start gap-3">
        <Button look="quiet" onClick={() => onAgain(order)}>
          <RotateCcw aria-hidden className="size-4" />
          {t("order.again")}
        </Button>
        {CANCELLABLE.includes(order.status) ? <Cancel order={order} person={person} /> : null}
      </div>
    </>
  );
}

function Head({ order, level }: { order: Order; level: 1 | 2 }) {
  const t = useT();
  const date = useDate();
  const Heading = `h${level}` as const;
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <div>
        <Heading className="text-3xl font-extrabold">
          {t("order.title", { number: orderNumber(order._id) })}
        </Heading>
        <p className="text-soft">{t("orders.placed", { date: date(order.placedAt) })}</p>
      </div>
      <Status status={order.status} />
    </div>
  );
}

function Lines({ order }: { order: Order }) {
  const t = useT();
  const money = useMoney();
  return (
    <section className="mt-8">
      <h2 className="sr-only">{t("order.lines")}</h2>
      <ul className="divide-y divide-line rounded-3xl border border-line bg-card px-5">
        {order.products?.map((line) => (
          <li key={line._id} className="flex items-center gap-4 py-3.5">
            <Picture source={line.product?.pictures[0]} className="size-14 shrink-0 rounded-xl" />
            <div className="min-w-0 flex-1">
              {line.product ? (
                <Link to={`/products/${line.product.slug}`} className="font-semibold hover:underline">
                  {line.name}
                </Link>
              ) : (
                <p className="font-semibold">{line.name}</p>
              )}
              <p className="text-sm text-soft tabular-nums">
                {line.quantity} × {money?.format(line.unitPrice)}
              </p>
            </div>
            <p className="font-bold tabular-nums">{money?.format(line.lineTotal)}</p>
          </li>
        ))}
        <li className="flex items-baseline justify-between py-4 text-lg font-semibold">
          <span>{t("order.total")}</span>
          <span className="font-display text-2xl font-bold tabular-nums">{money?.format(order.total)}</span>
        </li>
      </ul>
    </section>
  );
}

function Timeline({ order }: { order: Order }) {
  const t = useT();
  const date = useDate();
  return (
    <section className="mt-8">
      <h2 className="mb-3 text-xl font-bold">{t("order.timeline")}</h2>
      <ol className="ml-1.5 border-l-2 border-line">
        {order.history.map((event) => (
          <li key={`${event.status}-${event.at}`} className="relative pb-4 pl-6 last:pb-0">
            <span aria-hidden className="absolute top-1.5 -left-[0.45rem] size-3 rounded-full bg-leaf" />
            <p className="font-semibold">{t(`status.${event.status}`)}</p>
            <p className="text-sm text-soft">{date(event.at)}</p>
            {event.reason ? <p className="text-sm">{event.reason}</p> : null}
          </li>
        ))}
      </ol>
    </section>
  );
}

function Cancel({ order, person }: { order: Order; person: string }) {
  const t = useT();
  const queries = useQueryClient();
  const [asking, setAsking] = useState(false);
  const cancel = useMutation({
    mutationFn: () => session.send(CancelOrderDocument, { id: order._id }),
    onSettled: () => void queries.invalidateQueries({ queryKey: ["own", person] }),
  });
  if (!asking) {
    return (
      <Button look="plain" className="text-bad" onClick={() => setAsking(true)}>
        {t("order.cancel")}
      </Button>
    );
  }
  return (
    <div role="group" aria-label={t("order.cancel")} className="rounded-2xl bg-bad-wash p-4">
      <p className="font-semibold">{t("order.cancel.ask")}</p>
      {cancel.error ? (
        <Notice tone="bad" className="mt-2">
          {asApiError(cancel.error).code === "CONFLICT" ? t("order.tooLate") : explain(t, cancel.error)}
        </Notice>
      ) : null}
      <div className="mt-3 flex flex-wrap gap-3">
        <Button disabled={cancel.isPending} onClick={() => cancel.mutate()}>
          {t("order.cancel.yes")}
        </Button>
        {/* The question took the place of the button that asked it: the safe answer gets the focus. */}
        {/* eslint-disable-next-line jsx-a11y/no-autofocus */}
        <Button look="quiet" autoFocus onClick={() => setAsking(false)}>
          {t("order.cancel.no")}
        </Button>
      </div>
    </div>
  );
}

export function OrderDetailBones() {
  const t = useT();
  return (
    <div role="status">
      <span className="sr-only">{t("app.loading")}</span>
      <div className="bone h-9 w-52" />
      <div className="bone mt-2 h-5 w-64" />
      <div className="bone mt-8 h-64 w-full rounded-3xl" />
    </div>
  );
}
