/** The pages of the shop. Each but the first is fetched when it is opened. */

import { lazy, type ComponentType, type LazyExoticComponent } from "react";

import { Component as Home } from "./routes/home";

type Load = () => Promise<{ Component: ComponentType }>;

interface PageAt {
  path: string;
  Component: ComponentType | LazyExoticComponent<ComponentType>;
}

function page(path: string, load: Load): PageAt {
  return { path, Component: lazy(async () => ({ default: (await load()).Component })) };
}

/** public/routes.txt has the same paths, so that the router knows which addresses are pages. */
export const PAGES: readonly PageAt[] = [
  { path: "/", Component: Home },
  page("/products", () => import("./routes/products")),
  page("/products/:slug", () => import("./routes/product")),
  page("/categories", () => import("./routes/categories")),
  page("/categories/:slug", () => import("./routes/category")),
  page("/cart", () => import("./routes/cart")),
  page("/login", () => import("./routes/login")),
  page("/register", () => import("./routes/register")),
  page("/orders", () => import("./routes/orders")),
  page("/orders/:id", () => import("./routes/order")),
  page("/orders/:id/confirmation", () => import("./routes/confirmation")),
];

export const NotFound = page("*", () => import("./routes/not-found"));
