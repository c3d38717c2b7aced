import { Stepper } from "@/features/basket/components/stepper";
import type { RenderAction } from "@/features/catalog/components/product-grid";

/** What a tile offers: the catalogue does not know the basket, so it is brought together here. */
export const addToBasket: RenderAction = (product) => (
  <Stepper goods={product} available={product.stock?.available ?? null} look="tile" />
);

export const buy: RenderAction = (product) => (
  <Stepper goods={product} available={product.stock?.available ?? null} look="wide" />
);
