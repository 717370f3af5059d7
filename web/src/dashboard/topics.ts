// Topic filters and templates: "plant/{line}/telemetry" is the filter plant/+/telemetry, whose second level has a name.

/** A template as a filter: {line} is +, {rest...} is #. */
export function filterOf(template: string): string {
  return template
    .split("/")
    .map((level) => (/^\{[^{}]+\.\.\.\}$/.test(level) ? "#" : /^\{[^{}]+\}$/.test(level) ? "+" : level))
    .join("/");
}

/** What is wrong with a filter, in words; "" if nothing is. */
export function faultOf(filter: string): string {
  if (filter === "") return "a topic filter is empty";
  if (filter.includes("\u0000")) return "a topic filter must not hold a NUL";
  if (new TextEncoder().encode(filter).length > 65_535) return "a topic filter has 65,535 bytes at most";
  const levels = filter.split("/");
  for (const [i, level] of levels.entries()) {
    if (level.includes("#") && (level !== "#" || i !== levels.length - 1)) return "# stands alone, and only as the last level";
    if (level.includes("+") && level !== "+") return "+ stands alone in its level";
  }
  return "";
}

/** A page only looks; "" where it can. */
export function faultOfShare(filter: string): string {
  return filter.startsWith("$share/") ? `a page that looks at ${filter} would take messages away from the others of its group` : "";
}

/** What is wrong with a topic to publish to, in words; "" if nothing is. */
export function faultOfTopic(topic: string): string {
  if (topic === "") return "a topic is needed";
  if (/[+#]/.test(topic)) return "a message goes to one topic: + and # are for subscriptions";
  return faultOf(topic).replace("topic filter", "topic");
}

/** Whether a topic is one of the filter's (section 4.7 of the specification). */
export function matches(filter: string, topic: string): boolean {
  const wanted = withoutShare(filter).split("/");
  const levels = topic.split("/");
  if (topic.startsWith("$") && !wanted[0]?.startsWith("$")) return false;
  for (const [i, level] of wanted.entries()) {
    if (level === "#") return true;
    if (i >= levels.length) return false;
    if (level !== "+" && level !== levels[i]) return false;
  }
  return wanted.length === levels.length;
}

/** Whether all topics of `other` are topics of `filter`, too. */
export function covers(filter: string, other: string): boolean {
  const [wide, narrow] = [filter.split("/"), other.split("/")];
  if (narrow[0]?.startsWith("$") && (wide[0] === "#" || wide[0] === "+")) return false;
  for (const [i, level] of wide.entries()) {
    if (level === "#") return true;
    if (i >= narrow.length || narrow[i] === "#") return false;
    if (level !== "+" && level !== narrow[i]) return false;
  }
  return wide.length === narrow.length;
}

/** The filters that are needed to get all of `filters`. */
export function needed(filters: readonly string[]): string[] {
  const once = [...new Set(filters)];
  return once.filter((one) => !once.some((other) => other !== one && covers(other, one)));
}

/** The values of a template's named levels in a topic, in order. */
export function levelsOf(template: string, topic: string): Map<string, string> {
  const found = new Map<string, string>();
  const levels = topic.split("/");
  for (const [i, level] of template.split("/").entries()) {
    const name = /^\{([^{}]+?)(\.\.\.)?\}$/.exec(level);
    if (name?.[1] === undefined) continue;
    found.set(name[1], name[2] === undefined ? (levels[i] ?? "") : levels.slice(i).join("/"));
  }
  return found;
}

export function hasWildcard(filter: string): boolean {
  return /(^|\/)[+#](\/|$)/.test(filter);
}

function withoutShare(filter: string): string {
  return /^\$share\/[^/]+\/(.+)$/s.exec(filter)?.[1] ?? filter;
}
