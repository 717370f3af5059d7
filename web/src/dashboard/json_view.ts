// One message, as JSON, text or bytes. A click on a number or a boolean asks for a panel of it.

import { el, setText } from "./dom";
import { jsonRows, type JsonRow } from "./json_rows";
import { hexDump, readForTheEye, readPayload, textOf } from "./payload";
import { bytes, shown, shownLines } from "./shown";

const MOST_TEXT = 20_000;

export class JsonView {
  readonly element = el("div", { class: "json", role: "group", "aria-label": "Payload" });
  private shape = "";
  private texts: Element[] = [];

  constructor(private readonly pick: (path: string) => void) {}

  /** `size`: of the whole payload, where `payload` is only its beginning. */
  show(payload: Uint8Array, size: number): void {
    const whole = payload.length === size;
    const read = whole ? readPayload(payload) : undefined;
    if (read?.kind === "json") {
      this.showRows(jsonRows(documentOf(payload, read.document)));
      return;
    }
    if (read?.kind === "empty") {
      this.showText("An empty payload: it clears what the broker had kept for this topic.", "note");
      return;
    }
    const cut = whole && payload.length <= MOST_TEXT ? "" : `Shortened: the beginning of ${bytes(size)}.\n\n`;
    const beginning = read?.kind === "bytes" ? undefined : textOf(payload.subarray(0, MOST_TEXT), cut !== "");
    const text = beginning === undefined ? hexDump(payload) : shownLines(beginning);
    this.showText(cut + text, "text");
  }

  private showText(text: string, kind: string): void {
    this.shape = "";
    this.element.replaceChildren(el("pre", { class: kind, tabindex: "0" }, text));
  }

  private showRows(rows: JsonRow[]): void {
    const shape = rows.map(({ depth, key, kind, path }) => `${depth}${kind}${path === undefined ? "" : "!"}${key}`).join("\u0000");
    if (shape === this.shape) {
      // The same places with other values: the elements stay, so that a hand or a reader on its way to one finds it.
      rows.forEach((row, i) => {
        const node = this.texts[i];
        if (node) setText(node, row.text);
      });
      return;
    }
    this.shape = shape;
    this.texts = [];
    this.element.replaceChildren(...rows.map((row) => this.line(row)));
  }

  private line({ depth, key, text, tail, kind, path }: JsonRow): HTMLElement {
    const value = path === undefined ? el("span", { class: kind }, text) : this.pickable(path, text, kind);
    this.texts.push(value);
    const line = el("div", { class: "row", "data-depth": Math.min(depth, 12) });
    if (key !== "") line.append(el("span", { class: "key" }, shown(key, 80)), ": ");
    line.append(value, tail);
    return line;
  }

  private pickable(path: string, text: string, kind: string): HTMLElement {
    const made = el("button", { type: "button", class: `pick ${kind}`, title: `Show ${shown(path, 80)} in a panel` }, text);
    made.addEventListener("click", () => {
      this.pick(path);
    });
    return made;
  }
}

function documentOf(payload: Uint8Array, document: unknown): unknown {
  try {
    return readForTheEye(new TextDecoder().decode(payload));
  } catch {
    return document;
  }
}
