import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useLocation } from "react-router";
import { expect, it } from "vitest";

import { graph, product, show } from "@/testing/render";

import { SearchBox } from "./search-box";

function Here() {
  const { pathname, search } = useLocation();
  return <p data-testid="here">{pathname + search}</p>;
}

function open() {
  graph({
    SuggestProducts: ({ text }) => ({
      data: {
        productsConnection: {
          nodes: text === "app" ? [product(), product({ _id: "p2", slug: "pie", name: "Apple Pie" })] : [],
        },
      },
    }),
  });
  show(
    <>
      <SearchBox />
      <Here />
    </>,
  );
}

it("suggests while somebody types, and is worked by keys alone", async () => {
  open();
  const box = screen.getByRole("combobox", { name: "Search products" });
  await userEvent.type(box, "app");
  expect(await screen.findByRole("option", { name: /Apple Pie/ })).toBeVisible();
  expect(box).toHaveAttribute("aria-expanded", "true");
  await userEvent.keyboard("{ArrowDown}{ArrowDown}");
  expect(box).toHaveAttribute("aria-activedescendant", screen.getByRole("option", { name: /Apple Pie/ }).id);
  await userEvent.keyboard("{Enter}");
  expect(screen.getByTestId("here")).toHaveTextContent("/products/pie");
});

it("searches for what was typed, whatever it is", async () => {
  open();
  await userEvent.type(screen.getByRole("combobox"), "a&b=<c>{Enter}");
  expect(screen.getByTestId("here")).toHaveTextContent("/products?q=a%26b%3D%3Cc%3E");
});

it("closes its suggestions at Escape and keeps the text", async () => {
  open();
  const box = screen.getByRole("combobox");
  await userEvent.type(box, "app");
  await screen.findByRole("option", { name: /Apple Pie/ });
  await userEvent.keyboard("{Escape}");
  expect(box).toHaveAttribute("aria-expanded", "false");
  expect(box).toHaveValue("app");
});
