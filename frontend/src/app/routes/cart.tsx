export { BasketPage as Component } from "@/features/basket/components/basket-page";
