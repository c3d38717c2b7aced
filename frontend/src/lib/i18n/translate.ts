/** Messages with places to fill, and their plurals. Knows no React. */

import type en from "@/messages/en.json";

export type Key = keyof typeof en;
/** Keys that come in the forms of a plural, `.one` and `.other`. */
export type PluralKey = Key extends infer K ? (K extends `${infer Stem}.other` ? Stem : never) : never;
export type Messages = Readonly<Record<Key, string>>;
export type Values = Readonly<Record<string, string | number>>;

export const LOCALES = ["en", "vi"] as const;
export type Locale = (typeof LOCALES)[number];
export const LOCALE_NAMES: Readonly<Record<Locale, string>> = { en: "English", vi: "Tiếng Việt" };

/** The language that was chosen, or else the first one that the browser likes and the shop has. */
export function pickLocale(chosen: string | null, liked: readonly string[]): Locale {
  for (const tag of [chosen ?? "", ...liked]) {
    const found = LOCALES.find((locale) => tag.toLowerCase().split("-")[0] === locale);
    if (found) return found;
  }
  return "en";
}

export interface Translate {
  (key: Key, values?: Values): string;
  plural: (key: PluralKey, count: number, values?: Values) => string;
}

export function translator(locale: Locale, messages: Messages): Translate {
  const rules = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  const translate = (key: Key, values: Values = {}) => fill(messages[key], values);
  const plural = (key: PluralKey, count: number, values: Values = {}) => {
    const form = rules.select(count) === "one" ? `${key}.one` : `${key}.other`;
    return fill(messages[form as Key], { ...values, count: numbers.format(count) });
  };
  return Object.assign(translate, { plural });
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
