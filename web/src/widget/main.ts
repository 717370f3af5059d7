import "uplot/dist/uPlot.min.css";
import "./widget.css";
import type { Render } from "@anywidget/types";
import { ChartView } from "../chart/chart_view";

interface ChartModel {
  window: number;
}

interface Frame {
  lines: { name: string; count: number }[];
}

/** Buffers come in pairs, x and y of each line, as Float64Array. */
const render: Render<ChartModel> = ({ model, el }) => {
  el.classList.add("honeyframe");
  const view = new ChartView(el, { window: model.get("window") });
  model.on("msg:custom", (frame: Frame, buffers: DataView[]) => {
    frame.lines.forEach(({ name, count }, i) => {
      const [x, y] = [buffers[2 * i], buffers[2 * i + 1]];
      if (x && y) view.append(name, new Float64Array(x.buffer, x.byteOffset, count), new Float64Array(y.buffer, y.byteOffset, count));
    });
  });
  return () => {
    view.destroy();
  };
};

export default { render };
