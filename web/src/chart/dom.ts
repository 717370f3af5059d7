// Elements without markup: what a page shows comes from strangers, and is text.

export function element<K extends keyof HTMLElementTagNameMap>(name: K, className = "", text = ""): HTMLElementTagNameMap[K] {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

export function button(text: string, title: string, act: () => void): HTMLButtonElement {
  const made = element("button", "hf-button", text);
  made.type = "button";
  made.title = title;
  made.addEventListener("click", act);
  return made;
}

/** Sets a text only where it changes: the browser lays out anew what was touched. */
export function setText(node: Element, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

/** Gives the reader's browser a file. */
export function download(name: string, content: string | Blob, type: string): void {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([content], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has to have begun.
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 60_000);
}
