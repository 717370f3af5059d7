// What there is: of each topic how much came, and the last message. Bounded in topics and in bytes; what finds no place is counted.

import { TopicRate } from "./topic_rate";

export const MOST_TOPICS = 5_000;
/** Of the last payload of each topic so much is kept; of the one that is looked at, all of it. */
export const MOST_LAST_BYTES = 4_096;
const MOST_UNPLACED = 100_000;
const RATE_EVERY = 1;

export interface TopicEntry {
  topic: string;
  payload: Uint8Array;
  /** Of the whole payload. */
  size: number;
  time: number;
  retain: boolean;
  qos: number;
  /** Messages a second, over the last minute; undefined where none of now has come. */
  rate: number | undefined;
  pace: TopicRate | undefined;
}

export interface Arrival {
  topic: string;
  payload: Uint8Array;
  qos: number;
  retain: boolean;
  time: number;
}

export class TopicTable {
  readonly entries = new Map<string, TopicEntry>();
  messages = 0;
  private readonly unplaced = new Set<string>();
  private rated = 0;
  /** Grows with each topic that is new, so that a view knows when its tree is another. */
  generation = 0;

  constructor(private readonly most = MOST_TOPICS) {}

  /** Topics without a place; from MOST_UNPLACED on at least so many. */
  get unplacedTopics(): number {
    return this.unplaced.size;
  }

  take({ topic, payload, qos, retain, time }: Arrival, whole: boolean): TopicEntry | undefined {
    this.messages += 1;
    let entry = this.entries.get(topic);
    if (!entry) {
      if (this.entries.size >= this.most) {
        if (this.unplaced.size < MOST_UNPLACED) this.unplaced.add(topic);
        return undefined;
      }
      entry = { topic, payload, size: 0, time, retain, qos, rate: undefined, pace: undefined };
      this.entries.set(topic, entry);
      this.generation += 1;
    }
    if (!retain) (entry.pace ??= new TopicRate()).take(time);
    // A copy: the payload is a part of a larger piece off the network.
    entry.payload = payload.slice(0, whole ? payload.length : MOST_LAST_BYTES);
    entry.size = payload.length;
    Object.assign(entry, { time, retain, qos });
    return entry;
  }

  /** Works out the rates anew, when the time has come. Seconds since 1970. */
  rate(now: number): void {
    if (now - this.rated < RATE_EVERY) return;
    for (const entry of this.entries.values()) entry.rate = entry.pace?.at(now);
    this.rated = now;
  }

  /** Watches anew: what came on an earlier connection says nothing of the time without one. */
  observe(): void {
    for (const entry of this.entries.values()) entry.rate = entry.pace = undefined;
  }
}

export interface TreeNode {
  /** The level's own name. */
  name: string;
  /** All levels down to here. */
  path: string;
  depth: number;
  entry: TopicEntry | undefined;
  children: Map<string, TreeNode>;
  /** The children in their order, once somebody has asked for it. */
  inOrder: TreeNode[] | undefined;
  /** Topics at and below it. */
  topics: number;
}

/** Topics as a tree of levels, those alone whose name has `search` in it (small letters as capitals). */
export function treeOf(entries: Iterable<TopicEntry>, search = ""): TreeNode {
  const root: TreeNode = { name: "", path: "", depth: -1, entry: undefined, children: new Map(), inOrder: undefined, topics: 0 };
  const wanted = search.trim().toLowerCase();
  for (const entry of entries) {
    if (wanted && !entry.topic.toLowerCase().includes(wanted)) continue;
    let node = root;
    root.topics += 1;
    // A topic may have 32,000 levels; nobody looks at more than a few.
    const levels = entry.topic.split("/");
    const deep = levels.length > 12 ? [...levels.slice(0, 11), levels.slice(11).join("/")] : levels;
    for (const [i, name] of deep.entries()) {
      let child = node.children.get(name);
      if (!child) {
        child = { name, path: deep.slice(0, i + 1).join("/"), depth: i, entry: undefined, children: new Map(), inOrder: undefined, topics: 0 };
        node.children.set(name, child);
      }
      child.topics += 1;
      node = child;
    }
    node.entry = entry;
  }
  return root;
}

export interface TreeRow {
  node: TreeNode;
  open: boolean;
}

/** The rows to show, from the top: the children of what is open. At most so many; the second number is how many there would be. */
export function rowsOfTree(root: TreeNode, isOpen: (node: TreeNode) => boolean, most: number): [TreeRow[], number] {
  const rows: TreeRow[] = [];
  let all = 0;
  const walk = (node: TreeNode): void => {
    node.inOrder ??= [...node.children.values()].sort((a, b) => compare(a.name, b.name));
    for (const child of node.inOrder) {
      const open = child.children.size > 0 && isOpen(child);
      all += 1;
      if (rows.length < most) rows.push({ node: child, open });
      if (open) walk(child);
    }
  };
  walk(root);
  return [rows, all];
}

/** "line2" before "line10". */
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "variant" });

function compare(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}
