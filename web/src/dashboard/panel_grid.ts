// The panels of the page, in their order: added, edited, moved, removed.

import { csv, isoTime, type Cell } from "./csv";
import { fileName } from "./download";
import { el } from "./dom";
import { Lines } from "./lines";
import { editPanel } from "./panel_form";
import type { ChartSurroundings } from "./panels/chart_panel";
import { PanelFrame } from "./panels/panel_frame";
import { MOST_PANELS, type PanelSettings } from "./settings";

/** Points that all panels keep together. */
const MOST_POINTS = 2_000_000;
const MOST_POINTS_EACH = 400_000;

export class PanelGrid {
  readonly element = el("section", { class: "panels", "aria-label": "Panels" });
  private frames: PanelFrame[] = [];
  private paused = false;

  constructor(
    /** Read when a chart is made: its window may change. */
    private readonly around: ChartSurroundings,
    private readonly fill: (lines: Lines) => void,
    /** Told after each change of which panels there are; with the settings of one that shows other points than any before. */
    private readonly changed: (settings?: PanelSettings) => void,
  ) {}

  get settings(): PanelSettings[] {
    return this.frames.map((frame) => frame.settings);
  }

  get lines(): Lines[] {
    return this.frames.map((frame) => frame.lines);
  }

  get length(): number {
    return this.frames.length;
  }

  /** The new panel's element; undefined where there are too many. */
  add(settings: PanelSettings): HTMLElement | undefined {
    if (this.frames.length >= MOST_PANELS) return undefined;
    const frame = this.make(this.linesOf(settings));
    this.frames.push(frame);
    this.element.append(frame.element);
    this.changed(settings);
    return frame.element;
  }

  /** The panel that shows the same already. */
  find({ kind, topics, y }: Pick<PanelSettings, "kind" | "topics" | "y">): HTMLElement | undefined {
    const found = this.frames.find(({ settings }) => settings.kind === kind && settings.topics === topics && settings.y.join() === y.join());
    return found?.element;
  }

  update(): void {
    for (const frame of this.frames) frame.update();
  }

  /** Now and then: forgets what is too much. */
  trim(): void {
    const most = Math.min(MOST_POINTS_EACH, Math.floor(MOST_POINTS / Math.max(1, this.frames.length)));
    for (const { lines } of this.frames) lines.trim(most);
  }

  pause(paused: boolean): void {
    this.paused = paused;
    for (const frame of this.frames) frame.pause(paused);
  }

  rebuild(): void {
    for (const frame of this.frames) frame.rebuild();
  }

  /** All panels' points as CSV: a row a point. */
  csv(of: readonly PanelFrame[] = this.frames): string {
    return csv(["time", "panel", "line", "topic", "column", "value"], pointRows(of));
  }

  private linesOf(settings: PanelSettings): Lines {
    const lines = new Lines(settings);
    this.fill(lines);
    return lines;
  }

  private make(lines: Lines): PanelFrame {
    const frame = new PanelFrame(lines, this.around, () => { this.edit(frame); }, () => {
      this.around.offer(fileName(lines.settings.title || lines.settings.y.join(" "), "csv"), this.csv([frame]), "text/csv;charset=utf-8", "Saved, the points of this panel.");
    });
    frame.pause(this.paused);
    return frame;
  }

  private edit(frame: PanelFrame): void {
    editPanel(frame.settings, {
      save: (settings) => {
        const isSame = frame.lines.adopt(settings);
        const made = this.make(isSame ? frame.lines : this.linesOf(settings));
        frame.element.replaceWith(made.element);
        frame.destroy();
        this.frames = this.frames.map((one) => (one === frame ? made : one));
        this.changed(isSame ? undefined : settings);
      },
      move: (by) => { this.move(frame, by); },
      remove: () => {
        frame.destroy();
        this.frames = this.frames.filter((one) => one !== frame);
        this.changed();
      },
    });
  }

  private move(frame: PanelFrame, by: number): void {
    const at = this.frames.indexOf(frame);
    const to = Math.min(this.frames.length - 1, Math.max(0, at + by));
    this.frames.splice(at, 1);
    this.frames.splice(to, 0, frame);
    this.element.replaceChildren(...this.frames.map(({ element }) => element));
    this.changed();
  }
}

function* pointRows(frames: readonly PanelFrame[]): Generator<Cell[]> {
  for (const { lines } of frames) {
    const title = lines.settings.title || lines.settings.y.join(", ");
    for (const line of lines.all.values()) {
      const { name, column, points } = line;
      for (let i = 0; i < points.length; ++i) {
        if (!Number.isNaN(points.y(i))) yield [isoTime(points.x(i)), title, name, line.topicAt(i), column, points.y(i)];
      }
    }
  }
}
