import { useT } from "@/lib/i18n/provider";
import { explain } from "@/lib/explain";
import { asApiError } from "@/lib/graphql/errors";

import { Button } from "./button";

/** A part of a page that could not be had, and a way to try again. */
export function Failure({ error, retry }: { error: unknown; retry: () => void }) {
  const t = useT();
  const { requestId } = asApiError(error);
  return (
    <div role="alert" className="mx-auto flex max-w-md flex-col items-center gap-3 py-16 text-center">
      <h2 className="text-2xl font-bold">{t("error.title")}</h2>
      <p className="text-soft">{explain(t, error)}</p>
      {requestId ? <p className="text-sm text-soft">{t("error.request", { id: requestId })}</p> : null}
      <Button look="quiet" className="mt-2" onClick={retry}>
        {t("error.retry")}
      </Button>
    </div>
  );
}
