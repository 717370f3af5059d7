// When something was measured, in seconds since 1970: RFC 3339, or an epoch in s, ms, us or ns, its unit by its size.

/** NaN for what is no time. */
export function secondsOf(value: unknown): number {
  if (typeof value === "string") {
    if (/^-?\d+(\.\d+)?$/.test(value)) return epoch(Number(value));
    // Without a zone nobody knows which hour was meant; a frame has no time there either.
    if (!/^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d+)?)?([Zz]|[+-]\d\d:?\d\d)$/.test(value)) return NaN;
    return Date.parse(value.replace(" ", "T").replace(/([+-]\d\d)(\d\d)$/, "$1:$2")) / 1000;
  }
  return typeof value === "number" ? epoch(value) : NaN;
}

function epoch(value: number): number {
  const size = Math.abs(value);
  if (size < 1e11) return value;
  if (size < 1e14) return value / 1e3;
  if (size < 1e17) return value / 1e6;
  return value / 1e9;
}

/** Beyond so many seconds a clock is called wrong. */
export const FUTURE_TOLERANCE = 2;
