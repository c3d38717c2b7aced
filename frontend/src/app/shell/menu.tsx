import * as Dropdown from "@radix-ui/react-dropdown-menu";
import { Check, Settings2, User } from "lucide-react";
import { useNavigate } from "react-router";

import { useLanguage, useT } from "@/lib/i18n/provider";
import { LOCALE_NAMES, LOCALES } from "@/lib/i18n/translate";
import { session } from "@/lib/session/browser";
import type { Person } from "@/lib/session/session";
import { chooseTheme, THEMES, useTheme } from "@/lib/theme";

import { ICON_BUTTON } from "./styles";

const PANEL =
  "z-40 min-w-56 rounded-2xl border border-line bg-card p-2 text-ink shadow-xl animate-[rise-in_.14s_ease-out]";
const ITEM =
  "flex min-h-11 cursor-pointer items-center justify-between gap-4 rounded-xl px-3 outline-none data-[highlighted]:bg-tint";
const LABEL = "px-3 pt-2 pb-1 text-sm font-semibold text-soft";

/** Language and appearance. */
export function SettingsMenu({ initiallyOpen }: { initiallyOpen: boolean }) {
  const { t, locale, choose } = useLanguage();
  const theme = useTheme();
  return (
    // Not modal: that would write a style element, which the Content-Security-Policy does not take.
    <Dropdown.Root modal={false} defaultOpen={initiallyOpen}>
      <Dropdown.Trigger className={ICON_BUTTON} aria-label={t("nav.settings")}>
        <Settings2 aria-hidden className="size-5" />
      </Dropdown.Trigger>
      <Dropdown.Portal>
        <Dropdown.Content align="end" sideOffset={8} className={PANEL}>
          <Dropdown.Label className={LABEL}>{t("settings.language")}</Dropdown.Label>
          <Dropdown.RadioGroup value={locale}>
            {LOCALES.map((one) => (
              <Dropdown.RadioItem key={one} value={one} className={ITEM} onSelect={() => choose(one)}>
                <span lang={one}>{LOCALE_NAMES[one]}</span>
                <Chosen />
              </Dropdown.RadioItem>
            ))}
          </Dropdown.RadioGroup>
          <Dropdown.Separator className="my-2 h-px bg-line" />
          <Dropdown.Label className={LABEL}>{t("settings.theme")}</Dropdown.Label>
          <Dropdown.RadioGroup value={theme}>
            {THEMES.map((one) => (
              <Dropdown.RadioItem key={one} value={one} className={ITEM} onSelect={() => chooseTheme(one)}>
                {t(`settings.theme.${one}`)}
                <Chosen />
              </Dropdown.RadioItem>
            ))}
          </Dropdown.RadioGroup>
        </Dropdown.Content>
      </Dropdown.Portal>
    </Dropdown.Root>
  );
}

function Chosen() {
  return (
    <Dropdown.ItemIndicator>
      <Check aria-hidden className="size-4.5 text-accent" />
    </Dropdown.ItemIndicator>
  );
}

/** What somebody who is signed in can do. */
export function AccountMenu({ person, initiallyOpen }: { person: Person; initiallyOpen: boolean }) {
  const t = useT();
  const navigate = useNavigate();
  return (
    <Dropdown.Root modal={false} defaultOpen={initiallyOpen}>
      <Dropdown.Trigger className={ICON_BUTTON} aria-label={t("nav.account")}>
        <User aria-hidden className="size-5" />
      </Dropdown.Trigger>
      <Dropdown.Portal>
        <Dropdown.Content align="end" sideOffset={8} className={PANEL}>
          <Dropdown.Label className={LABEL}>{t("nav.signedInAs", { name: person.username })}</Dropdown.Label>
          <Dropdown.Item className={ITEM} onSelect={() => void navigate("/orders")}>
            {t("nav.orders")}
          </Dropdown.Item>
          <Dropdown.Separator className="my-2 h-px bg-line" />
          <Dropdown.Item
            className={ITEM}
            onSelect={() => {
              void session.logout().catch(() => undefined);
              void navigate("/");
            }}
          >
            {t("nav.logout")}
          </Dropdown.Item>
        </Dropdown.Content>
      </Dropdown.Portal>
    </Dropdown.Root>
  );
}
