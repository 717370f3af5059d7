// Dark or light: the system's, until somebody chooses. What is chosen stands in the document's `data-theme`, which the styles go by.

import type { Theme } from "./settings";

export class ThemeSwitch {
  private readonly system = window.matchMedia("(prefers-color-scheme: dark)");

  constructor(
    public theme: Theme,
    private readonly changed: () => void = () => undefined,
  ) {
    this.apply();
    this.system.addEventListener("change", () => {
      if (this.theme === "auto") this.apply();
    });
  }

  get isDark(): boolean {
    return this.theme === "dark" || (this.theme === "auto" && this.system.matches);
  }

  choose(theme: Theme): void {
    this.theme = theme;
    this.apply();
  }

  private apply(): void {
    document.documentElement.dataset["theme"] = this.isDark ? "dark" : "light";
    this.changed();
  }
}
