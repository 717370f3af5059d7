// Which topics are like one, by the tree of those that are there: plant/1/telemetry with plant/+/telemetry.

import { matches } from "./topics";

export interface Similar {
  /** With a name for the level that differs, so that lines are called by it: plant/{level2}/telemetry. */
  template: string;
  topics: number;
}

const MOST_LOOKED_AT = 5_000;

/** Templates that are wider than the topic by one level or by all that differ, the narrowest first. */
export function similarTopics(topic: string, known: Iterable<string>, most = 4): Similar[] {
  const levels = topic.split("/");
  if (levels.length > 12 || levels.some((level) => /[{}+#]/.test(level))) return [];
  const others: string[] = [];
  for (const one of known) {
    if (others.length >= MOST_LOOKED_AT) break;
    if (one !== topic && one.split("/").length === levels.length) others.push(one);
  }
  const found: Similar[] = [];
  const differing: number[] = [];
  for (const i of levels.keys()) {
    const filter = levels.map((level, at) => (at === i ? "+" : level)).join("/");
    const count = others.filter((one) => matches(filter, one)).length;
    if (count === 0) continue;
    differing.push(i);
    found.push({ template: withNames(levels, [i]), topics: count + 1 });
  }
  if (differing.length > 1) {
    const filter = levels.map((level, at) => (differing.includes(at) ? "+" : level)).join("/");
    found.push({ template: withNames(levels, differing), topics: others.filter((one) => matches(filter, one)).length + 1 });
  }
  return found.sort((a, b) => a.topics - b.topics).slice(0, most);
}

function withNames(levels: readonly string[], named: readonly number[]): string {
  return levels.map((level, i) => (named.includes(i) ? `{level${i + 1}}` : level)).join("/");
}
