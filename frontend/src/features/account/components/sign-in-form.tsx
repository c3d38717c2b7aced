import { Eye, EyeOff } from "lucide-react";
import { useRef, useState, type SyntheticEvent } from "react";
import { Link, Navigate, useNavigate, useSearchParams } from "react-router";

import { Button } from "@/components/ui/button";
import { Field } from "@/components/ui/field";
import { Notice } from "@/components/ui/notice";
import { explain } from "@/lib/explain";
import { asApiError } from "@/lib/graphql/errors";
import { useT } from "@/lib/i18n/provider";
import { session, useSession } from "@/lib/session/browser";

import { safeNext } from "./safe-next";

const PASSWORD_LEAST = 8;

interface Wrong {
  username?: string | undefined;
  password?: string | undefined;
  form?: string | undefined;
}

/** Signing in and registering, which ask the same; afterwards the shop goes on where it was left. */
export function SignInForm({ kind }: { kind: "login" | "register" }) {
  const t = useT();
  const navigate = useNavigate();
  const who = useSession();
  const [search] = useSearchParams();
  const next = safeNext(search.get("next"));
  const [wrong, setWrong] = useState<Wrong>({});
  const [busy, setBusy] = useState(false);
  const [shown, setShown] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  if (who.status === "signed-in" && !busy) return <Navigate to={next} replace />;

  const tell = (what: Wrong) => {
    setWrong(what);
    // The first field that must be mended gets the focus, once it says why.
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid]")?.focus());
  };
  const submit = async (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (busy) return;
    const data = new FormData(event.currentTarget);
    const username = typed(data.get("username"));
    const password = typed(data.get("password"));
    const missing = check(t, kind, username, password);
    if (missing) {
      tell(missing);
      return;
    }
    setBusy(true);
    setWrong({});
    try {
      await (kind === "login" ? session.login(username, password) : session.register(username, password));
      void navigate(next, { replace: true });
    } catch (error) {
      tell(said(t, error));
    } finally {
      setBusy(false);
    }
  };

  const other = kind === "login" ? "register" : "login";
  return (
    <div className="mx-auto max-w-md py-4 md:py-10">
      <h1 className="text-3xl font-extrabold sm:text-4xl">{t(`account.${kind}.title`)}</h1>
      <p className="mt-2 text-soft">{t(`account.${kind}.lead`)}</p>
      <form
        ref={form}
        noValidate
        onSubmit={(event) => void submit(event)}
        className="mt-8 flex flex-col gap-5"
      >
        {wrong.form ? <Notice tone="bad">{wrong.form}</Notice> : null}
        <Field
          name="username"
          label={t("account.username")}
          hint={kind === "register" ? t("account.username.hint") : undefined}
          error={wrong.username}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          maxLength={64}
          required
        />
        <Field
          name="password"
          type={shown ? "text" : "password"}
          label={t("account.password")}
          hint={kind === "register" ? t("account.password.hint") : undefined}
          error={wrong.password}
          autoComplete={kind === "login" ? "current-password" : "new-password"}
          maxLength={128}
          required
          end={
            <button
              type="button"
              aria-label={t(shown ? "account.password.hide" : "account.password.show")}
              aria-pressed={shown}
              onClick={() => setShown(!shown)}
              className="grid size-11 place-items-center rounded-full hover:bg-tint"
            >
              {shown ? <EyeOff aria-hidden className="size-5" /> : <Eye aria-hidden className="size-5" />}
            </button>
          }
        />
        <Button type="submit" size="lg" disabled={busy}>
          {busy ? t("account.working") : t(`account.${kind}.submit`)}
        </Button>
      </form>
      <p className="mt-8 text-soft">
        {t(kind === "login" ? "account.login.new" : "account.register.have")}{" "}
        <Link
          to={`/${other}${next === "/" ? "" : `?${new URLSearchParams({ next }).toString()}`}`}
          className="font-semibold text-accent underline underline-offset-4"
        >
          {t(kind === "login" ? "nav.register" : "nav.login")}
        </Link>
      </p>
    </div>
  );
}

function typed(value: FormDataEntryValue | null): string {
  return typeof value === "string" ? value : "";
}

type T = ReturnType<typeof useT>;

function check(t: T, kind: "login" | "register", username: string, password: string): Wrong | null {
  const wrong: Wrong = {};
  if (username.trim() === "") wrong.username = t("account.required");
  if (password === "") wrong.password = t("account.required");
  else if (kind === "register" && password.length < PASSWORD_LEAST) {
    wrong.password = t("account.short", { count: PASSWORD_LEAST });
  }
  return Object.keys(wrong).length > 0 ? wrong : null;
}

function said(t: T, error: unknown): Wrong {
  const refused = asApiError(error);
  switch (refused.code) {
    case "UNAUTHENTICATED":
      return { form: t("account.wrong") };
    case "CONFLICT":
      return { username: t("account.taken") };
    case "BAD_USER_INPUT":
      return {
        username: refused.of("username"),
        password: refused.of("password"),
        form: whole(refused.fields.length, refused.message),
      };
    default:
      return { form: explain(t, error) };
  }
}

/** A refusal that names no field is said of the whole form. */
function whole(fields: number, message: string): string | undefined {
  return fields === 0 ? message : undefined;
}
