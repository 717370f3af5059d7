// jsdom has no canvas: enough of one for uPlot to draw on, and to see that it did.

import { vi } from "vitest";

export function standInForCanvas(): { strokes: () => number } {
  let strokes = 0;
  const context = new Proxy(
    {},
    {
      get(target: Record<string, unknown>, name: string) {
        if (name in target) return target[name];
        if (name === "measureText") return (text: string) => ({ width: text.length * 7 });
        if (name === "canvas") return document.createElement("canvas");
        return () => {
          if (name === "stroke") strokes += 1;
        };
      },
      set(target, name: string, value) {
        target[name] = value;
        return true;
      },
    },
  );
  HTMLCanvasElement.prototype.getContext = (() => context) as never;
  HTMLCanvasElement.prototype.toBlob = function (done: BlobCallback) {
    done(new Blob([`${this.width}x${this.height}`], { type: "image/png" }));
  };
  vi.stubGlobal("Path2D", class {
    rect(): void {}
    moveTo(): void {}
    lineTo(): void {}
    closePath(): void {}
    arc(): void {}
  });
  window.matchMedia ??= ((query: string) => ({ matches: false, media: query, addEventListener() {}, removeEventListener() {} })) as never;
  return { strokes: () => strokes };
}
