// Elements made in one line each. Text is only ever text: nothing here takes markup.

export { setText } from "../chart/dom";

type Attributes = Record<string, string | number | boolean | undefined>;

/** `el("button", { type: "button", class: "quiet" }, "Save")`; an attribute that is true is there, one that is false or undefined is not. */
export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children);
  return made;
}

export function button(text: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  const made = el("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", act);
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function svg(tag: string, attributes: Record<string, string | number> = {}, ...children: Node[]): SVGElement {
  const made = document.createElementNS(SVG, tag) as SVGElement;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

export function setHidden(node: HTMLElement, hidden: boolean): void {
  if (node.hidden !== hidden) node.hidden = hidden;
}

let ids = 0;

/** An id of this page, to tie a label to what it names. */
export function freshId(word: string): string {
  ids += 1;
  return `${word}-${ids}`;
}

/** A label above its control. */
export function field(label: string, control: HTMLElement, hint = ""): HTMLElement {
  if (control.id === "") control.id = freshId("field");
  const made = el("div", { class: "field" }, el("label", { for: control.id }, label), control);
  if (hint) {
    const told = el("p", { class: "hint", id: freshId("hint") }, hint);
    control.setAttribute("aria-describedby", told.id);
    made.append(told);
  }
  return made;
}

const byName = new Intl.Collator("en", { numeric: true });

/** Among its siblings in the order of their names: line 2 before line 10. */
export function placeByName(parent: HTMLElement, child: HTMLElement, name: string): void {
  child.dataset["name"] = name;
  const next = [...parent.children].find((other) => other instanceof HTMLElement && byName.compare(other.dataset["name"] ?? "", name) > 0);
  parent.insertBefore(child, next ?? null);
}

/** The button that sends a form; Enter in one of its fields does, too. Not by the form's own `submit`: a sandbox, in which notebooks open files, has none. */
export function sendButton(form: HTMLFormElement, text: string, act: () => void, attributes: Attributes = {}): HTMLButtonElement {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
  });
  form.addEventListener("keydown", (event) => {
    const { target } = event;
    if (event.key !== "Enter" || event.isComposing || !(target instanceof HTMLInputElement)) return;
    event.preventDefault();
    act();
  });
  return button(text, act, attributes);
}
