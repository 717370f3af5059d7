// @vitest-environment jsdom
import { expect, test } from "vitest";
import { PublishForm } from "../../src/dashboard/publish_form";
import { PublishError } from "../../src/dashboard/session";

async function send(form: PublishForm): Promise<string> {
  form.element.querySelector<HTMLElement>("button.main")?.click();
  await new Promise((resolve) => setTimeout(resolve));
  return form.element.querySelector(".outcome")?.textContent ?? "";
}

test("what the broker answered is said", async () => {
  const sent: unknown[] = [];
  let refuses = false;
  const form = new PublishForm((...all) => {
    sent.push(all);
    return refuses ? Promise.reject(new PublishError({ what: "The broker refused it: not authorized (135).", todo: "Not yours." })) : Promise.resolve();
  });
  document.body.append(form.element);
  form.fill("plant/1/set", '{"speed":3}');
  expect(await send(form)).toContain("Confirmed by the broker");
  refuses = true;
  expect(await send(form)).toBe("The broker refused it: not authorized (135). Not yours.");
  form.fill("plant/+", "x");
  expect(await send(form)).toContain("Nothing was sent");
  expect(sent).toEqual([["plant/1/set", '{"speed":3}', 1, false], ["plant/1/set", '{"speed":3}', 1, false]]);
});

test("what looks like JSON and is none is said, and sent as it is", () => {
  const form = new PublishForm(() => Promise.resolve());
  document.body.append(form.element);
  form.fill("a", '{"speed":');
  expect(form.element.textContent).toContain("Not JSON");
});

test("that the page was not connected is said no longer once it is; a refusal stays", async () => {
  let passes = true;
  const form = new PublishForm(() => Promise.reject(new PublishError({ what: "No.", todo: "" }, passes)));
  document.body.append(form.element);
  form.fill("a", "1");
  expect(await send(form)).toBe("No.");
  form.connected();
  expect(form.element.querySelector(".outcome")?.textContent).toBe("");
  passes = false;
  await send(form);
  form.connected();
  expect(form.element.querySelector(".outcome")?.textContent).toBe("No.");
});
