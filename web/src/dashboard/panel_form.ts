// The dialog in which a panel is edited, moved or removed.

import { button, el, field, sendButton, setText } from "./dom";
import type { PanelKind, PanelSettings } from "./settings";
import { formatThresholds, readThresholds } from "./thresholds";
import { faultOf, faultOfShare, filterOf } from "./topics";

export interface PanelActions {
  save(settings: PanelSettings): void;
  move(by: number): void;
  remove(): void;
}

export function editPanel(settings: PanelSettings, actions: PanelActions): void {
  const text = (value: string): HTMLInputElement => el("input", { value, spellcheck: "false", autocomplete: "off" });
  const numeric = (value: number | null): HTMLInputElement => el("input", { type: "number", step: "any", ...(value === null ? {} : { value }) });
  const kinds: [PanelKind, string][] = [["chart", "Chart"], ["gauge", "Gauge"], ["value", "Single value"]];
  const kind = el("select", {}, ...kinds.map(([value, name]) => el("option", { value, selected: value === settings.kind }, name)));
  const controls = {
    title: text(settings.title),
    topics: text(settings.topics),
    y: text(settings.y.join(", ")),
    x: text(settings.x ?? ""),
    unit: text(settings.unit),
    min: numeric(settings.min),
    max: numeric(settings.max),
    thresholds: text(formatThresholds(settings.thresholds)),
  };
  const fault = el("p", { class: "outcome bad", role: "alert" });
  const dialog = el("dialog", { class: "panel-form", "aria-label": "Edit the panel" });
  const leave = (act: () => void) => (): void => {
    dialog.close();
    act();
  };
  const apply = (): void => {
    const made = settingsOf(settings, kind.value as PanelKind, controls);
    if (typeof made === "string") setText(fault, made);
    else leave(() => { actions.save(made); })();
  };
  const form = el("form");
  form.append(
    el("h2", {}, "Panel"),
    field("Title", controls.title),
    field("Kind", kind),
    field("Topics", controls.topics, "A filter or a template: plant/{line}/telemetry makes a line for each line."),
    field("Values", controls.y, "Names of the payload’s values, with commas between: temperature, location.lat"),
    field("Time", controls.x, "The value that tells when it was measured. Empty: when it arrived."),
    el("div", { class: "across" }, field("Unit", controls.unit), field("Least", controls.min), field("Greatest", controls.max)),
    field("Thresholds", controls.thresholds, "For instance: warn > 70, alarm > 90, alarm < 5"),
    fault,
    el("div", { class: "actions" }, sendButton(form, "Apply", apply, { class: "main" }), button("Cancel", leave(() => undefined))),
    el(
      "div",
      { class: "actions" },
      button("Move earlier", leave(() => { actions.move(-1); }), { class: "quiet" }),
      button("Move later", leave(() => { actions.move(1); }), { class: "quiet" }),
      button("Remove", leave(() => { actions.remove(); }), { class: "quiet danger" }),
    ),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
  });
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
}

type Controls = Record<"title" | "topics" | "y" | "x" | "unit" | "min" | "max" | "thresholds", HTMLInputElement>;

/** What the form says, or what is wrong with it. */
function settingsOf(before: PanelSettings, kind: PanelKind, controls: Controls): PanelSettings | string {
  const value = (name: keyof Controls): string => controls[name].value.trim();
  const topics = value("topics");
  const fault = faultOf(filterOf(topics)) || faultOfShare(topics);
  if (fault) return `Topics: ${fault}.`;
  const y = value("y").split(",").map((one) => one.trim()).filter(Boolean);
  if (y.length === 0) return "Values: name at least one.";
  const thresholds = readThresholds(value("thresholds"));
  if (typeof thresholds === "string") return `Thresholds: ${thresholds}.`;
  const limit = (name: "min" | "max"): number | null => (value(name) === "" ? null : Number(value(name)));
  const [min, max] = [limit("min"), limit("max")];
  if (min !== null && max !== null && min >= max) return "The least must be below the greatest.";
  const by = topics === before.topics ? before.by : null;
  return { ...before, kind, title: value("title"), topics, y, by, x: value("x") || null, unit: value("unit"), min, max, thresholds };
}
