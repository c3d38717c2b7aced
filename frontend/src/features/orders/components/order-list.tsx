import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "react-router";

import { Button, ButtonLink } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Failure } from "@/components/ui/failure";
import { Picture } from "@/components/ui/picture";
import { OrderListDocument, type OrderListQuery } from "@/gql/graphql";
import { ApiError } from "@/lib/graphql/errors";
import { useT } from "@/lib/i18n/provider";
import { session } from "@/lib/session/browser";
import { useMoney } from "@/lib/shop/use-money";

import { orderNumber, Status } from "./status";
import { useDate } from "./use-date";

const PAGE = 10;
type Order = NonNullable<OrderListQuery["ordersConnection"]>["nodes"][number];

export function OrderList({ person }: { person: string }) {
  const t = useT();
  const list = useInfiniteQuery({
    queryKey: ["own", person, "OrderList"],
    initialPageParam: null as string | null,
    queryFn: async ({ pageParam, signal }) => {
      // Staff see everybody's orders; these are theirs as shoppers.
      const variables = { first: PAGE, after: pageParam, userId: person };
      const { data } = await session.send(OrderListDocument, variables, { signal });
      if (!data.ordersConnection) throw new ApiError("UNKNOWN", "There is no list.");
      return data.ordersConnection;
    },
    getNextPageParam: (page) => (page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null),
  });
  const pages = list.data?.pages;
  if (!pages) {
    if (list.isError) return <Failure error={list.error} retry={() => void list.refetch()} />;
    return <OrderListBones />;
  }
  const orders = pages.flatMap((page) => page.nodes);
  if (orders.length === 0) {
    return (
      <Empty title={t("orders.empty.title")} body={t("orders.empty.body")}>
        <ButtonLink to="/products">{t("basket.browse")}</ButtonLink>
      </Empty>
    );
  }
  return (
    <>
      <ul className="flex flex-col gap-4">
        {orders.map((order) => (
          <OrderRow key={order._id} order={order} />
        ))}
      </ul>
      {list.hasNextPage ? (
        <div className="mt-6 text-center">
          <Button look="quiet" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
            {t("orders.more")}
          </Button>
        </div>
      ) : null}
    </>
  );
}

/** How many pictures of an order's goods are shown. */
const PICTURES = 6;

function OrderRow({ order }: { order: Order }) {
  const t = useT();
  const money = useMoney();
  const date = useDate();
  const products = order.products ?? [];
  return (
    <li className="relative rounded-3xl border border-line bg-card p-5 transition-colors hover:border-edge">
      <div className="flex flex-wrap items-start justify-between gap-3">
        <div>
          <h2 className="text-lg font-bold">
            <Link to={`/orders/${order._id}`} className="after:absolute after:inset-0 after:rounded-3xl">
              {t("orders.number", { number: orderNumber(order._id) })}
            </Link>
          </h2>
          <p className="text-sm text-soft">{t("orders.placed", { date: date(order.placedAt) })}</p>
        </div>
        <Status status={order.status} />
      </div>
      <div className="mt-4 flex items-end justify-between gap-4">
        <div aria-hidden className="flex flex-wrap gap-2">
          {products.slice(0, PICTURES).map((product) => (
            <Picture key={product._id} source={product.product?.pictures[0]} className="size-11 rounded-xl" />
          ))}
          {products.length > PICTURES ? (
            <span className="grid size-11 place-items-center text-sm text-soft">
              +{products.length - PICTURES}
            </span>
          ) : null}
        </div>
        <p className="font-display text-xl font-bold tabular-nums">{money?.format(order.total)}</p>
      </div>
    </li>
  );
}

function OrderListBones() {
  const t = useT();
  return (
    <div role="status" className="flex flex-col gap-4">
      <span className="sr-only">{t("app.loading")}</span>
      {[0, 1, 2].map((at) => (
        <div key={at} aria-hidden className="rounded-3xl border border-line p-5">
          <div className="bone h-6 w-40" />
          <div className="bone mt-2 h-4 w-52" />
          <div className="bone mt-4 h-11 w-44" />
        </div>
      ))}
    </div>
  );
}
