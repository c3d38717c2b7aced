import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";

import { App } from "./app/app";
import "./app/index.css";
import { homeQuery } from "./features/catalog/components/home";
import { firstLanguage } from "./lib/i18n/provider";
import { makeQueryClient } from "./lib/query";
import { session } from "./lib/session/browser";
import { shopQuery } from "./lib/shop/use-money";
import { followSystem } from "./lib/theme";

const root = document.getElementById("root");
if (!root) throw new Error("index.html has no #root.");

followSystem();
void session.resume();

const queries = makeQueryClient();
// Asked for before anything is drawn: what comes first is there sooner.
const ask = (query: Parameters<typeof queries.query>[0]) => void queries.query(query).catch(() => undefined);
ask(shopQuery);
if (location.pathname === "/") ask(homeQuery);

// Nobody sees what the person before them saw.
session.subscribe(() => {
  if (session.state.status === "anonymous") queries.removeQueries({ queryKey: ["own"] });
});

const first = await firstLanguage();
createRoot(root).render(
  <StrictMode>
    <BrowserRouter>
      <App queries={queries} first={first} />
    </BrowserRouter>
  </StrictMode>,
);
