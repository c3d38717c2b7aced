import { Settings2, User } from "lucide-react";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { Link } from "react-router";

import { useT } from "@/lib/i18n/provider";
import { useSession } from "@/lib/session/browser";

import { ICON_BUTTON } from "./styles";

const load = () => import("./menu");
const SettingsMenu = lazy(async () => ({ default: (await load()).SettingsMenu }));
const AccountMenu = lazy(async () => ({ default: (await load()).AccountMenu }));

/** A menu whose code is fetched when somebody reaches for it; until then the button looks the same. */
function OnDemand({ label, icon, children }: { label: string; icon: ReactNode; children: ReactNode }) {
  const [wanted, setWanted] = useState(false);
  const button = (
    <button
      type="button"
      aria-haspopup="menu"
      aria-expanded={wanted}
      aria-label={label}
      className={ICON_BUTTON}
      onPointerEnter={() => void load()}
      onFocus={() => void load()}
      onClick={() => setWanted(true)}
    >
      {icon}
    </button>
  );
  return wanted ? <Suspense fallback={button}>{children}</Suspense> : button;
}

export function Settings() {
  const t = useT();
  return (
    <OnDemand label={t("nav.settings")} icon={<Settings2 aria-hidden className="size-5" />}>
      <SettingsMenu initiallyOpen />
    </OnDemand>
  );
}

export function Account() {
  const t = useT();
  const { person } = useSession();
  if (person) {
    return (
      <OnDemand key={person._id} label={t("nav.account")} icon={<User aria-hidden className="size-5" />}>
        <AccountMenu person={person} initiallyOpen />
      </OnDemand>
    );
  }
  return (
    <Link
      to="/login"
      className="inline-flex min-h-12 items-center gap-2 rounded-full px-3 font-semibold whitespace-nowrap hover:bg-tint"
    >
      <User aria-hidden className="size-5" />
      {t("nav.login")}
    </Link>
  );
}
