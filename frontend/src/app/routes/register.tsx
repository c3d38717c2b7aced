import { Page } from "@/components/ui/page";
import { SignInForm } from "@/features/account/components/sign-in-form";
import { useT } from "@/lib/i18n/provider";

export function Component() {
  const t = useT();
  return (
    <Page title={t("nav.register")}>
      <SignInForm key="register" kind="register" />
    </Page>
  );
}
