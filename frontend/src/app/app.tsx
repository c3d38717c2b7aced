import { QueryClientProvider, type QueryClient } from "@tanstack/react-query";
import { Route, Routes } from "react-router";

import { LanguageProvider, type Spoken } from "@/lib/i18n/provider";

import { NotFound, PAGES } from "./pages";
import { Shell } from "./shell/shell";

export function App({ queries, first }: { queries: QueryClient; first: Spoken }) {
  return (
    <LanguageProvider first={first}>
      <QueryClientProvider client={queries}>
        <Routes>
          <Route element={<Shell />}>
            {[...PAGES, NotFound].map(({ path, Component }) => (
              <Route key={path} path={path} element={<Component />} />
            ))}
          </Route>
        </Routes>
      </QueryClientProvider>
    </LanguageProvider>
  );
}
