import { SignedIn } from "@/app/signed-in";
import { Page } from "@/components/ui/page";
import { OrderList } from "@/features/orders/components/order-list";
import { useT } from "@/lib/i18n/provider";

export function Component() {
  const t = useT();
  return (
    <Page title={t("orders.title")} wide={false}>
      <h1 className="mb-6 text-3xl font-extrabold sm:text-4xl">{t("orders.title")}</h1>
      <SignedIn waiting={<div className="bone h-40 rounded-3xl" />}>
        {(person) => <OrderList person={person._id} />}
      </SignedIn>
    </Page>
  );
}
