// The notebook's widgets, as anywidget loads them: the default export is called for each widget, so what its views share lives in it.

import "uplot/dist/uPlot.min.css";
import "./widget.css";
import type { AnyModel, AnyWidget } from "@anywidget/types";
import { ChartWidget } from "./chart_widget";
import { showSnapshot } from "./page";
import { TableWidget } from "./table_widget";
import { TreeWidget } from "./tree_widget";

interface Shown {
  /** Returns what takes it away. */
  show(host: HTMLElement): () => void;
  stop(): void;
}

function make(model: AnyModel): Shown {
  const kind = String(model.get("kind"));
  if (kind === "tree") return new TreeWidget(model);
  return kind === "table" ? new TableWidget(model) : new ChartWidget(model);
}

const widget: AnyWidget = () => {
  let shown: Shown | undefined;
  return {
    initialize({ model }) {
      shown = make(model);
      return () => {
        shown?.stop();
      };
    },
    render({ model, el }) {
      const host = document.createElement("div");
      el.replaceChildren(host);
      shown ??= make(model);
      return shown.show(host);
    },
  };
};

export default widget;

showSnapshot();
