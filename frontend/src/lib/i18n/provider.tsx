import { createContext, use, useCallback, useEffect, useMemo, useState, type ReactNode } from "react";

import { keep, readKept } from "@/lib/storage";
import en from "@/messages/en.json";

import { pickLocale, translator, type Locale, type Messages, type Translate } from "./translate";

const NAME = "larder.language";

interface Language {
  locale: Locale;
  t: Translate;
  choose: (locale: Locale) => void;
}

const Context = createContext<Language | null>(null);

/** English is in the first bundle; another language is fetched when it is spoken. */
async function load(locale: Locale): Promise<Messages> {
  return locale === "en" ? en : (await import("@/messages/vi.json")).default;
}

export interface Spoken {
  locale: Locale;
  messages: Messages;
}

/** The language to begin with, so that the first paint is in it. English where the other cannot be had. */
export async function firstLanguage(): Promise<Spoken> {
  const locale = pickLocale(readKept(NAME), navigator.languages);
  try {
    return { locale, messages: await load(locale) };
  } catch {
    return { locale: "en", messages: en };
  }
}

export function LanguageProvider({ first, children }: { first: Spoken; children: ReactNode }) {
  const [spoken, setSpoken] = useState(first);
  useEffect(() => {
    document.documentElement.lang = spoken.locale;
  }, [spoken.locale]);
  const choose = useCallback((locale: Locale) => {
    keep(NAME, locale);
    void load(locale).then((messages) => setSpoken({ locale, messages }));
  }, []);
  const value = useMemo(
    () => ({ locale: spoken.locale, t: translator(spoken.locale, spoken.messages), choose }),
    [spoken, choose],
  );
  return <Context value={value}>{children}</Context>;
}

export function useLanguage(): Language {
  const language = use(Context);
  if (!language) throw new Error("There is no LanguageProvider above.");
  return language;
}

export function useT(): Translate {
  return useLanguage().t;
}
