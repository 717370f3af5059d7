// The page of a saved dashboard: reads what the file says, and starts.

import "uplot/dist/uPlot.min.css";
import "./dashboard.css";
import { el } from "./dom";
import { Page } from "./page";
import { readSettings } from "./settings";
import { shown } from "./shown";

function textOf(id: string): string {
  return document.getElementById(id)?.textContent ?? "";
}

function begin(root: HTMLElement): void {
  try {
    const page = new Page(root, readSettings(textOf("honeyframe-settings")));
    page.start();
    // The history stands behind the script: what is above it is painted while it is read.
    const restore = (): void => void page.restore(textOf("honeyframe-history"));
    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", () => window.setTimeout(restore));
    else restore();
  } catch (error) {
    const told = `This file cannot be shown: ${shown(String(error), 500)}. Save the dashboard anew with client.dashboard().`;
    root.replaceChildren(el("p", { class: "fatal", role: "alert" }, told));
  }
}

const root = document.getElementById("honeyframe");
if (root) begin(root);
