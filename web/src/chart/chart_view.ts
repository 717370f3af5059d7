// One chart: panes of lines over one time axis, drawn by uPlot at most ten times a second, and only where something has come or the axis has
// moved by a pixel.
//
// The mouse: dragging zooms, dragging with Shift moves, Ctrl and the wheel zoom, a double click goes back to now. The same by keys: arrows,
// + and -, Escape, the space bar for pause.

import { ChartData, COLUMNS, type Line, type LineOptions } from "./chart_data";
import "./chart.css";
import { button, element } from "./dom";
import { Pane, type Threshold } from "./pane";
import { Pacer } from "./pacer";
import { pictureOf } from "./picture";
import { Status } from "./status";
import { colourOf, dashOf, THEMES, themeAround, watchTheme, type Theme, type ThemeName } from "./theme";
import { ViewRange } from "./view_range";

export interface PaneOptions {
  label?: string;
  thresholds?: readonly Threshold[];
}

export interface ChartOptions {
  /** Seconds that are seen, up to now. */
  window: number;
  /** Of each line; beyond it points are folded together, as a screen would, and then the oldest go. */
  maxPoints?: number;
  /** Of a pane, in pixels. */
  height?: number;
  /** Beside the y axis of a chart with one pane. */
  label?: string;
  panes?: readonly PaneOptions[];
  title?: string;
  theme?: ThemeName | "auto";
  /** What it stands on, where that is not the theme's background. */
  ground?: string;
  legend?: boolean;
  /** Buttons for pause, back to now, save. */
  toolbar?: boolean;
  /** Nothing more comes, and its clock stands still. */
  frozen?: boolean;
  /** Further buttons of the toolbar. */
  buttons?: readonly { text: string; title: string; act: (view: ChartView) => void }[];
  thresholds?: readonly Threshold[];
  /** Seconds since 1970, of the clock that the points come from. */
  now?: () => number;
}

/** The chart of an element, for scripts of the page. */
export interface ChartHost extends HTMLElement {
  chartView?: ChartView;
}

/** Ten a second, with some room to make up for what was late. */
const FRAME_MS = 90;
const LEAST_WIDTH = 100;
/** A clock may be behind the points by so much of the window. */
const KEPT_WINDOWS = 1.02;

