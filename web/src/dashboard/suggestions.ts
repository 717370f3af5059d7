// What an empty page could show: numbers that have come, of topics that are alike, as charts to begin with.

import { numericPaths } from "./paths";
import { readPayload } from "./payload";
import { similarTopics } from "./similar_topics";
import { filterOf, matches } from "./topics";
import type { TopicEntry } from "./topic_table";

export interface Suggestion {
  topics: string;
  path: string;
  /** How many topics it is of. */
  count: number;
}

const MOST_ENTRIES = 200;
const MOST_PATHS = 6;

export function suggest(entries: Iterable<TopicEntry>, known: readonly string[], most = 8): Suggestion[] {
  const found: Suggestion[] = [];
  const templates: string[] = [];
  let looked = 0;
  for (const { topic, payload, size } of entries) {
    if (found.length >= most || looked >= MOST_ENTRIES) break;
    looked += 1;
    if (templates.some((template) => matches(filterOf(template), topic)) || payload.length < size) continue;
    const read = readPayload(payload);
    if (read.kind !== "json") continue;
    const paths = numericPaths(read.document, 30).filter((path) => !isTime(path));
    if (paths.length === 0) continue;
    // Something of the name must be the same: else everything is like everything.
    const similar = similarTopics(topic, known).find(({ template }) => template.split("/").some((level) => !level.startsWith("{")));
    const [topics, count] = [similar?.template ?? topic, similar?.topics ?? 1];
    templates.push(topics);
    for (const path of paths.slice(0, MOST_PATHS)) found.push({ topics, path, count });
  }
  return found.slice(0, most);
}

/** Nobody wants to see the clock as a line. */
function isTime(path: string): boolean {
  return /(^|[._])(ts|time|timestamp|epoch|date)$/i.test(path);
}
