// What the bytes of a message are: JSON, other text, or neither. A large one is kept shortened.

/** Of a payload so much is read as JSON; beyond it, it is shown as text, shortened. */
export const MOST_JSON_BYTES = 2_000_000;
/** Of each message of the log so much is kept. */
export const MOST_KEPT_BYTES = 64_000;

export type Payload =
  | { kind: "json"; document: unknown }
  | { kind: "text"; text: string }
  | { kind: "bytes" }
  | { kind: "empty" };

/** Bytes as text; undefined where they are none. A character that the end of a part cuts is left out. */
export function textOf(bytes: Uint8Array, isPart: boolean): string | undefined {
  try {
    // A decoder of its own: it would begin the next text with what is left of this one.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: isPart });
  } catch {
    return undefined;
  }
}

export function readPayload(bytes: Uint8Array): Payload {
  if (bytes.length === 0) return { kind: "empty" };
  const text = textOf(bytes, false);
  if (text === undefined) return { kind: "bytes" };
  if (bytes.length <= MOST_JSON_BYTES && looksLikeJson(text)) {
    try {
      return { kind: "json", document: JSON.parse(text) as unknown };
    } catch {
      // Not JSON after all.
    }
  }
  return { kind: "text", text };
}

function looksLikeJson(text: string): boolean {
  return /^\s*(?:[[{"\-\d]|true\s*$|false\s*$|null\s*$)/.test(text);
}

/** The beginning of a payload as one line of text. `size`: of the whole, where `bytes` is only its beginning. */
export function previewOf(bytes: Uint8Array, most = 200, size = bytes.length): string {
  const head = bytes.subarray(0, most * 4);
  return textOf(head, head.length < size)?.slice(0, most) ?? hexLine(bytes, 24);
}

export function hexLine(bytes: Uint8Array, most: number): string {
  const head = [...bytes.subarray(0, most)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return bytes.length > most ? `${head} …` : head;
}

/** Bytes as a hex dump: offset, sixteen bytes, their ASCII. */
export function hexDump(bytes: Uint8Array, mostLines = 64): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length && lines.length < mostLines; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const ascii = [...row].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hexLine(row, 16).padEnd(47)}  ${ascii}`);
  }
  return lines.join("\n");
}

/**
 * A document for the eye: integers beyond 2^53 as the digits that were sent, where the browser can tell them (`exact`).
 * What comes back is to be looked at, never computed with.
 */
export class Digits {
  constructor(readonly text: string) {}
}

export function readForTheEye(text: string): unknown {
  const reviver = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === "number" && context?.source !== undefined && String(value) !== context.source ? new Digits(context.source) : value;
  return JSON.parse(text, reviver as (key: string, value: unknown) => unknown) as unknown;
}
