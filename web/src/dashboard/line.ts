// One line of a panel: its points, its state, and which topic each point came on, since several topics may be one line.

import { Points } from "../chart/points";

/** Topics of one line that are told apart; beyond them a point counts as the first topic's. */
const MOST_TOPICS = 10_000;

export interface LinePoint {
  topic: string;
  x: number;
  y: number;
}

export class Line {
  points: Points;
  last = NaN;
  lastTime = NaN;
  /** Came as a message that the broker had kept, and nothing newer did. */
  retained = false;
  /** Something may be missing before the next point: if that comes late, the line is broken there. */
  torn = false;
  private readonly topics: string[];
  private readonly places: Map<string, number>;
  /** In step with the points: the place of each one's topic. Nothing as long as there is one topic. */
  private sources: Points | undefined;

  constructor(
    readonly name: string,
    topic: string,
    readonly column: string,
    /** Of true and false, as 1 and 0: a value holds until the next one. */
    readonly step: boolean,
    private readonly capacity: number,
  ) {
    this.points = new Points(capacity, 256);
    this.topics = [topic];
    this.places = new Map([[topic, 0]]);
  }

  append(topic: string, x: number, y: number): void {
    const place = this.placeOf(topic);
    if (place > 0 && !this.sources) {
      this.sources = new Points(this.capacity, this.points.length + 256);
      for (let i = 0; i < this.points.length; ++i) this.sources.append(this.points.x(i), 0);
    }
    this.points.append(x, y);
    this.sources?.append(x, place);
  }

  topicAt(index: number): string {
    return this.topics[this.sources?.y(index) ?? 0] ?? "";
  }

  /** Forgets all but the newest; those of one moment stay together. */
  trim(most: number): void {
    if (this.points.length <= most) return;
    const from = this.points.x(this.points.length - most);
    this.points.dropBefore(from);
    this.sources?.dropBefore(from);
  }

  /** Takes all points out. */
  takeAll(): LinePoint[] {
    const { points } = this;
    const taken = Array.from({ length: points.length }, (_, i) => ({ topic: this.topicAt(i), x: points.x(i), y: points.y(i) }));
    this.points = new Points(this.capacity, 256);
    this.sources = undefined;
    return taken;
  }

  private placeOf(topic: string): number {
    const known = this.places.get(topic);
    if (known !== undefined) return known;
    if (this.topics.length >= MOST_TOPICS) return 0;
    this.places.set(topic, this.topics.length);
    return this.topics.push(topic) - 1;
  }
}
