import "uplot/dist/uPlot.min.css";
import "./dashboard.css";

const root = document.getElementById("honeyframe");
if (root) root.textContent = "";
