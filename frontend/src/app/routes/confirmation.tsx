import { OrderPage } from "./order";

export function Component() {
  return <OrderPage placed />;
}
