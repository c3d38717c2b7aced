import { useQuery } from "@tanstack/react-query";

import { OrderListDocument } from "@/gql/graphql";
import { ownQuery } from "@/lib/query";

/** How many orders back it looks. */
const ORDERS = 5;
const MOST = 12;

/** The products of somebody's latest orders, the latest first; none while that is not known. */
export function useBoughtBefore(person: string | undefined): readonly string[] {
  const orders = useQuery({
    ...ownQuery(person ?? "", "BoughtBefore", OrderListDocument, {
      first: ORDERS,
      after: null,
      userId: person ?? null,
    }),
    enabled: person !== undefined,
    staleTime: 60_000,
  });
  const nodes = orders.data?.data.ordersConnection?.nodes ?? [];
  const ids = nodes.flatMap((order) => (order.products ?? []).map((product) => product._id));
  return [...new Set(ids)].slice(0, MOST);
}
