// A file for the user, made in the page.

/** Notebooks open files in a sandbox, which may not. */
export function maySave(): boolean {
  return !(location.protocol.startsWith("http") && window.origin === "null");
}

/** Gives the user a file, and says what became of it. */
export type Offer = (name: string, content: string | Blob, type: string, told: string) => void;

/** A name for files that is one everywhere. */
export function fileName(title: string, ending: string): string {
  const words = title.replace(/[^\p{L}\p{N}_.-]+/gu, " ").replace(/^[ .\-_]+|[ .\-_]+$/g, "").slice(0, 80).trim();
  return `${words || "dashboard"}.${ending}`;
}
