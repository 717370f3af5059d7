// A place in a JSON document, by the names of the frame's columns: `location.lat`, `readings[2].value`. A key that is there as it is
// written goes before one that is nested.

export type Step = string | number;

export function formatPath(steps: readonly Step[]): string {
  let text = "";
  for (const step of steps) text += typeof step === "number" ? `[${step}]` : text === "" ? step : `.${step}`;
  return text;
}

/** What stands at `path`; undefined where there is nothing. A payload that is no object is the column `value`. */
export function valueAt(document: unknown, path: string): unknown {
  if (document === null || typeof document !== "object") return path === "value" ? document : undefined;
  return within(document, path);
}

function within(node: unknown, path: string): unknown {
  if (path === "") return node;
  if (node === null || typeof node !== "object") return undefined;
  if (Array.isArray(node)) {
    const found = /^\[(\d+)\]\.?/.exec(path);
    return found ? within(node[Number(found[1])], path.slice(found[0].length)) : undefined;
  }
  if (Object.hasOwn(node, path)) return (node as Record<string, unknown>)[path];
  // The longest key that is there: "a.b" and then "c", or "a" and then "b.c".
  for (let cut = path.length - 1; cut > 0; --cut) {
    const next = path[cut];
    if (next !== "." && next !== "[") continue;
    const key = path.slice(0, cut);
    if (!Object.hasOwn(node, key)) continue;
    const found = within((node as Record<string, unknown>)[key], next === "." ? path.slice(cut + 1) : path.slice(cut));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Which of two places with the same name `valueAt` finds: the one whose key is longer where they part. */
export function goesBefore(one: readonly Step[], other: readonly Step[]): boolean {
  const at = one.findIndex((step, i) => step !== other[i]);
  return String(one[at] ?? "").length > String(other[at] ?? "").length;
}

/** The rows of a payload: a list of objects has one for each, anything else is one. */
export function rowsOf(document: unknown): readonly unknown[] {
  const isRows = Array.isArray(document) && document.length > 0 && document.every((one) => one !== null && typeof one === "object" && !Array.isArray(one));
  return isRows ? document : [document];
}

/** A value as a chart has it: numbers, booleans as 0 and 1, strings that are a JSON number. NaN for what is none. */
export function asNumber(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (typeof value === "string" && /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(value)) return Number(value);
  return NaN;
}

/** Every place of a document where a number or a boolean stands, at most so many. */
export function numericPaths(document: unknown, most = 50): string[] {
  const found: string[] = [];
  const walk = (node: unknown, steps: Step[]): void => {
    if (found.length >= most || steps.length > 8) return;
    if (typeof node === "number" || typeof node === "boolean") found.push(steps.length === 0 ? "value" : formatPath(steps));
    else if (Array.isArray(node)) node.slice(0, 8).forEach((one, i) => { walk(one, [...steps, i]); });
    else if (node !== null && typeof node === "object") for (const [key, one] of Object.entries(node)) walk(one, [...steps, key]);
  };
  const [first] = rowsOf(document);
  walk(first, []);
  return [...new Set(found)];
}
