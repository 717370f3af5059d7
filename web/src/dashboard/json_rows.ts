// A document as lines of text with a place each: what the view of a message shows, and what a click on a value means.

import { Digits } from "./payload";
import { formatPath, goesBefore, rowsOf, valueAt, type Step } from "./paths";
import { shown } from "./shown";

export interface JsonRow {
  depth: number;
  /** The key before it; "" in a list and at the top. */
  key: string;
  /** The value as text, or a bracket. */
  text: string;
  /** What stands behind it: a comma, or nothing. */
  tail: string;
  kind: "number" | "boolean" | "string" | "null" | "bracket" | "more";
  /** The column's name, where it is one that can be drawn. */
  path: string | undefined;
}

const MOST_ITEMS = 50;
const MOST_DEPTH = 40;

export function jsonRows(document: unknown, most = 500): JsonRow[] {
  const rows: JsonRow[] = [];
  // Each object of a list at the top is a row of the frame: its place does not count.
  const roots = rowsOf(document);
  const isList = roots[0] !== document;
  const named = new NamedRows();
  let left = 0;
  const put = (row: JsonRow): void => {
    if (rows.length < most) rows.push(row);
    else left += 1;
  };
  const walk = (value: unknown, key: string, steps: Step[], depth: number, tail: string): void => {
    if (value === null || typeof value !== "object" || value instanceof Digits) {
      const [root, places] = isList ? [roots[Number(steps[0])], steps.slice(1)] : [document, steps];
      const row = { depth, key, ...scalar(value), tail, path: pathOf(root, value, places) };
      named.add(row, steps, isList ? String(steps[0]) : "");
      put(row);
      return;
    }
    const entries: [Step, unknown][] = Array.isArray(value) ? value.slice(0, MOST_ITEMS).map((one, i) => [i, one as unknown]) : Object.entries(value);
    const length = Array.isArray(value) ? value.length : entries.length;
    const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
    if (length === 0 || depth >= MOST_DEPTH) {
      put({ depth, key, text: `${open}${length === 0 ? "" : "…"}${close}`, tail, kind: "bracket", path: undefined });
      return;
    }
    put({ depth, key, text: open, tail: "", kind: "bracket", path: undefined });
    for (const [i, [step, one]] of entries.entries()) {
      if (rows.length >= most && left > 100_000) return;
      walk(one, typeof step === "number" ? "" : step, [...steps, step], depth + 1, i < length - 1 ? "," : "");
    }
    if (length > entries.length) put({ depth: depth + 1, key: "", text: `… ${length - entries.length} more`, tail: "", kind: "more", path: undefined });
    put({ depth, key: "", text: close, tail, kind: "bracket", path: undefined });
  };
  walk(document, "", [], 0, "");
  if (left > 0) rows.push({ depth: 0, key: "", text: `… ${left > 100_000 ? "very many" : left} more lines`, tail: "", kind: "more", path: undefined });
  return rows;
}

/** Of two places with one name and one value, "a.b" and b in "a", a click means the one that a panel would show: the other has none. */
class NamedRows {
  private readonly known = new Map<string, { row: JsonRow; steps: readonly Step[] }>();

  add(row: JsonRow, steps: readonly Step[], group: string): void {
    if (row.path === undefined) return;
    const name = `${group}\u0000${row.path}`;
    const other = this.known.get(name);
    if (other && goesBefore(other.steps, steps)) {
      row.path = undefined;
      return;
    }
    if (other) other.row.path = undefined;
    this.known.set(name, { row, steps });
  }
}

function scalar(value: unknown): Pick<JsonRow, "text" | "kind"> {
  if (value instanceof Digits) return { text: shown(value.text, 60), kind: "number" };
  if (typeof value === "number") return { text: String(value), kind: "number" };
  if (typeof value === "boolean") return { text: String(value), kind: "boolean" };
  if (typeof value === "string") return { text: `"${shown(value)}"`, kind: "string" };
  return { text: "null", kind: "null" };
}

/** The name under which a panel finds the value; undefined where it would find another, or none. */
function pathOf(root: unknown, value: unknown, steps: Step[]): string | undefined {
  const draws = typeof value === "number" || typeof value === "boolean" || value instanceof Digits;
  if (!draws) return undefined;
  const path = steps.length === 0 ? "value" : formatPath(steps);
  return value === root || valueAt(root, path) === value ? path : undefined;
}
