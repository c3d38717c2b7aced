import { useNavigate, useParams } from "react-router";

import { SignedIn } from "@/app/signed-in";
import { Page } from "@/components/ui/page";
import { basket } from "@/features/basket/store";
import { OrderDetail, OrderDetailBones, type Order } from "@/features/orders/components/order-detail";
import { orderNumber } from "@/features/orders/components/status";
import { useT } from "@/lib/i18n/provider";
import { toast } from "@/lib/toasts";

export function OrderPage({ placed }: { placed: boolean }) {
  const t = useT();
  const navigate = useNavigate();
  const { id = "" } = useParams();
  const again = (order: Order) => {
    for (const { name, unitPrice, quantity, product } of order.products ?? []) {
      if (product) basket.change({ name, price: unitPrice, ...product }, quantity);
    }
    toast(t("order.again.done"));
    void navigate("/cart");
  };
  return (
    <Page title={t("order.title", { number: orderNumber(id) })} wide={false}>
      <SignedIn waiting={<OrderDetailBones />}>
        {(person) => <OrderDetail person={person._id} id={id} placed={placed} onAgain={again} />}
      </SignedIn>
    </Page>
  );
}

export function Component() {
  return <OrderPage placed={false} />;
}
