// @vitest-environment jsdom
import { expect, test } from "vitest";
import { KeptCredentials, LoginForm } from "../../src/dashboard/login_form";

test("what a tab keeps is kept for one broker", () => {
  const [one, other] = ["wss://a", "wss://b"].map((url) => new KeptCredentials(url));
  one?.keep({ user: "me", password: "p" });
  expect([one?.read(), other?.read()]).toEqual([{ user: "me", password: "p" }, undefined]);
  one?.clear();
  expect(one?.read()).toBeUndefined();
});

test("a browser that keeps nothing is no error, nor is what is no credential", () => {
  const broken = new KeptCredentials("wss://a", () => {
    throw new Error("SecurityError");
  });
  broken.keep({ user: "me", password: "p" });
  broken.clear();
  expect(broken.read()).toBeUndefined();
  window.sessionStorage.setItem("honeyframe wss://c", '{"user":1}');
  expect(new KeptCredentials("wss://c").read()).toBeUndefined();
});

test("the form hands on what was typed, and forgets the password", () => {
  const got: unknown[] = [];
  const form = new LoginForm("wss://a", (...all) => got.push(all));
  const input = (name: string): HTMLInputElement => form.element.elements.namedItem(name) as HTMLInputElement;
  [input("user").value, input("password").value, input("keep").checked] = ["me", "secret", true];
  form.element.querySelector<HTMLElement>("button.main")?.click();
  input("password").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
  form.clear();
  expect(got).toEqual([[{ user: "me", password: "secret" }, true], [{ user: "me", password: "secret" }, true]]);
  expect([input("user").value, input("password").value, input("password").type]).toEqual(["me", "", "password"]);
});

test("a password alone is not sent: the form stays, and asks for the user", () => {
  const got: unknown[] = [];
  const form = new LoginForm("wss://a", (...all) => got.push(all));
  document.body.append(form.element);
  const input = (name: string): HTMLInputElement => form.element.elements.namedItem(name) as HTMLInputElement;
  input("password").value = "secret";
  form.element.querySelector<HTMLElement>("button.main")?.click();
  expect([got, form.element.querySelector("[role=alert]")?.textContent, document.activeElement]).toEqual([[], "A password needs a user name: this page cannot send it alone.", input("user")]);
  input("user").value = "me";
  form.element.querySelector<HTMLElement>("button.main")?.click();
  expect([got.length, form.element.querySelector("[role=alert]")?.textContent]).toEqual([1, ""]);
  window.sessionStorage.setItem("honeyframe wss://d", '{"user":"","password":"p"}');
  expect(new KeptCredentials("wss://d").read()).toBeUndefined();
});
