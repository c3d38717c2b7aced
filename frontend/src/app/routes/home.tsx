import { addToBasket } from "@/app/action";
import { Page } from "@/components/ui/page";
import { AgainShelf } from "@/features/catalog/components/again-shelf";
import { Home, Welcome } from "@/features/catalog/components/home";
import { useBoughtBefore } from "@/features/orders/components/buy-again";
import { useSession } from "@/lib/session/browser";

export function Component() {
  const { person } = useSession();
  const bought = useBoughtBefore(person?._id);
  return (
    <Page title="">
      <Welcome />
      <Home action={addToBasket} again={<AgainShelf ids={bought} action={addToBasket} />} />
    </Page>
  );
}
