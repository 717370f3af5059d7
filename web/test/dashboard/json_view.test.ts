// @vitest-environment jsdom
import { expect, test } from "vitest";
import { JsonView } from "../../src/dashboard/json_view";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function show(text: string | Uint8Array, size?: number): { view: JsonView; picked: string[] } {
  const picked: string[] = [];
  const view = new JsonView((path) => picked.push(path));
  const payload = typeof text === "string" ? bytes(text) : text;
  view.show(payload, size ?? payload.length);
  return { view, picked };
}

test("a click on a number says which, and the button outlives the next message of that shape", () => {
  const { view, picked } = show('{"a":{"b":1},"s":"<b>"}');
  const button = view.element.querySelector("button");
  button?.click();
  view.show(bytes('{"a":{"b":2},"s":"x"}'), 21);
  expect([picked, view.element.querySelector("button") === button, button?.textContent, view.element.querySelectorAll("b").length]).toEqual([["a.b"], true, "2", 0]);
  view.show(bytes('{"a":{"b":2}}'), 13);
  expect(view.element.querySelector("button") === button).toBe(false);
});

test("a large one is shortened, text is text, bytes are hex, nothing is told", () => {
  expect(show("x".repeat(64_000), 1_000_000).view.element.textContent).toMatch(/^Shortened: the beginning of 1\.0 MB/);
  expect(show("plain <i>").view.element.textContent).toBe("plain <i>");
  expect(show(new Uint8Array([0xff, 0xfe])).view.element.textContent).toContain("ff fe");
  expect(show("").view.element.textContent).toContain("clears");
});

test("text that ends within a character is text, and bytes that are none are not", () => {
  for (const kept of [20, 21]) expect(show(bytes("ä".repeat(50)).subarray(0, kept), 100).view.element.textContent).toContain("\n\nääääääääää");
  expect(show(bytes("ä".repeat(20_000))).view.element.textContent).toContain("äää");
  expect(show(new Uint8Array([0x41, 0xff, 0x41]), 100).view.element.textContent).toContain("41 ff 41");
});
