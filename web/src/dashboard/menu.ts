// A button that opens a few more; it closes when one is chosen, with Escape, and when something else is touched.

import { button, el } from "./dom";

export function menu(name: string, items: Record<string, () => void>): HTMLElement {
  const list = el("div", { class: "items" });
  const summary = el("summary", {}, name);
  const made = el("details", { class: "menu" }, summary, list);
  const close = (): void => {
    made.removeAttribute("open");
  };
  for (const [text, act] of Object.entries(items)) {
    list.append(button(text, () => {
      close();
      act();
    }));
  }
  made.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    close();
    summary.focus();
  });
  document.addEventListener("pointerdown", (event) => {
    if (!made.contains(event.target as Node)) close();
  });
  return made;
}
