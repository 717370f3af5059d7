// The newest row of each topic. Only what has changed comes, and only that is written anew; it stands out for a moment.

import type { AnyModel } from "@anywidget/types";
import { element, setText } from "../chart/dom";
import { Status } from "../chart/status";
import { THEMES, themeAround } from "../chart/theme";
import { Channel, type Message } from "./channel";
import { statusTexts, type StreamStatus } from "./status_texts";

interface TableMessage extends Message {
  columns?: string[];
  rows?: [number, string[]][];
  status?: StreamStatus;
}

const FRESH_MS = 1_000;
const ORDER = new Intl.Collator("en", { numeric: true });

export class TableWidget {
  private readonly channel: Channel<TableMessage>;
  private readonly views = new Set<TableView>();
  private readonly rows = new Map<number, string[]>();
  private columns: string[] = [];
  private status: StreamStatus | undefined;

  constructor(private readonly model: AnyModel) {
    this.channel = new Channel<TableMessage>(model, {
      whole: (message) => {
        this.rows.clear();
        this.take(message);
      },
      more: (message) => {
        this.take(message);
      },
    });
  }

  show(host: HTMLElement): () => void {
    const { title, keys } = this.model.get("config") as { title: string; keys: number };
    const view = new TableView(host, title, keys);
    this.views.add(view);
    this.channel.tellViews(this.views.size);
    view.draw(this.columns, this.rows, new Set(), this.status);
    return () => {
      this.views.delete(view);
      this.channel.tellViews(this.views.size);
    };
  }

  stop(): void {
    this.channel.stop();
  }

  private take(message: TableMessage): void {
    this.columns = message.columns ?? this.columns;
    for (const [number, texts] of message.rows ?? []) this.rows.set(number, texts);
    this.status = message.status ?? this.status;
    const changed = new Set((message.rows ?? []).map(([number]) => number));
    for (const view of this.views) view.draw(this.columns, this.rows, changed, this.status);
  }
}

export class TableView {
  private readonly status = new Status();
  private readonly head = element("tr");
  private readonly body = element("tbody");
  private readonly lines = new Map<number, HTMLTableRowElement>();
  /** As they stand in the table. */
  private readonly order: { name: string; line: HTMLTableRowElement }[] = [];
  private columns: string[] = [];

  constructor(
    host: HTMLElement,
    title: string,
    private readonly keys: number,
  ) {
    const theme = THEMES[themeAround(host.parentElement ?? document.body)];
    host.classList.add("hf-table");
    host.style.setProperty("--hf-text", theme.text);
    host.style.setProperty("--hf-background", theme.background);
    const [bar, box, table, top] = [element("div", "hf-bar"), element("div", "hf-scroll"), element("table"), element("thead")];
    bar.append(element("span", "hf-title", title), this.status.corner);
    box.tabIndex = 0; // so that it can be scrolled by keys
    top.append(this.head);
    table.append(top, this.body);
    box.append(table);
    host.replaceChildren(bar, this.status.notes, box);
  }

  draw(columns: readonly string[], rows: ReadonlyMap<number, readonly string[]>, changed: ReadonlySet<number>, status: StreamStatus | undefined): void {
    if (columns.length !== this.columns.length || columns.some((name, i) => name !== this.columns[i])) {
      this.columns = [...columns];
      this.head.replaceChildren(...columns.map((name) => element("th", "", name)));
    }
    for (const [number, texts] of rows) {
      if (this.lines.has(number) && !changed.has(number)) continue;
      const line = this.line(number, texts);
      columns.forEach((_, i) => {
        if (!line.cells[i]) line.append(element(i < this.keys ? "th" : "td"));
        const cell = line.cells[i];
        if (cell) setText(cell, texts[i] ?? "");
      });
      if (changed.has(number)) freshen(line);
    }
    if (status) this.status.show(statusTexts(status), status.notes);
  }

  private line(number: number, texts: readonly string[]): HTMLTableRowElement {
    const found = this.lines.get(number);
    if (found) return found;
    const line = element("tr");
    this.lines.set(number, line);
    const name = texts.slice(0, this.keys).join("/");
    let [low, high] = [0, this.order.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ORDER.compare(this.order[middle]?.name ?? "", name) > 0) high = middle;
      else low = middle + 1;
    }
    this.body.insertBefore(line, this.order[low]?.line ?? null);
    this.order.splice(low, 0, { name, line });
    return line;
  }
}

function freshen(line: HTMLElement): void {
  line.classList.add("hf-fresh");
  setTimeout(() => {
    line.classList.remove("hf-fresh");
  }, FRESH_MS);
}
