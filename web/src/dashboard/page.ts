// The whole page: its parts, and what goes from one to the other.

import { csv, isoTime } from "./csv";
import { button, el, field, setHidden, setText } from "./dom";
import { download } from "../chart/dom";
import { fileName, maySave, type Offer } from "./download";
import { EmptyView } from "./empty_view";
import { Feeds, replay } from "./feeds";
import { readHistory, writeHistory } from "./history";
import { HistoryKeeper } from "./history_keeper";
import type { Lines } from "./lines";
import { LogView } from "./log_view";
import { KeptCredentials, LoginForm, type Credentials } from "./login_form";
import { MessageDetail, type Picked } from "./message_detail";
import { MessageLog } from "./message_log";
import { menu } from "./menu";
import { Meter } from "./meter";
import { MeterView } from "./meter_view";
import { PanelGrid } from "./panel_grid";
import { previewOf } from "./payload";
import { PublishForm } from "./publish_form";
import { pageText, partsOf } from "./saved_page";
import { Session, type Message, type State } from "./session";
import type { PanelSettings, Settings } from "./settings";
import { clock, count, shown, span } from "./shown";
import { StateBar } from "./state_bar";
import { SubscriptionsView } from "./subscriptions_view";
import { suggest } from "./suggestions";
import { Tabs } from "./tabs";
import { ThemeSwitch } from "./theme";
import { covers, filterOf, needed } from "./topics";
import { TopicTable } from "./topic_table";
import { TopicTreeView } from "./topic_tree_view";

const REFRESH_MS = 250;
const NOTICE_MS = 30_000;
const WINDOWS = [60, 300, 600, 3600, 6 * 3600, 24 * 3600];
const [TOPICS, MESSAGES, PUBLISH] = [0, 1, 2];
const EVERYTHING = "everything";

export class Page {
  private readonly table = new TopicTable();
  private readonly log = new MessageLog();
  private readonly meter: Meter;
  private readonly feeds = new Feeds();
  private readonly past = new HistoryKeeper();
  private readonly panels: PanelGrid;
  private readonly session: Session;
  private readonly kept: KeptCredentials;
  private readonly filters = new Set<string>();
  private readonly opened = Date.now() / 1000;

  private readonly state: StateBar;
  private readonly login: LoginForm;
  private readonly account = el("div", { class: "account", hidden: true });
  private readonly leave = button("Disconnect", () => { this.disconnect(); }, { class: "quiet" });
  private readonly subscriptions: SubscriptionsView;
  private readonly tree: TopicTreeView;
  private readonly logView: LogView;
  private readonly detail: MessageDetail;
  private readonly publishForm: PublishForm;
  private readonly tabs: Tabs;
  private readonly meterView: MeterView;
  private readonly theme: ThemeSwitch;
  private readonly pauseButton: HTMLButtonElement;
  private readonly windowChoice = el("select", {});
  private readonly notice = el("p", { class: "notice", role: "status" });
  private readonly empty: EmptyView;

  /** Seconds that charts show. */
  window: number;
  /** Whether something has come that is of now. */
  private live = false;
  private paused = false;
  private missed = 0;
  private selected = "";
  /** The message that is looked at is another by now. */
  private stale = false;
  private suggestedFor = -1;
  private noticeTimer: number | undefined;
  private themeButton: HTMLButtonElement | undefined;

