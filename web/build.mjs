// Bundles what the Python package carries: node build.mjs [FOLDER], by default python/honeyframe/web.
//   widget.js, widget.css        the notebook's widgets, one ES module, as anywidget loads it
//   dashboard.js, dashboard.css  what a saved dashboard holds within itself
import { build } from "esbuild";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = resolve(process.argv[2] ?? resolve(here, "../python/honeyframe/web"));

const common = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  target: ["es2022"],
  legalComments: "inline",
  logLevel: "warning",
};

await Promise.all([
  build({ ...common, entryPoints: { widget: "src/widget/main.ts" }, format: "esm", outdir: folder }),
  build({ ...common, entryPoints: { dashboard: "src/dashboard/main.ts" }, format: "iife", outdir: folder, define: { global: "globalThis" } }),
]);
console.log(`widget and dashboard bundled into ${folder}`);
