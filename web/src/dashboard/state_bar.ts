// How the connection stands: a word in the bar, and a banner with what to do when there is something to do.

import { button, el, setHidden, setText } from "./dom";
import type { State } from "./session";
import { shown } from "./shown";

export class StateBar {
  readonly pill = el("p", { class: "pill", role: "status" });
  readonly banner: HTMLElement;
  private readonly what = el("strong", {});
  private readonly todo = el("span", {});
  private readonly wait = el("span", { class: "wait" });
  private readonly now: HTMLButtonElement;
  private until: number | undefined;

  constructor(
    private readonly place: string,
    retry: () => void,
  ) {
    this.now = button("Try now", retry);
    this.banner = el("div", { class: "banner", hidden: true }, el("p", { role: "alert" }, this.what, " ", this.todo), el("p", { class: "next" }, this.wait, this.now));
  }

  show(state: State): void {
    const { place } = this;
    const words: Record<State["kind"], string> = {
      idle: "Not connected",
      connecting: `Connecting to ${place}`,
      connected: `Connected to ${place}`,
      waiting: "Disconnected",
      refused: "Refused",
    };
    this.pill.dataset["state"] = state.kind;
    setText(this.pill, `${words[state.kind]}${state.kind === "connected" ? `, MQTT ${state.protocol}` : ""}`);
    this.until = state.kind === "waiting" ? Date.now() + state.seconds * 1000 : undefined;
    if ("trouble" in state) this.tell(state.trouble.what, state.trouble.todo);
    // While it tries again the banner stays, so that nobody reads half of it.
    else if (state.kind !== "connecting") setHidden(this.banner, true);
    setHidden(this.now, this.until === undefined);
    this.tick();
  }

  /** Something that is no matter of the connection. */
  tell(what: string, todo: string): void {
    setText(this.what, shown(what, 600));
    setText(this.todo, shown(todo, 600));
    setHidden(this.banner, false);
  }

  tick(): void {
    const seconds = this.until === undefined ? 0 : Math.ceil((this.until - Date.now()) / 1000);
    setText(this.wait, seconds > 0 ? `Next attempt in ${seconds} s. ` : "");
  }
}
