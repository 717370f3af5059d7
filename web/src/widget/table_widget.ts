// The newest row of each topic. Only rows in which something came are told, and what is another value now stands out for a moment.

import type { AnyModel } from "@anywidget/types";
import { element } from "../chart/dom";
import { Status } from "../chart/status";
import { THEMES, themeAround, watchTheme } from "../chart/theme";
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
        this.take(message, false);
      },
      more: (message) => {
        this.take(message, true);
      },
    });
  }

  show(host: HTMLElement): () => void {
    const { title, keys } = this.model.get("config") as { title: string; keys: number };
    const view = new TableView(host, title, keys);
    this.views.add(view);
    this.channel.tellViews(this.views.size);
    view.draw(this.columns, this.rows, this.status);
    return () => {
      view.destroy();
      this.views.delete(view);
      this.channel.tellViews(this.views.size);
    };
  }

  stop(): void {
    this.channel.stop();
  }

  /** `isNews`: what it changes stands out. */
  private take(message: TableMessage, isNews: boolean): void {
    this.columns = message.columns ?? this.columns;
    const told = new Map(message.rows);
    for (const [number, texts] of told) this.rows.set(number, texts);
    this.status = message.status ?? this.status;
    for (const view of this.views) view.draw(this.columns, told, this.status, isNews);
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
  private readonly fresh = new Fresh();
  private readonly unwatch: () => void;

  constructor(
    private readonly host: HTMLElement,
    title: string,
    private readonly keys: number,
  ) {
    host.classList.add("hf-table");
    this.useTheme();
    this.unwatch = watchTheme(() => {
      this.useTheme();
    });
    const [bar, box, table, top] = [element("div", "hf-bar"), element("div", "hf-scroll"), element("table"), element("thead")];
    bar.append(element("span", "hf-title", title), this.status.corner);
    box.tabIndex = 0; // so that it can be scrolled by keys
    top.append(this.head);
    table.append(top, this.body);
    box.append(table);
    host.replaceChildren(bar, this.status.notes, box);
  }

  destroy(): void {
    this.unwatch();
    this.fresh.stop();
  }

  /** These rows are new, or written anew; all others stay. `isNews`: values that have changed stand out. */
  draw(columns: readonly string[], rows: ReadonlyMap<number, readonly string[]>, status: StreamStatus | undefined, isNews = false): void {
    if (columns.length !== this.columns.length || columns.some((name, i) => name !== this.columns[i])) {
      this.columns = [...columns];
      this.head.replaceChildren(...columns.map((name) => element("th", "", name)));
    }
    for (const [number, texts] of rows) {
      const line = this.line(number, texts);
      columns.forEach((_, i) => {
        if (!line.cells[i]) line.append(element(i < this.keys ? "th" : "td"));
        const [cell, text] = [line.cells[i], texts[i] ?? ""];
        if (!cell || cell.textContent === text) return;
        cell.textContent = text;
        if (isNews && i >= this.keys) this.fresh.add(cell);
      });
    }
    if (status) this.status.show(statusTexts(status), status.notes);
  }

  private useTheme(): void {
    const theme = THEMES[themeAround(this.host.parentElement ?? document.body)];
    this.host.style.setProperty("--hf-text", theme.text);
    this.host.style.setProperty("--hf-background", theme.background);
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

/** What stands out for a moment: one timer for all of it. */
class Fresh {
  private readonly until = new Map<HTMLElement, number>(); // in the order of their ends
  private timer: ReturnType<typeof setTimeout> | undefined;

  add(cell: HTMLElement): void {
    cell.classList.add("hf-fresh");
    this.until.delete(cell);
    this.until.set(cell, Date.now() + FRESH_MS);
    this.timer ??= setTimeout(() => { this.end(); }, FRESH_MS);
  }

  stop(): void {
    clearTimeout(this.timer);
  }

  private end(): void {
    this.timer = undefined;
    for (const [cell, end] of this.until) {
      const left = end - Date.now();
      if (left > 0) {
        this.timer = setTimeout(() => { this.end(); }, left);
        return;
      }
      this.until.delete(cell);
      cell.classList.remove("hf-fresh");
    }
  }
}
