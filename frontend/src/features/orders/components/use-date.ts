import { useMemo } from "react";

import { useLanguage } from "@/lib/i18n/provider";

/** Dates in the language's way, in the time of whoever reads them. */
export function useDate(): (iso: string) => string {
  const { locale } = useLanguage();
  return useMemo(() => {
    const format = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short" });
    return (iso) => format.format(new Date(iso));
  }, [locale]);
}
