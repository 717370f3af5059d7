// Values as people read them.

const PLAIN = new Intl.NumberFormat("en", { maximumSignificantDigits: 6, useGrouping: false });

/** Of an axis of switches: no value is between its two. */
export function switchTicks(values: readonly number[]): string[] {
  return values.map((value) => textOf(value, true));
}

export function textOf(value: number, isSwitch = false): string {
  if (Number.isNaN(value)) return "–";
  if (isSwitch) return value === 0 ? "false" : value === 1 ? "true" : PLAIN.format(value);
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e9 || size < 1e-4)) return value.toExponential(4);
  return PLAIN.format(value);
}
