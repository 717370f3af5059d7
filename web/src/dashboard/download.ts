// A file for the user, made in the page.

import { el } from "./dom";

/** Notebooks open files in a sandbox, which may not. */
export function maySave(): boolean {
  return !(location.protocol.startsWith("http") && window.origin === "null");
}

/** Gives the user a file, and says what became of it. */
export type Offer = (name: string, content: string | Blob, type: string, told: string) => void;

export function download(name: string, content: string | Blob, type: string): void {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  // The browser has to have begun.
  window.setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 60_000);
}

/** A name for files that is one everywhere. */
export function fileName(title: string, ending: string): string {
  const words = title.replace(/[^\p{L}\p{N}_.-]+/gu, " ").replace(/^[ .\-_]+|[ .\-_]+$/g, "").slice(0, 80).trim();
  return `${words || "dashboard"}.${ending}`;
}
