// What the file says: the broker, the topics, the panels. Written by honeyframe's Python, or by this page when it saved a copy of itself.

import { faultOf, faultOfShare, filterOf } from "./topics";
import type { Level, Threshold } from "./thresholds";

export const FORMAT = 1;

export type PanelKind = "chart" | "gauge" | "value";
export type Theme = "auto" | "light" | "dark";

export interface PanelSettings {
  kind: PanelKind;
  title: string;
  /** A filter or a template. */
  topics: string;
  /** Columns, as the frame has them. */
  y: string[];
  /** Levels of the template, or "_topic", that make a line each; null: what tells the topics apart. */
  by: string[] | null;
  /** The column that tells when something was measured; null: when it arrived. */
  x: string | null;
  unit: string;
  min: number | null;
  max: number | null;
  thresholds: Threshold[];
  /** Seconds; null: the page's. */
  window: number | null;
}

export interface Plan {
  bytes: number | null;
  connections: number | null;
}

export interface Settings {
  format: number;
  title: string;
  broker: { url: string; address: string; guessed: boolean; cloud: boolean };
  topics: string[];
  qos: 0 | 1 | 2;
  panels: PanelSettings[];
  plan: Plan | null;
  window: number;
  theme: Theme;
  /** Seconds since 1970. */
  saved: number;
  /** Who wrote the file: "python" or "page". */
  origin: string;
  version: string;
}

export const MOST_PANELS = 60;
const LEVELS: readonly Level[] = ["good", "warn", "alarm"];

/** Reads them; throws an Error that says what is wrong. */
export function readSettings(text: string): Settings {
  const found = object(JSON.parse(text), "the settings");
  if (found["format"] !== FORMAT) throw new Error(`the settings have format ${String(found["format"])}; this page reads format ${FORMAT}`);
  const broker = object(found["broker"], "broker");
  const url = string(broker["url"]);
  if (!/^wss?:\/\//.test(url)) throw new Error("the broker's address is no ws:// or wss:// address");
  const plan = found["plan"] === null || found["plan"] === undefined ? null : object(found["plan"], "plan");
  return {
    format: FORMAT,
    title: string(found["title"]),
    broker: { url, address: string(broker["address"]), guessed: broker["guessed"] === true, cloud: broker["cloud"] === true },
    topics: strings(found["topics"]).filter((one) => faultOf(one) === "" && faultOfShare(one) === ""),
    qos: found["qos"] === 1 || found["qos"] === 2 ? found["qos"] : 0,
    panels: list(found["panels"]).slice(0, MOST_PANELS).map(readPanel),
    plan: plan && { bytes: numberOr(plan["bytes"], null), connections: numberOr(plan["connections"], null) },
    window: Math.max(1, numberOr(found["window"], 600) ?? 600),
    theme: found["theme"] === "light" || found["theme"] === "dark" ? found["theme"] : "auto",
    saved: numberOr(found["saved"], 0) ?? 0,
    origin: string(found["origin"]),
    version: string(found["version"]),
  };
}

export function readPanel(given: unknown): PanelSettings {
  const found = object(given, "a panel");
  const kind = found["kind"];
  if (kind !== "chart" && kind !== "gauge" && kind !== "value") throw new Error(`there is no panel of kind ${String(kind)}`);
  const topics = string(found["topics"]);
  const fault = faultOf(filterOf(topics)) || faultOfShare(topics);
  if (fault) throw new Error(`a panel's topics: ${fault}`);
  const y = strings(found["y"]);
  if (y.length === 0) throw new Error("a panel needs a column to show");
  return {
    kind,
    title: string(found["title"]),
    topics,
    y,
    by: found["by"] === null || found["by"] === undefined ? null : strings(found["by"]),
    x: typeof found["x"] === "string" ? found["x"] : null,
    unit: string(found["unit"]),
    min: numberOr(found["min"], null),
    max: numberOr(found["max"], null),
    thresholds: list(found["thresholds"]).map(readThreshold),
    window: numberOr(found["window"], null),
  };
}

function readThreshold(given: unknown): Threshold {
  const found = object(given, "a threshold");
  const level = LEVELS.find((one) => one === found["level"]);
  const [above, below] = [numberOr(found["above"], null), numberOr(found["below"], null)];
  if (level === undefined || (above === null) === (below === null)) throw new Error("a threshold has a level, and either above or below");
  return above === null ? { below: below ?? 0, level } : { above, level };
}

function object(given: unknown, name: string): Record<string, unknown> {
  if (given === null || typeof given !== "object" || Array.isArray(given)) throw new Error(`${name}: an object is missing`);
  return given as Record<string, unknown>;
}

function list(given: unknown): unknown[] {
  return Array.isArray(given) ? (given as unknown[]) : [];
}

function string(given: unknown): string {
  return typeof given === "string" ? given : "";
}

function strings(given: unknown): string[] {
  return list(given).filter((one): one is string => typeof one === "string");
}

function numberOr(given: unknown, otherwise: number | null): number | null {
  return typeof given === "number" && Number.isFinite(given) ? given : otherwise;
}
