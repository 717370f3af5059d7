// @vitest-environment jsdom
import { expect, test } from "vitest";
import { jsonForScript, pageText, partsOf } from "../../src/dashboard/saved_page";

const parts = { policy: "default-src 'none'", style: "p{}", script: "1<2", settings: '{"a":"</script><!--\u2028"}', history: "AAAA", title: "<b>&" };

test("the text holds its parts, and takes them out again", () => {
  const text = pageText(parts);
  expect(text.match(/<\/script/g)?.length).toBe(3);
  const read = new DOMParser().parseFromString(text, "text/html");
  expect(partsOf(read)).toEqual({ policy: parts.policy, style: parts.style, script: parts.script });
  expect(read.title).toBe("<b>&");
  expect(JSON.parse(read.getElementById("honeyframe-settings")?.textContent ?? "")).toEqual({ a: "</script><!--\u2028" });
});

test("only base64 is a history", () => {
  expect(() => pageText({ ...parts, history: "</script>" })).toThrow("base64");
});

test("halves of surrogate pairs do not stop the writing", () => {
  expect(jsonForScript('"\ud800"')).toBe('"?"');
});
