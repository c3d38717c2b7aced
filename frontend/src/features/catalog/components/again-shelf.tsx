import { useQuery } from "@tanstack/react-query";

import { ProductsByIdDocument } from "@/gql/graphql";
import { useT } from "@/lib/i18n/provider";
import { publicQuery } from "@/lib/query";

import { Section } from "./home";
import { ProductGrid, type RenderAction } from "./product-grid";

/** What somebody bought before and can buy again. */
export function AgainShelf({ ids, action }: { ids: readonly string[]; action: RenderAction }) {
  const t = useT();
  const found = useQuery({
    ...publicQuery("ProductsById", ProductsByIdDocument, { ids: [...ids] }),
    enabled: ids.length > 0,
  });
  const products = (found.data?.data.products ?? []).filter((product) => product !== null);
  if (products.length === 0) return null;
  return (
    <Section title={t("home.again")} to="/orders">
      <ProductGrid shelf products={products} action={action} />
    </Section>
  );
}
