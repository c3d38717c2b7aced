import { asApiError } from "./graphql/errors";
import type { Translate } from "./i18n/translate";

/** An error in words for whoever shops: what happened and what to do. */
export function explain(t: Translate, error: unknown): string {
  const { code, retryAfter } = asApiError(error);
  switch (code) {
    case "NETWORK":
    case "TIMEOUT":
    case "UNAVAILABLE":
    case "INTERNAL":
    case "UNAUTHENTICATED":
      return t(`error.${code}`);
    case "RATE_LIMITED":
      return t("error.RATE_LIMITED", { seconds: retryAfter ?? 30 });
    default:
      return t("error.other");
  }
}
