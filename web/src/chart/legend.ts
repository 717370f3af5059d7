// The names of a pane's lines with their last values, or those under the cursor. A click hides a line, and shows it again.

import type { Line } from "./chart_data";
import { element, setText } from "./dom";
import { textOf } from "./numbers";

export class Legend {
  readonly element = element("ul", "hf-legend");
  private readonly entries = new Map<Line, { button: HTMLButtonElement; value: HTMLElement }>();

  constructor(private readonly toggle: (line: Line) => void) {}

  show(lines: readonly Line[], colour: (line: Line) => string): void {
    this.element.replaceChildren();
    this.entries.clear();
    for (const line of lines) {
      const button = element("button", "hf-entry");
      button.type = "button";
      button.title = `hide or show ${line.label}`;
      const [swatch, value] = [element("span", "hf-swatch"), element("span", "hf-value")];
      swatch.style.backgroundColor = colour(line);
      button.append(swatch, element("span", "hf-name", line.label), value);
      button.addEventListener("click", () => {
        this.toggle(line);
      });
      const item = element("li");
      item.append(button);
      this.element.append(item);
      this.entries.set(line, { button, value });
    }
    this.update();
  }

  /** `at`: the time under the cursor; undefined: the last values. */
  update(at?: number, reach = Infinity): void {
    for (const [line, { button, value }] of this.entries) {
      setText(value, textOf(at === undefined ? line.lastY : valueNear(line, at, reach), line.step));
      button.setAttribute("aria-pressed", String(!line.hidden));
    }
  }
}

/** The nearest value, not farther away than `reach` seconds; where a line goes on beyond that, its last one before; of a switch the one that holds. */
export function valueNear(line: Line, at: number, reach: number): number {
  const { points } = line;
  const behind = points.indexAfter(at);
  if (line.step) return behind > 0 ? points.y(behind - 1) : NaN;
  const [before, after] = [points.y(behind - 1), points.y(behind)];
  let best = behind > 0 && behind < points.length && !Number.isNaN(after) ? before : NaN;
  let distance = reach;
  for (let i = Math.max(0, behind - 2); i < Math.min(points.length, behind + 2); ++i) {
    const away = Math.abs(points.x(i) - at);
    if (away <= distance && !Number.isNaN(points.y(i))) [best, distance] = [points.y(i), away];
  }
  return best;
}
