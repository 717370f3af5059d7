// A chart in a notebook: points come as binary arrays, thinned out by the kernel.

import type { AnyModel } from "@anywidget/types";
import { ChartData, COLUMNS } from "../chart/chart_data";
import { ChartView } from "../chart/chart_view";
import { download } from "../chart/dom";
import { Channel, type Message } from "./channel";
import { pageOf, snapshotOf } from "./page";
import { statusTexts, type StreamStatus } from "./status_texts";

export interface ChartConfig {
  window: number;
  panes: { label: string }[];
  height: number;
  title: string;
}

interface LineMessage {
  name: string;
  label: string;
  pane: number;
  step: boolean;
  colour: number;
}

interface ChartMessage extends Message {
  now?: number;
  lines?: LineMessage[];
  status?: StreamStatus;
}

const MOST_POINTS = 12_000;

export class ChartWidget {
  private readonly data: ChartData;
  private readonly config: ChartConfig;
  private readonly channel: Channel<ChartMessage>;
  private readonly views = new Set<ChartView>();
  private lines: LineMessage[] = [];
  private status: StreamStatus | undefined;
  /** The kernel's clock behind this browser's, in seconds; never less than it is. */
  private behind = Infinity;
  private endedAt: number | undefined;
  /** What a view that has gone had zoomed into: its output may only be drawn anew. */
  private left: { from: number; to: number } | undefined;

  constructor(private readonly model: AnyModel) {
    this.config = model.get("config") as ChartConfig;
    this.data = new ChartData(MOST_POINTS, this.config.window / COLUMNS);
    this.channel = new Channel<ChartMessage>(model, {
      whole: (message, buffers) => {
        this.lines = [];
        this.data.clear();
        this.take(message, buffers);
      },
      more: (message, buffers) => {
        this.take(message, buffers);
      },
    });
  }

  show(host: HTMLElement): () => void {
    const view = new ChartView(
      host,
      {
        ...this.config,
        toolbar: true,
        now: () => this.now(),
        buttons: [
          { text: "PNG", title: "save this picture", act: (shown) => void this.savePng(shown) },
          { text: "HTML", title: "save this chart as one file that any browser opens", act: () => { this.savePage(); } },
        ],
      },
      this.data,
    );
    this.views.add(view);
    this.channel.tellViews(this.views.size);
    this.tellStatus(view);
    if (this.left) view.zoom(this.left.from, this.left.to);
    return () => {
      this.left = view.isLive ? undefined : view.seen;
      this.views.delete(view);
      this.channel.tellViews(this.views.size);
      view.destroy();
    };
  }

  stop(): void {
    this.channel.stop();
  }

  private now(): number {
    return this.endedAt ?? Date.now() / 1000 - (Number.isFinite(this.behind) ? this.behind : 0);
  }

  private take(message: ChartMessage, buffers: readonly DataView[]): void {
    if (message.now !== undefined) this.behind = Math.min(this.behind, Date.now() / 1000 - message.now);
    for (const line of message.lines ?? []) {
      this.lines[Number(line.name)] = line; // told anew where its colour has changed
      this.data.line(line.name, line);
    }
    const [numbers, x, y] = buffers;
    if (numbers && x && y) this.append(arrayOf(Int32Array, numbers), arrayOf(Float64Array, x), arrayOf(Float64Array, y));
    if (message.status) {
      this.status = message.status;
      if (message.status.ended) this.endedAt ??= this.now();
      for (const view of this.views) this.tellStatus(view);
    }
  }

  /** Sorted by line. */
  private append(numbers: Int32Array, x: Float64Array, y: Float64Array): void {
    for (let begin = 0, end = 0; begin < numbers.length; begin = end) {
      while (end < numbers.length && numbers[end] === numbers[begin]) end += 1;
      const line = this.lines[numbers[begin] ?? -1];
      if (line) this.data.append(line.name, x.subarray(begin, end), y.subarray(begin, end));
    }
  }

  private tellStatus(view: ChartView): void {
    if (this.status) view.setStatus(statusTexts(this.status), this.status.notes);
  }

  private async savePng(view: ChartView): Promise<void> {
    try {
      download(`${this.fileName()}.png`, await view.toPng(), "image/png");
    } catch (error) {
      view.setStatus([], [`the picture could not be saved: ${String(error)}`]);
    }
  }

  private savePage(): void {
    const panes = this.config.panes.map((pane, i) => ({ label: this.status?.panes?.[i] ?? pane.label }));
    const snapshot = snapshotOf({ ...this.config, panes }, this.data, this.now(), this.status);
    const page = pageOf(snapshot, String(this.model.get("_esm")), String(this.model.get("_css")));
    download(`${this.fileName()}.html`, page, "text/html");
  }

  private fileName(): string {
    const words = (this.config.title || "chart").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60);
    return `${words || "chart"}-${new Date().toISOString().slice(0, 19).replace(/:/g, "")}`;
  }
}

/** A copy where the bytes do not lie as the array wants them. */
function arrayOf<T>(kind: { new (buffer: ArrayBufferLike, offset: number, length: number): T; BYTES_PER_ELEMENT: number }, view: DataView): T {
  const size = kind.BYTES_PER_ELEMENT;
  if (view.byteOffset % size === 0) return new kind(view.buffer, view.byteOffset, view.byteLength / size);
  return new kind(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength), 0, view.byteLength / size);
}
