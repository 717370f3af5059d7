// Limits with a colour: a value at or beyond one has its level; of several the worse.

export type Level = "good" | "warn" | "alarm";

export interface Threshold {
  /** From this value upward; or, with `below`, from it downward. */
  above?: number;
  below?: number;
  level: Level;
}

const RANK: Record<Level, number> = { good: 0, warn: 1, alarm: 2 };

/** undefined where the value has reached none. */
export function levelOf(value: number, thresholds: readonly Threshold[]): Level | undefined {
  let worst: Level | undefined;
  for (const { above, below, level } of thresholds) {
    const reached = (above !== undefined && value >= above) || (below !== undefined && value <= below);
    if (reached && (worst === undefined || RANK[level] > RANK[worst])) worst = level;
  }
  return worst;
}

/** As the form has them: "warn > 70, alarm > 90, alarm < 5". */
export function formatThresholds(thresholds: readonly Threshold[]): string {
  return thresholds.map(({ above, below, level }) => `${level} ${above !== undefined ? `> ${above}` : `< ${below ?? ""}`}`).join(", ");
}

/** What `formatThresholds` wrote, or somebody; a string says what cannot be read. */
export function readThresholds(text: string): Threshold[] | string {
  const found: Threshold[] = [];
  for (const part of text.split(/[,;]/).map((one) => one.trim()).filter(Boolean)) {
    const read = /^(good|warn|alarm)\s*([<>])=?\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/i.exec(part);
    if (!read) return `“${part}” is no threshold: write “warn > 70, alarm > 90” or “alarm < 5”`;
    const [level, value] = [(read[1] ?? "").toLowerCase() as Level, Number(read[3])];
    found.push(read[2] === ">" ? { above: value, level } : { below: value, level });
  }
  return found;
}
