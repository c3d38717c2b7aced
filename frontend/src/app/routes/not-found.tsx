import { ButtonLink } from "@/components/ui/button";
import { Empty } from "@/components/ui/empty";
import { Page } from "@/components/ui/page";
import { useT } from "@/lib/i18n/provider";

export function Component() {
  const t = useT();
  return (
    <Page title={t("notFound.title")}>
      <Empty whole title={t("notFound.title")} body={t("notFound.body")}>
        <ButtonLink to="/">{t("error.home")}</ButtonLink>
        <ButtonLink look="quiet" to="/categories">
          {t("nav.categories")}
        </ButtonLink>
      </Empty>
    </Page>
  );
}