  constructor(
    private readonly root: HTMLElement,
    private readonly settings: Settings,
  ) {
    const { broker, plan } = settings;
    this.window = settings.window;
    this.meter = new Meter(plan);
    this.kept = new KeptCredentials(broker.url);
    this.session = new Session({ ...broker, qos: settings.qos }, {
      state: (state) => { this.stateChanged(state); },
      message: (message) => { this.take(message); },
      subscribed: (filter, trouble) => {
        this.subscriptions.tell(filter, trouble);
        if (trouble) this.state.tell(trouble.what, trouble.todo);
      },
      received: (bytes) => { this.meter.addReceived(bytes); },
      sent: (bytes) => { this.meter.addSent(bytes); },
    });
    this.state = new StateBar(new URL(broker.url).host, () => { this.session.retry(); });
    this.login = new LoginForm(broker.url, (credentials, keep) => { this.connect(credentials, keep); });
    this.panels = new PanelGrid(this, (lines) => { this.fill(lines); }, (settings) => { this.panelsChanged(settings); });
    this.detail = new MessageDetail(() => this.table.entries.keys(), (picked) => { this.addPicked(picked); }, ({ topic, payload, size }) => {
      this.tabs.choose(PUBLISH);
      this.publishForm.fill(topic, previewOf(payload, 20_000, size));
    });
    this.empty = new EmptyView(({ topics, path }) => { this.addPicked({ kind: "chart", topics, path }); });
    this.tree = new TopicTreeView(this.table, (entry) => {
      this.selected = entry.topic;
      // The log may have kept more of it.
      const [logged] = entry.payload.length < entry.size ? this.log.latest(1, ({ topic }) => topic === entry.topic) : [];
      this.detail.show(logged ?? entry);
    });
    this.logView = new LogView(this.log, (message) => {
      this.selected = "";
      this.detail.show(message);
    }, () => { this.saveLog(); });
    this.publishForm = new PublishForm((topic, payload, qos, retain) => this.session.publish(topic, payload, qos, retain));
    this.subscriptions = new SubscriptionsView((filter) => { this.subscribe(filter); }, (filter) => { this.unsubscribe(filter); });
    this.meterView = new MeterView(this.meter, plan, () => this.table.messages);
    this.theme = new ThemeSwitch(settings.theme, () => { this.recolour(); });
    this.pauseButton = button("Pause", () => { this.pause(!this.paused); }, { "aria-pressed": "false" });
    this.tabs = new Tabs("Explore", [
      { name: "Topics", panel: el("div", {}, this.subscriptions.element, this.tree.element) },
      { name: "Messages", panel: el("div", {}, this.logView.element) },
      { name: "Publish", panel: el("div", {}, this.publishForm.element) },
    ], (index) => {
      this.detail.element.classList.toggle("aside", index === PUBLISH);
      if (index === TOPICS) this.tree.update();
      if (index === MESSAGES) this.logView.update();
    });
    this.build();
  }

  /** Where charts end: now; in a file that is opened later, where its history ends, until something comes. */
  readonly now = (): number => {
    const end = this.past.span?.to;
    const now = Date.now() / 1000;
    return this.live || end === undefined || now - end < this.window ? now : end;
  };

  readonly offer: Offer = (name, content, type, told) => {
    if (maySave()) download(name, content, type);
    this.tell(maySave() ? told : "Not saved: here the page is in a sandbox. Open the file itself in the browser.");
  };

  /** Once: subscriptions, panels, the connection if this tab has kept who we are. */
  start(): void {
    for (const filter of needed([...this.settings.topics, ...this.settings.panels.map(({ topics }) => filterOf(topics))])) this.subscribe(filter);
    for (const panel of this.settings.panels) this.panels.add(panel);
    this.panelsChanged();
    this.session.close();
    const known = this.kept.read();
    if (known) this.connect(known, true);
    else this.login.focus();
    window.setInterval(() => { this.refresh(); }, REFRESH_MS);
    window.setInterval(() => { this.panels.trim(); }, 5_000);
    window.addEventListener("online", () => { this.session.retry(); });
    // A tab that is closed gives its connection back at once.
    window.addEventListener("pagehide", () => { this.session.close(); });
  }

  /** The past that the file carries, when it has been read. */
  async restore(base64: string): Promise<void> {
    try {
      this.past.history = await readHistory(base64);
    } catch (error) {
      this.tell(`The history in this file cannot be read: ${String(error)}. Live values are not affected.`);
      return;
    }
    const { span: found, history } = this.past;
    if (!found) return;
    for (const lines of this.panels.lines) this.past.fill(lines);
    this.windowChoice.append(el("option", { value: EVERYTHING }, "everything, with what was saved"));
    this.chooseWindow();
    this.tell(`${count(history.rows, "row")} of history, ${clock(found.from)} to ${clock(found.to)}, saved at ${clock(this.settings.saved)}.`);
  }