export class ChartView {
  readonly data: ChartData;
  /** Frames drawn since the beginning. */
  frames = 0;
  private readonly range: ViewRange;
  private readonly pacer = new Pacer(() => {
    this.draw();
  }, FRAME_MS);
  private readonly panes: Pane[];
  private readonly status = new Status();
  private readonly title: HTMLElement;
  private readonly endings: (() => void)[] = [];
  private readonly pauseButton: HTMLButtonElement;
  private readonly liveButton: HTMLButtonElement;
  private theme: Theme;
  private readonly themeWanted: ThemeName | "auto";
  private paused = false;
  private pausedAt: { from: number; to: number } | undefined;
  private linesChanged = true;
  private ticker: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly host: HTMLElement,
    private readonly options: ChartOptions,
    data?: ChartData,
  ) {
    this.data = data ?? new ChartData(options.maxPoints ?? 100_000, options.window / COLUMNS);
    this.range = new ViewRange(options.window, () => this.now());
    this.themeWanted = options.theme ?? "auto";
    this.theme = THEMES[this.themeWanted === "auto" ? themeAround(host) : this.themeWanted];
    this.pauseButton = button("Pause", "hold the picture still (space bar); what comes is kept", () => {
      this.pause(!this.paused);
    });
    this.liveButton = button("Live", "back to now (Escape, or a double click)", () => {
      this.reset();
    });
    this.title = element("span", "hf-title", options.title ?? "");
    const wanted = options.panes?.length ? options.panes : [{ label: options.label ?? "", thresholds: options.thresholds ?? [] }];
    this.panes = wanted.map((pane) => new Pane(pane.label ?? "", pane.thresholds ?? [], this));
    this.build();
    (host as ChartHost).chartView = this;
    this.endings.push(this.data.listen((change) => {
      if (change === "lines") this.linesChanged = true;
      if (!this.paused) this.pacer.ask();
    }));
    this.pacer.ask();
  }

  /** Points of one line, oldest first; a NaN is a gap. */
  append(name: string, xs: ArrayLike<number>, ys: ArrayLike<number>): void {
    this.data.append(name, xs, ys);
  }

  /** In which pane a line goes, and how: before its first point. */
  line(name: string, options: LineOptions): void {
    this.data.line(name, options);
  }

  /** Holds the picture still. What comes is kept. */
  pause(paused: boolean): void {
    if (paused === this.paused) return;
    this.pausedAt = paused ? this.range.get() : undefined;
    this.paused = paused;
    this.showState();
    if (paused) {
      clearTimeout(this.ticker);
      if (this.frames > 0) this.pacer.stop();
    } else this.pacer.ask();
  }

  get isPaused(): boolean {
    return this.paused;
  }

  get isLive(): boolean {
    return this.range.isLive;
  }

  /** What is seen, in seconds since 1970. */
  get seen(): { from: number; to: number } {
    return this.pausedAt !== undefined && this.range.isLive ? this.pausedAt : this.range.get();
  }

  /** Shows this time until :reset. */
  zoom(from: number, to: number): void {
    this.change(() => {
      this.range.choose(from, to);
    });
  }

  zoomBy(factor: number, at = 0.5): void {
    this.change(() => {
      this.range.zoom(factor, at);
    });
  }

  pan(part: number): void {
    this.change(() => {
      this.range.pan(part);
    });
  }

  /** Back to the last `window` seconds, moving. */
  reset(): void {
    this.paused = false;
    this.pausedAt = undefined;
    this.range.live();
    this.showState();
    this.pacer.ask();
  }

  /** Short texts in the corner, and sentences below the toolbar. */
  setStatus(corner: readonly string[], notes: readonly string[] = []): void {
    this.status.show(corner, notes);
  }

  toggle(line: Line): void {
    line.hidden = !line.hidden;
    for (const pane of this.panes) pane.legend.update();
    this.data.tell("lines");
    if (this.paused) this.pacer.ask();
  }

  /** Where the cursor is in one pane, it is in all. */
  point(at: number | undefined): void {
    const { from, to } = this.seen;
    for (const pane of this.panes) pane.legend.update(at, ((to - from) / Math.max(LEAST_WIDTH, this.width)) * 12);
  }

  /** The picture that is seen, with title and legend. */
  toPng(): Promise<Blob> {
    this.draw();
    const panes = this.panes.map((pane) => ({ canvas: pane.canvas, lines: this.linesOf(pane).filter((line) => !line.hidden) }));
    return pictureOf(this.options.title ?? "", panes, this.theme, (line) => this.colour(line));
  }

  destroy(): void {
    for (const end of this.endings) end();
    clearTimeout(this.ticker);
    this.pacer.stop();
    for (const pane of this.panes) pane.destroy();
    delete (this.host as ChartHost).chartView;
    this.host.classList.remove("hf-chart");
    this.host.replaceChildren();
  }

  // --- for the panes

  get width(): number {
    return this.host.clientWidth - 14;
  }

  get height(): number {
    return this.options.height ?? 240;
  }

  get colours(): Theme {
    return this.theme;
  }

  get ground(): string {
    return this.options.ground ?? this.theme.background;
  }

  colour(line: Line): string {
    return colourOf(this.theme, line.colour);
  }

  dash(line: Line): number[] {
    return dashOf(this.theme, line.colour);
  }

  // --- within

  private now(): number {
    return this.options.now?.() ?? Date.now() / 1000;
  }

  private linesOf(pane: Pane): Line[] {
    const index = this.panes.indexOf(pane);
    const lines = [...this.data.lines.values()].filter((line) => Math.min(line.pane, this.panes.length - 1) === index);
    return lines.sort((one, other) => one.colour - other.colour);
  }

  private change(act: () => void): void {
    act();
    this.showState();
    this.pacer.ask();
  }

  private build(): void {
    this.host.classList.add("hf-chart");
    this.host.tabIndex = 0;
    this.host.setAttribute("role", "group");
    this.host.setAttribute("aria-label", `chart ${this.options.title ?? ""}: arrows move, plus and minus zoom, Escape goes back to now, space pauses`);
    this.host.dataset["lmSuppressShortcuts"] = "true"; // JupyterLab's own keys
    if (this.options.toolbar || this.options.title) {
      const bar = element("div", "hf-bar");
      bar.append(this.title);
      if (this.options.toolbar) bar.append(this.pauseButton, this.liveButton, ...this.ownButtons());
      bar.append(this.status.corner);
      this.host.append(bar);
    }
    this.host.append(this.status.notes);
    for (const pane of this.panes) {
      this.host.append(pane.element);
      if (this.options.legend ?? true) pane.element.append(pane.legend.element);
    }
    this.showState();
    this.useTheme();
    this.watch();
  }

  private ownButtons(): HTMLButtonElement[] {
    return (this.options.buttons ?? []).map(({ text, title, act }) => button(text, title, () => {
      act(this);
    }));
  }

  private watch(): void {
    const onKey = (event: KeyboardEvent): void => {
      if (this.press(event)) {
        event.preventDefault();
        event.stopPropagation();
      }
    };
    this.host.addEventListener("keydown", onKey);
    this.endings.push(() => {
      this.host.removeEventListener("keydown", onKey);
    });
    if (typeof ResizeObserver === "function") {
      const observer = new ResizeObserver(() => {
        this.pacer.ask();
      });
      observer.observe(this.host);
      this.endings.push(() => {
        observer.disconnect();
      });
    }
    this.endings.push(watchTheme(() => {
      this.useTheme();
    }));
  }

  private press(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.altKey || event.metaKey) return false;
    const onButton = event.target instanceof HTMLButtonElement;
    const acts: Record<string, () => void> = {
      ArrowLeft: () => { this.pan(-0.1); },
      ArrowRight: () => { this.pan(0.1); },
      "+": () => { this.zoomBy(0.7); },
      "-": () => { this.zoomBy(1 / 0.7); },
      Escape: () => { this.reset(); },
      Home: () => { this.reset(); },
      ...(onButton ? {} : { " ": () => { this.pause(!this.paused); } }),
    };
    const act = acts[event.key];
    act?.();
    return act !== undefined;
  }

  private showState(): void {
    this.pauseButton.setAttribute("aria-pressed", String(this.paused));
    this.pauseButton.hidden = this.options.frozen ?? false;
    this.liveButton.textContent = this.options.frozen ? "All" : "Live";
    this.liveButton.hidden = this.range.isLive && !this.paused;
  }

  private useTheme(): void {
    const theme = THEMES[this.themeWanted === "auto" ? themeAround(this.host.parentElement ?? this.host) : this.themeWanted];
    this.host.style.setProperty("--hf-text", theme.text);
    this.host.style.setProperty("--hf-background", theme.background);
    if (theme === this.theme) return;
    this.theme = theme;
    this.linesChanged = true;
    this.pacer.ask();
  }

  private draw(): void {
    if (!this.host.isConnected) return;
    const { from, to } = this.seen;
    if (this.range.isLive && !this.paused) this.data.dropBefore(this.now() - this.options.window * KEPT_WINDOWS);
    for (const pane of this.panes) {
      if (this.linesChanged) pane.use(this.linesOf(pane));
      pane.draw(from, to);
    }
    this.linesChanged = false;
    this.frames += 1;
    this.tick();
  }

  /** The axis moves by itself: drawn again when it has by a pixel. */
  private tick(): void {
    clearTimeout(this.ticker);
    if (this.paused || this.options.frozen || !this.range.isLive || this.data.lines.size === 0) return;
    const pixel = (this.options.window / Math.max(LEAST_WIDTH, this.width)) * 1000;
    this.ticker = setTimeout(() => {
      this.pacer.ask();
    }, Math.max(FRAME_MS, pixel));
  }
}
