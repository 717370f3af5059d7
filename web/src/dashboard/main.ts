import "uplot/dist/uPlot.min.css";
import "./dashboard.css";
import { el, setText } from "./dom";
import { Lines } from "./lines";
import { KeptCredentials, LoginForm } from "./login_form";
import { ChartPanel } from "./panels/chart_panel";
import { readPayload } from "./payload";
import { Session } from "./session";
import { readSettings } from "./settings";
import { filterOf, needed } from "./topics";

const root = document.getElementById("honeyframe");
const settings = readSettings(document.getElementById("honeyframe-settings")?.textContent ?? "");
const state = el("p", { role: "status" });
const panels = settings.panels.map((one) => {
  const lines = new Lines(one);
  const host = el("div");
  return { host, lines, title: el("h2", {}, one.title), chart: undefined as ChartPanel | undefined };
});
const kept = new KeptCredentials(settings.broker.url);
const session = new Session(
  { ...settings.broker, qos: settings.qos },
  {
    state: (now) => { setText(state, `${now.kind}${"trouble" in now ? ` ${now.trouble.what} ${now.trouble.todo}` : ""}`); },
    message: ({ topic, payload, time, retain }) => {
      for (const { lines } of panels) {
        if (!lines.wants(topic)) continue;
        const read = readPayload(payload);
        if (read.kind === "json") lines.take(topic, read.document, time, retain);
      }
      for (const one of panels) one.chart?.update();
    },
    subscribed: (filter, trouble) => { if (trouble) setText(state, trouble.what); },
    received: () => undefined,
    sent: () => undefined,
  },
);
const login = new LoginForm(settings.broker.url, (credentials, keep) => {
  if (keep) kept.keep(credentials);
  else kept.clear();
  session.connect(credentials.user, credentials.password);
  login.clear();
});
root?.append(el("h1", {}, settings.title), state, login.element, ...panels.flatMap(({ host, title }) => [title, host]));
for (const one of panels) one.chart = new ChartPanel(one.host, one.lines, one.lines.settings.window ?? settings.window);
for (const filter of needed([...settings.topics, ...settings.panels.map((one) => filterOf(one.topics))])) session.subscribe(filter);
