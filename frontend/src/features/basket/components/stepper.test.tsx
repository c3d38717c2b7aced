import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import { graph, product, show } from "@/testing/render";

import { basket, countOf } from "../store";
import { Stepper } from "./stepper";

it("adds with one tap, counts in the same place, and keeps the focus", async () => {
  graph({});
  show(<Stepper goods={product()} available={2} look="tile" />);
  await userEvent.click(screen.getByRole("button", { name: "Add to basket: Gala Apples" }));
  const more = screen.getByRole("button", { name: "One more Gala Apples" });
  expect(more).toHaveFocus();
  await userEvent.keyboard("{Enter}");
  expect(countOf(basket.get())).toBe(2);
  expect(more, "there are no more").toBeDisabled();
  await userEvent.click(screen.getByRole("button", { name: "One less Gala Apples" }));
  await userEvent.click(screen.getByRole("button", { name: "Remove Gala Apples" }));
  expect(screen.getByRole("button", { name: "Add to basket: Gala Apples" })).toHaveFocus();
});

it("sells nothing that is sold out, and all that it does not know of", () => {
  graph({});
  const { unmount } = show(<Stepper goods={product()} available={0} look="wide" />);
  expect(screen.getByRole("button")).toBeDisabled();
  unmount();
  show(<Stepper goods={product()} available={null} look="wide" />);
  expect(screen.getByRole("button")).toBeEnabled();
});
