import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";

import { Button, ButtonLink } from "@/components/ui/button";
import { Notice } from "@/components/ui/notice";
import { Page } from "@/components/ui/page";
import { PlaceOrderDocument } from "@/gql/graphql";
import { explain } from "@/lib/explain";
import { ApiError, asApiError } from "@/lib/graphql/errors";
import { useT } from "@/lib/i18n/provider";
import { session, useSession } from "@/lib/session/browser";

import { basket, useBasket } from "../store";
import { BasketEmpty, BasketLines, BasketTotal, useLooked } from "./contents";

/** Sends the basket as an order. Sent twice, or again after an answer was lost, it is one order: the basket has its key. */
function usePlaceOrder() {
  const navigate = useNavigate();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: async () => {
      const { lines, orderKey } = basket.get();
      const products = lines.map(({ _id, quantity }) => ({ _id, quantity }));
      const { data } = await session.send(PlaceOrderDocument, { products, idempotencyKey: orderKey });
      if (!data.placeOrder) throw new ApiError("UNKNOWN", "There is no order.");
      return { id: data.placeOrder._id, orderKey };
    },
    onSuccess: ({ id, orderKey }) => {
      basket.ordered(orderKey);
      // Stock has changed, and the list of orders.
      void queries.invalidateQueries();
      void navigate(`/orders/${id}/confirmation`, { replace: true });
    },
    onError: () => void queries.invalidateQueries({ queryKey: ["BasketProducts"] }),
  });
}

export function BasketPage() {
  const t = useT();
  const { orderKey } = useBasket();
  const { lines, total, unknown } = useLooked();
  const who = useSession();
  const order = usePlaceOrder();
  const error = order.error ? asApiError(order.error) : null;
  const shortages = error?.code === "OUT_OF_STOCK" ? error.shortages : [];
  const takeWhatThereIs = () => {
    for (const { _id, available } of shortages) {
      const line = lines.find((one) => one._id === _id);
      if (line) basket.set(line, available);
    }
    order.reset();
  };
  return (
    <Page title={t("basket.title")} wide={false}>
      <h1 className="mb-4 text-3xl font-extrabold sm:text-4xl">{t("basket.title")}</h1>
      {lines.length === 0 ? (
        <BasketEmpty />
      ) : (
        <>
          <BasketLines lines={lines} unknown={unknown} shortages={shortages} />
          <div className="mt-4 flex flex-col gap-4 border-t-2 border-line pt-5">
            <BasketTotal total={total} />
            {shortages.length > 0 ? (
              <Notice tone="bad">
                <p>{t("basket.shortage")}</p>
                <Button className="mt-3" onClick={takeWhatThereIs}>
                  {t("basket.adjust")}
                </Button>
              </Notice>
            ) : error ? (
              <Notice tone="bad">
                {error.code === "BAD_USER_INPUT" ? error.message : explain(t, error)}
              </Notice>
            ) : null}
            {who.status === "anonymous" ? (
              <ButtonLink size="lg" to="/login?next=/cart">
                {t("basket.login")}
              </ButtonLink>
            ) : (
              <Button
                key={orderKey}
                size="lg"
                disabled={order.isPending || who.status === "unknown"}
                onClick={() => order.mutate()}
              >
                {t(order.isPending ? "basket.ordering" : "basket.order")}
              </Button>
            )}
          </div>
        </>
      )}
    </Page>
  );
}
