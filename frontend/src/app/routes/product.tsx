import { useParams } from "react-router";

import { addToBasket, buy } from "@/app/action";
import { ProductDetail } from "@/features/catalog/components/product-detail";

export function Component() {
  const { slug = "" } = useParams();
  return <ProductDetail key={slug} slug={slug} action={addToBasket} buy={buy} />;
}
