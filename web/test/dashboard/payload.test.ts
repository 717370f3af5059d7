import { expect, test } from "vitest";
import { Digits, hexDump, MOST_JSON_BYTES, previewOf, readForTheEye, readPayload } from "../../src/dashboard/payload";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test.each([
  ['{"a":1}', "json"], ["21.5", "json"], ["true", "json"], ["  [1]", "json"], ["hello", "text"], ["{broken", "text"], ["", "empty"], ["NaN", "text"], ["truely", "text"],
])("%s is %s", (text, kind) => {
  expect(readPayload(bytes(text)).kind).toBe(kind);
});

test("what is not UTF-8 is bytes, and shown in hex", () => {
  const binary = new Uint8Array([0xff, 0x00, 0x41]);
  expect(readPayload(binary).kind).toBe("bytes");
  expect(previewOf(binary)).toBe("ff 00 41");
  expect(hexDump(binary)).toMatch(/^000000 {2}ff 00 41 +\.\.A$/);
});

test("a payload beyond the bound is not parsed", () => {
  expect(readPayload(bytes(`[${"1,".repeat(MOST_JSON_BYTES / 2)}1]`)).kind).toBe("text");
});

test("a preview does not break where a character was cut", () => {
  expect(previewOf(bytes("ä".repeat(500)), 10)).toBe("ä".repeat(10));
  const whole = bytes(`{"name":"${"ä".repeat(30)}"}`);
  for (const kept of [20, 21]) expect(previewOf(whole.subarray(0, kept), 80, whole.length)).toBe('{"name":"ääääää'.slice(0, 9 + Math.floor((kept - 9) / 2)));
  expect(previewOf(bytes("€".repeat(50)), 5)).toBe("€".repeat(5));
});

test("half a character at the end of a whole payload is no text, and what stands for what is none is", () => {
  expect(previewOf(new Uint8Array([0x41, 0xc3]))).toBe("41 c3");
  expect(previewOf(bytes("a\ufffdb"))).toBe("a\ufffdb");
});

test("integers beyond 2^53 are shown with the digits that were sent, where the engine tells them", () => {
  const read = readForTheEye('{"n":9007199254740993,"m":1.5,"k":1}') as Record<string, unknown>;
  expect([read["m"], read["k"]]).toEqual([1.5, 1]);
  const tells = (JSON.parse as unknown as (text: string, reviver: (k: string, v: unknown, c?: { source?: string }) => unknown) => unknown)("1", (_k, _v, c) => c?.source) === "1";
  if (tells) expect((read["n"] as Digits).text).toBe("9007199254740993");
  else expect(typeof read["n"]).toBe("number");
});
