import { expect, test } from "vitest";
import { readPanel, readSettings } from "../../src/dashboard/settings";

const panel = { kind: "chart", title: "T", topics: "plant/{line}/t", y: ["t"], by: null, x: null, unit: "", min: null, max: null, thresholds: [{ above: 3, level: "warn" }], window: null };
const whole = {
  format: 1, title: "Plant", broker: { url: "wss://h:8884/mqtt", address: "mqtts://h", guessed: true, cloud: false }, topics: ["#", "a#"], qos: 1, panels: [panel],
  plan: { bytes: 10e9, connections: 100 }, window: 300, theme: "dark", saved: 1, origin: "python", version: "0",
};

test("what Python writes is read as it is, but for filters that are none", () => {
  expect(readSettings(JSON.stringify(whole))).toEqual({ ...whole, topics: ["#"] });
});

test.each([
  [{ ...whole, format: 2 }, "format 2"], [{ ...whole, broker: { url: "javascript:alert(1)" } }, "ws://"], [{ ...whole, panels: [{ ...panel, kind: "iframe" }] }, "iframe"],
  [{ ...whole, panels: [{ ...panel, topics: "a#" }] }, "#"], [{ ...whole, panels: [{ ...panel, y: [] }] }, "column"], [{ ...whole, panels: [{ ...panel, thresholds: [{ level: "warn" }] }] }, "threshold"], [[], "object"],
])("settings that are none say why: %#", (given, told) => {
  expect(() => readSettings(JSON.stringify(given))).toThrow(told);
});

test("what is beside them is dropped", () => {
  expect(readPanel({ ...panel, onclick: "alert(1)" })).not.toHaveProperty("onclick");
});
