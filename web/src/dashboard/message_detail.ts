// The message that was chosen, in the tree or in the log: what came, and what to make of a value in it.

import { button, el, freshId, setHidden, setText } from "./dom";
import { JsonView } from "./json_view";
import type { PanelKind } from "./settings";
import { bytes, clock, shown } from "./shown";
import { similarTopics } from "./similar_topics";

export interface Picked {
  kind: PanelKind;
  topics: string;
  path: string;
}

export interface Detail {
  topic: string;
  payload: Uint8Array;
  size: number;
  time: number;
  qos: number;
  retain: boolean;
}

export class MessageDetail {
  readonly element: HTMLElement;
  private readonly topic = el("h2", { class: "topic" });
  private readonly facts = el("p", { class: "facts" });
  private readonly kind = el("select", {}, el("option", { value: "chart" }, "chart"), el("option", { value: "gauge" }, "gauge"), el("option", { value: "value" }, "single value"));
  private readonly scope = el("select", {});
  private readonly json: JsonView;
  private current: Detail | undefined;

  constructor(
    private readonly knownTopics: () => Iterable<string>,
    pick: (picked: Picked) => void,
    publishLike: (detail: Detail) => void,
  ) {
    this.json = new JsonView((path) => {
      if (this.current) pick({ kind: this.kind.value as PanelKind, topics: this.scope.value || this.current.topic, path });
    });
    const [kindId, scopeId] = [freshId("kind"), freshId("scope")];
    this.kind.id = kindId;
    this.scope.id = scopeId;
    const toolbar = el(
      "div",
      { class: "pickbar" },
      el("label", { for: kindId }, "A click on a number adds a"),
      this.kind,
      el("label", { for: scopeId }, "of"),
      this.scope,
    );
    const copy = button("Publish like this…", () => {
      if (this.current) publishLike(this.current);
    }, { class: "quiet" });
    this.element = el("section", { class: "detail", "aria-label": "Message", hidden: true }, this.topic, this.facts, toolbar, this.json.element, copy);
  }

  show(detail: Detail): void {
    if (detail.topic !== this.current?.topic) this.offerScopes(detail.topic);
    this.current = detail;
    setHidden(this.element, false);
    setText(this.topic, shown(detail.topic));
    setText(this.facts, `${clock(detail.time)} · ${bytes(detail.size)} · QoS ${detail.qos}${detail.retain ? " · retained by the broker" : ""}`);
    this.json.show(detail.payload, detail.size);
  }

  private offerScopes(topic: string): void {
    const options = [el("option", { value: topic }, "this topic alone")];
    for (const { template, topics } of similarTopics(topic, this.knownTopics())) {
      options.push(el("option", { value: template }, `${shown(template, 60)} (${topics} topics)`));
    }
    this.scope.replaceChildren(...options);
  }
}
