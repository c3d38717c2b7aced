import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { render } from "@testing-library/react";
import type { ReactNode } from "react";
import { MemoryRouter } from "react-router";
import { vi } from "vitest";

import { LanguageProvider } from "@/lib/i18n/provider";
import en from "@/messages/en.json";

export type Answers = Readonly<Record<string, (variables: Record<string, unknown>) => unknown>>;

export const SHOP = { data: { shop: { name: "Larder", currency: "EUR", exponent: 2 } } };

/** Answers operations by their name, as the graph would; what is not named fails the test. Says which were sent. */
export function graph(answers: Answers): string[] {
  const sent: string[] = [];
  vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
    const { query, variables } = JSON.parse(String(init.body)) as {
      query: string;
      variables: Record<string, unknown>;
    };
    const name = /(?:query|mutation) (\w+)/.exec(query)?.[1] ?? "";
    sent.push(name);
    const answer = name === "Shop" ? () => SHOP : answers[name];
    if (!answer) throw new Error(`nobody answers ${name}`);
    return Promise.resolve(new Response(JSON.stringify(answer(variables))));
  });
  return sent;
}

export function show(what: ReactNode, at = "/") {
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  return render(
    <MemoryRouter initialEntries={[at]}>
      <LanguageProvider first={{ locale: "en", messages: en }}>
        <QueryClientProvider client={queries}>{what}</QueryClientProvider>
      </LanguageProvider>
    </MemoryRouter>,
  );
}

export function product(over: Record<string, unknown> = {}) {
  return {
    _id: "p1",
    slug: "gala-apples",
    name: "Gala Apples",
    brand: "Hollin Farm",
    price: 279,
    sizeText: "1 kg",
    unitPrice: { amount: 279, per: "KG" as const },
    pictures: ["/pictures/red-apple.webp"],
    stock: { available: 5, inStock: true, low: false },
    ...over,
  };
}