  private build(): void {
    const { title } = this.settings;
    document.title = shown(title, 200);
    const themes = button("Dark", () => { this.theme.choose(this.theme.isDark ? "light" : "dark"); }, { class: "theme", "aria-label": "Dark theme" });
    this.themeButton = themes;
    const save = menu("Save", {
      "This layout as a file": () => void this.saveCopy(),
      "Data as CSV": () => { this.offer(fileName(title, "csv"), this.panels.csv(), "text/csv;charset=utf-8", "Saved, all points."); },
    });
    this.windowChoice.append(...this.windowOptions());
    this.windowChoice.addEventListener("change", () => { this.chooseWindow(); });
    this.account.append(this.leave);
    const header = el(
      "header",
      { class: "bar" },
      el("h1", {}, shown(title, 200)),
      this.state.pill,
      this.account,
      el("div", { class: "controls" }, field("Time shown", this.windowChoice), this.pauseButton, save, themes),
    );
    const aside = el("aside", { class: "explore", "aria-label": "Explore" }, this.login.element, this.tabs.element, this.detail.element);
    const main = el("main", {}, el("div", { class: "stage" }, this.notice, this.empty.element, this.panels.element), aside);
    this.root.replaceChildren(header, this.state.banner, main, el("footer", {}, this.meterView.element));
    setHidden(this.notice, true);
    this.recolour();
  }

  private windowOptions(): HTMLOptionElement[] {
    const all = [...new Set([...WINDOWS, this.window])].sort((a, b) => a - b);
    return all.map((seconds) => el("option", { value: seconds, selected: seconds === this.window }, span(seconds)));
  }

  private chooseWindow(): void {
    const { value } = this.windowChoice;
    const from = this.past.span?.from ?? this.opened;
    this.window = value === EVERYTHING ? Math.max(60, (this.now() - from) * 1.05) : Number(value);
    this.panels.rebuild();
  }

  private connect(credentials: Credentials, keep: boolean): void {
    if (keep) this.kept.keep(credentials);
    else this.kept.clear();
    this.session.connect(credentials.user, credentials.password);
    this.login.clear();
  }

  private disconnect(): void {
    this.kept.clear();
    this.session.forget();
    this.login.focus();
  }

  private stateChanged(state: State): void {
    this.state.show(state);
    const asks = state.kind === "idle" || state.kind === "refused";
    setHidden(this.login.element, !asks);
    setHidden(this.account, asks);
    setText(this.leave, state.kind === "connected" ? "Disconnect" : "Stop trying");
    if (state.kind === "refused") {
      // What was refused is not offered again.
      this.kept.clear();
      this.login.focus();
    }
    if (state.kind === "waiting" || asks) {
      this.log.tear();
      for (const lines of this.panels.lines) lines.tear();
    }
    if (state.kind === "connected") {
      this.table.observe();
      this.publishForm.connected();
      for (const filter of this.filters) this.subscriptions.tell(filter, null);
    }
  }

  private take(message: Message): void {
    const entry = this.table.take(message, message.topic === this.selected);
    this.log.push(message);
    this.feeds.take(message);
    this.live ||= !message.retain;
    if (this.paused) this.missed += 1;
    if (entry && message.topic === this.selected) this.stale = true;
  }

  private refresh(): void {
    this.state.tick();
    this.meterView.update();
    this.table.rate(Date.now() / 1000);
    this.panels.update();
    if (this.paused) {
      setText(this.pauseButton, `Go on (${this.missed.toLocaleString("en")} came)`);
      return;
    }
    if (document.hidden) return;
    if (this.panels.length === 0) this.suggest();
    // What is not seen is not drawn.
    if (this.tabs.chosen === TOPICS) this.tree.update();
    if (this.tabs.chosen === MESSAGES) this.logView.update();
    const entry = this.stale ? this.table.entries.get(this.selected) : undefined;
    if (entry) this.detail.show(entry);
    this.stale = false;
  }

