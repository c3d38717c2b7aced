import { Page } from "@/components/ui/page";
import { Categories } from "@/features/catalog/components/categories";
import { useT } from "@/lib/i18n/provider";

export function Component() {
  const t = useT();
  return (
    <Page title={t("categories.title")}>
      <h1 className="text-3xl font-extrabold sm:text-4xl">{t("categories.title")}</h1>
      <p className="mt-2 mb-6 text-soft">{t("categories.lead")}</p>
      <Categories />
    </Page>
  );
}
