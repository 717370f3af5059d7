// What strangers wrote, as a page may show it: nothing invisible, nothing that turns the direction of what follows, nothing endless.

// Control characters, marks of direction and of width zero, halves of surrogate pairs, what Unicode calls no character.
// eslint-disable-next-line no-control-regex
const UNSEEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff0-\uffff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function spelled(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** One line of text, of at most so many characters. */
export function shown(text: string, most = 300): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  return cut.replace(UNSEEN, spelled);
}

/** Text of several lines: line breaks and tabs stay. */
export function shownLines(text: string): string {
  return text.replace(/\r\n/g, "\n").replace(UNSEEN, (one) => (one === "\n" || one === "\t" ? one : spelled(one)));
}

/** 1234567 bytes as "1.2 MB". */
export function bytes(count: number): string {
  if (count < 1000) return `${Math.round(count)} B`;
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let value = count / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${units[unit] ?? ""}`;
}

/** A number as a reader wants it: six digits that count, no tail of zeros. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en", { useGrouping: Math.abs(value) >= 10_000 });
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e9)) return value.toExponential(3);
  return Number(value.toPrecision(6)).toString();
}

/** A number in large letters: five digits that count; of a switch true or false. */
export function reading(value: number, isSwitch = false): string {
  if (isSwitch && (value === 0 || value === 1)) return String(value === 1);
  return Number.isInteger(value) ? number(value) : number(Number(value.toPrecision(5)));
}

export function count(many: number, noun: string): string {
  return `${many.toLocaleString("en")} ${noun}${many === 1 ? "" : "s"}`;
}

/** Seconds as "12 s", "4 min", "3 h", "2 days". */
export function span(seconds: number): string {
  if (seconds < 100) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} days`;
}

/** The time of day of seconds since 1970; with the date where it is another day. */
export function clock(seconds: number, now = Date.now() / 1000): string {
  const time = new Date(seconds * 1000);
  if (Number.isNaN(time.getTime())) return "–";
  const two = (value: number): string => String(value).padStart(2, "0");
  const day = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  const today = new Date(now * 1000);
  const same = time.toDateString() === today.toDateString();
  return `${same ? "" : `${day} `}${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}