  /** Until there is something, or a panel. */
  private suggest(): void {
    if (this.table.generation === this.suggestedFor) return;
    this.suggestedFor = this.table.generation;
    this.empty.show(suggest(this.table.entries.values(), [...this.table.entries.keys()]));
  }

  private pause(paused: boolean): void {
    this.paused = paused;
    this.missed = 0;
    this.panels.pause(paused);
    this.pauseButton.setAttribute("aria-pressed", String(paused));
    setText(this.pauseButton, paused ? "Go on" : "Pause");
  }

  private subscribe(filter: string): void {
    this.filters.add(filter);
    this.subscriptions.put(filter);
    this.session.subscribe(filter);
  }

  private unsubscribe(filter: string): void {
    this.filters.delete(filter);
    this.subscriptions.take(filter);
    this.session.unsubscribe(filter);
  }

  private addPicked({ kind, topics, path }: Picked): void {
    const known = this.panels.find({ kind, topics, y: [path] });
    const settings: PanelSettings = { kind, title: path, topics, y: [path], by: null, x: null, unit: "", min: null, max: null, thresholds: [], window: null };
    const element = known ?? this.panels.add(settings);
    if (!element) {
      this.tell("There are as many panels as a page can have: remove one first.");
      return;
    }
    element.scrollIntoView({ block: "nearest", behavior: "smooth" });
    element.classList.add("pointed");
    window.setTimeout(() => { element.classList.remove("pointed"); }, 1500);
    this.tell(known ? `There is a panel of ${path} already.` : `${path} of ${topics} has a panel now.`);
  }

  /** A new panel has the file's history, and what the page has seen since it was opened. */
  private fill(lines: Lines): void {
    this.past.fill(lines);
    const logged = this.log.latest(Infinity, () => true).reverse();
    const begin = logged[0]?.time ?? Infinity;
    const before = [...this.table.entries.values()].filter(({ time }) => time < begin).sort((a, b) => a.time - b.time);
    replay(lines, before);
    lines.tear();
    replay(lines, logged);
  }

  private panelsChanged(settings?: PanelSettings): void {
    this.feeds.set(this.panels.lines);
    const filter = settings && filterOf(settings.topics);
    if (filter !== undefined && ![...this.filters].some((one) => covers(one, filter))) this.subscribe(filter);
    setHidden(this.empty.element, this.panels.length > 0);
  }

  private recolour(): void {
    // Called once by the switch itself, before there is anything to colour.
    if (!this.themeButton) return;
    this.themeButton.setAttribute("aria-pressed", String(this.theme.isDark));
    this.panels.rebuild();
  }

  private current(): Settings {
    const { settings } = this;
    const window = this.windowChoice.value === EVERYTHING ? settings.window : this.window;
    return { ...settings, origin: "page", saved: Date.now() / 1000, topics: [...this.filters], panels: this.panels.settings, window, theme: this.theme.theme };
  }

  private async saveCopy(): Promise<void> {
    try {
      const history = await writeHistory(this.past.gather(this.panels.lines));
      const text = pageText({ ...partsOf(document), title: this.settings.title, settings: JSON.stringify(this.current()), history });
      this.offer(fileName(this.settings.title, "html"), text, "text/html", "Saved, with panels and points. The file holds no password.");
    } catch (error) {
      this.tell(`Not saved: ${String(error)}`);
    }
  }

  private saveLog(): void {
    const rows = this.log.latest(100_000, this.logView.wanted).map(({ time, topic, payload, size, qos, retain }) => [
      isoTime(time), topic, qos, retain, size, previewOf(payload, 64_000, size),
    ]);
    const text = csv(["time", "topic", "qos", "retain", "bytes", "payload"], rows);
    this.offer(fileName(`${this.settings.title} messages`, "csv"), text, "text/csv;charset=utf-8", `Saved, ${count(rows.length, "message")}.`);
  }

  private tell(text: string): void {
    setText(this.notice, shown(text, 500));
    setHidden(this.notice, false);
    window.clearTimeout(this.noticeTimer);
    this.noticeTimer = window.setTimeout(() => { setHidden(this.notice, true); }, NOTICE_MS);
  }
}
