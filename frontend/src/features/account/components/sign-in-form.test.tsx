import { screen } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { expect, it } from "vitest";

import { graph, show } from "@/testing/render";

import { SignInForm } from "./sign-in-form";

const refusal =
  (field: string, code: string, more: object = {}) =>
  () => ({
    data: { [field]: null },
    errors: [{ message: "No.", path: [field], extensions: { code, ...more } }],
  });

async function fill(button: string, password = "long enough") {
  await userEvent.type(screen.getByLabelText("User name"), "ann");
  await userEvent.type(screen.getByLabelText("Password"), password);
  await userEvent.click(screen.getByRole("button", { name: button }));
}

it("says that the name or the password is wrong, and not which", async () => {
  graph({ Login: refusal("login", "UNAUTHENTICATED") });
  show(<SignInForm kind="login" />);
  await fill("Sign in");
  expect(await screen.findByRole("alert")).toHaveTextContent("The user name or the password is wrong.");
});

it("says how long to wait", async () => {
  graph({ Login: refusal("login", "RATE_LIMITED", { retryAfter: 8 }) });
  show(<SignInForm kind="login" />);
  await fill("Sign in");
  expect(await screen.findByRole("alert")).toHaveTextContent("wait 8 seconds");
});

it("says at the field that a name is taken, and takes the focus there", async () => {
  graph({ Register: refusal("registerUser", "CONFLICT") });
  show(<SignInForm kind="register" />);
  await fill("Create account");
  const name = screen.getByLabelText("User name");
  expect(await screen.findByText("This name is taken. Please choose another one.")).toBeVisible();
  await expect.poll(() => document.activeElement).toBe(name);
  expect(name).toHaveAccessibleDescription(/taken/);
});

it("sends nothing that cannot be right", async () => {
  const sent = graph({});
  show(<SignInForm kind="register" />);
  await fill("Create account", "short");
  expect(screen.getByText("Please use at least 8 characters.")).toBeVisible();
  expect(sent).toEqual([]);
});
