// @vitest-environment jsdom
import { expect, test } from "vitest";
import { SubscriptionsView } from "../../src/dashboard/subscriptions_view";

test("a filter is added; one that cannot be, or would take messages away from others, is refused with the reason", () => {
  const added: string[] = [];
  const view = new SubscriptionsView((filter) => added.push(filter), () => undefined);
  const input = view.element.querySelector("input");
  const add = (filter: string): string => {
    if (input) input.value = filter;
    view.element.querySelector<HTMLElement>("form button")?.click();
    return view.element.querySelector(".outcome")?.textContent ?? "";
  };
  expect(add("$share/g/x")).toBe("Not subscribed: a page that looks at $share/g/x would take messages away from the others of its group.");
  expect(add("a#")).toContain("# stands alone");
  expect(input?.value).toBe("a#");
  expect([add("plant/#"), added]).toEqual(["", ["plant/#"]]);
});
