// What the file carries of the past: a table a topic, its times and columns as arrays of doubles, gzipped, in base64.
//   "HFH1", the length of the head (4 bytes, little-endian), the head as JSON, padding to 8 bytes, then the doubles in the head's order.

export interface HistoryTable {
  topic: string;
  /** Seconds since 1970, oldest first. */
  x: Float64Array;
  columns: Map<string, Float64Array>;
  /** Those of them that are true and false, as 1 and 0. */
  switches?: readonly string[];
}

export interface History {
  tables: HistoryTable[];
  rows: number;
}

interface Head {
  tables: { topic: string; rows: number; columns: string[]; switches?: readonly string[] }[];
}

const MARK = "HFH1";
const MOST_BYTES = 1_000_000_000;

export const NO_HISTORY: History = { tables: [], rows: 0 };

export async function readHistory(base64: string): Promise<History> {
  if (base64.trim() === "") return NO_HISTORY;
  return decode(await through(fromBase64(base64.trim()), new DecompressionStream("gzip")));
}

export async function writeHistory(history: History): Promise<string> {
  if (history.tables.length === 0) return "";
  return toBase64(await through(encode(history), new CompressionStream("gzip")));
}

export function decode(bytes: Uint8Array<ArrayBuffer>): History {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8 || new TextDecoder().decode(bytes.subarray(0, 4)) !== MARK) throw new Error("the history has another format");
  const headLength = view.getUint32(4, true);
  const head = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headLength))) as Head;
  let at = padded(8 + headLength);
  const doubles = (count: number): Float64Array => {
    if (!Number.isInteger(count) || count < 0 || at + count * 8 > bytes.length) throw new Error("the history is cut off");
    const found = new Float64Array(bytes.buffer, bytes.byteOffset + at, count);
    at += count * 8;
    return found;
  };
  const tables = head.tables.map(({ topic, rows, columns, switches }): HistoryTable => ({
    topic,
    x: doubles(rows),
    columns: new Map(columns.map((name) => [name, doubles(rows)])),
    ...(switches ? { switches } : {}),
  }));
  return { tables, rows: tables.reduce((sum, { x }) => sum + x.length, 0) };
}

export function encode({ tables }: History): Uint8Array<ArrayBuffer> {
  const head: Head = {
    tables: tables.map(({ topic, x, columns, switches }) => ({ topic, rows: x.length, columns: [...columns.keys()], ...(switches?.length ? { switches } : {}) })),
  };
  const headBytes = new TextEncoder().encode(JSON.stringify(head));
  const begin = padded(8 + headBytes.length);
  const size = begin + 8 * tables.reduce((sum, { x, columns }) => sum + x.length * (1 + columns.size), 0);
  if (size > MOST_BYTES) throw new Error("there is more history than a file can carry");
  const bytes = new Uint8Array(size);
  bytes.set(new TextEncoder().encode(MARK));
  new DataView(bytes.buffer).setUint32(4, headBytes.length, true);
  bytes.set(headBytes, 8);
  let at = begin;
  for (const { x, columns } of tables) {
    for (const values of [x, ...columns.values()]) {
      new Float64Array(bytes.buffer, at, values.length).set(values);
      at += values.length * 8;
    }
  }
  return bytes;
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8;
}

async function through(bytes: Uint8Array<ArrayBuffer>, pipe: GenericTransformStream): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([bytes]).stream().pipeThrough(pipe as unknown as ReadableWritablePair<Uint8Array, Uint8Array>);
  return new Uint8Array(await new Response(stream as unknown as BodyInit).arrayBuffer());
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (native) return native.call(Uint8Array, text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; ++i) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

function toBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  // A multiple of three, so that the pieces fit together.
  for (let i = 0; i < bytes.length; i += 0x6000) parts.push(btoa(String.fromCharCode(...bytes.subarray(i, i + 0x6000))));
  return parts.join("");
}
