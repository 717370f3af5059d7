// Light and dark. Each line's colour stands out from its background by three to one at least, as WCAG asks of graphics, and text by four and
// a half; lines beyond the colours are told apart by dashes.

export type ThemeName = "light" | "dark";

export interface Theme {
  name: ThemeName;
  background: string;
  text: string;
  grid: string;
  lines: readonly string[];
}

export const THEMES: Record<ThemeName, Theme> = {
  light: {
    name: "light",
    background: "#ffffff",
    text: "#1f2328",
    grid: "#e3e6ea",
    lines: ["#1f6fb4", "#c4540a", "#13795b", "#b3185f", "#6a5fb5", "#806000", "#007a8a", "#5d4037", "#5c6b00", "#8e3bb0"],
  },
  dark: {
    name: "dark",
    background: "#111418",
    text: "#e6e9ed",
    grid: "#2d333b",
    lines: ["#6cb6ff", "#ff9e5e", "#4fd0a5", "#ff7eb6", "#b3a6ff", "#e3c04d", "#4dd0e1", "#d7a98c", "#c0d15a", "#dd8ff5"],
  },
};

const DASHES: readonly (readonly number[])[] = [[], [8, 4], [2, 3], [10, 3, 2, 3]];

export function colourOf(theme: Theme, index: number): string {
  return theme.lines[index % theme.lines.length] ?? theme.text;
}

export function dashOf(theme: Theme, index: number): number[] {
  return [...(DASHES[Math.floor(index / theme.lines.length) % DASHES.length] ?? [])];
}

/** What the page around `element` looks like: its own word where it has one, else its background, else the system's. */
export function themeAround(element: Element): ThemeName {
  const jupyter = document.body.dataset["jpThemeLight"];
  if (jupyter !== undefined) return jupyter === "false" ? "dark" : "light";
  for (let at: Element | null = element; at !== null; at = at.parentElement) {
    const parts = /^rgba?\(([\d.]+), ([\d.]+), ([\d.]+)(?:, ([\d.]+))?\)$/.exec(getComputedStyle(at).backgroundColor);
    if (parts && Number(parts[4] ?? 1) > 0.5) return luminance(parts.slice(1, 4).map(Number)) < 0.4 ? "dark" : "light";
  }
  return typeof matchMedia === "function" && matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
}

/** Calls `act` when the page may have changed its looks. Returns what ends that. */
export function watchTheme(act: () => void): () => void {
  const mutations = new MutationObserver(act);
  for (const node of [document.documentElement, document.body]) {
    mutations.observe(node, { attributes: true, attributeFilter: ["class", "style", "data-theme", "data-jp-theme-light"] });
  }
  return () => {
    mutations.disconnect();
  };
}

function luminance(rgb: readonly number[]): number {
  const [r, g, b] = rgb.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (r ?? 0) + 0.7152 * (g ?? 0) + 0.0722 * (b ?? 0);
}

/** WCAG's contrast of two colours written as #rrggbb. */
export function contrast(one: string, other: string): number {
  const [a, b] = [one, other].map((colour) => luminance([1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16))));
  return (Math.max(a ?? 0, b ?? 0) + 0.05) / (Math.min(a ?? 0, b ?? 0) + 0.05);
}
