// GraphiQL for the shop's graph. It asks the router that serves it, and no other host.

import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "./page.css";

import { GraphiQL } from "graphiql";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { firstQuery } from "./firstQuery";
import { fetcher } from "./fetcher";

const page = document.getElementById("graphiql");
if (!page) throw new Error("The page has no #graphiql to draw in.");

createRoot(page).render(
  <StrictMode>
    <GraphiQL
      fetcher={fetcher}
      defaultQuery={firstQuery}
      defaultHeaders={'{\n  "Authorization": ""\n}'}
      isHeadersEditorEnabled
      shouldPersistHeaders={false}
      defaultEditorToolsVisibility="headers"
    />
  </StrictMode>,
);
