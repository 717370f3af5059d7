// The tree of topics, with a search: levels to open, topics to choose.

import { el, freshId, setHidden, setText } from "./dom";
import { previewOf } from "./payload";
import { count, number, shown } from "./shown";
import { rowsOfTree, treeOf, type TopicEntry, type TopicTable, type TreeNode, type TreeRow } from "./topic_table";

const MOST_ROWS = 300;

interface RowElements {
  element: HTMLElement;
  button: HTMLButtonElement;
  name: HTMLElement;
  preview: HTMLElement;
  rate: HTMLElement;
}

/** Of one message nobody knows how often it comes. */
function rateOf({ rate, retain }: TopicEntry): string {
  if (rate === undefined) return retain ? "retained" : "–";
  return Number.isNaN(rate) ? "–" : `${number(Number(rate.toPrecision(2)))}/s`;
}

export class TopicTreeView {
  readonly element: HTMLElement;
  private readonly search = el("input", { type: "search", placeholder: "Search topics", spellcheck: "false", autocapitalize: "none" });
  private readonly list = el("ul", { class: "tree", "aria-label": "Topics" });
  private readonly note = el("p", { class: "hint" });
  private readonly opened = new Map<string, boolean>();
  private readonly rows = new Map<string, RowElements>();
  private drawn = "";
  private grown: { key: string; root: TreeNode } | undefined;
  private selected = "";

  constructor(
    private readonly table: TopicTable,
    private readonly choose: (entry: TopicEntry) => void,
  ) {
    this.search.id = freshId("search");
    this.element = el("div", { class: "topics" }, el("label", { class: "unseen", for: this.search.id }, "Search topics"), this.search, this.list, this.note);
    this.search.addEventListener("input", () => {
      this.update();
    });
  }

  update(): void {
    const search = this.search.value;
    const root = this.tree();
    // What is small is open from the beginning, and so is what a search has found.
    const isOpen = (node: TreeNode): boolean => this.opened.get(node.path) ?? (search.trim() !== "" || root.topics <= 40 || node.depth < 1);
    const [rows, all] = rowsOfTree(root, isOpen, MOST_ROWS);
    this.draw(rows);
    const notes: string[] = [];
    if (this.table.entries.size === 0) notes.push("Nothing has come yet.");
    else if (rows.length === 0) notes.push("No topic has this in its name.");
    if (all > rows.length) notes.push(`${count(all - rows.length, "row")} more: search to see them.`);
    if (this.table.unplacedTopics > 0) notes.push(`${count(this.table.unplacedTopics, "topic")} more found no place here; charts of them work all the same.`);
    setText(this.note, notes.join(" "));
    setHidden(this.note, notes.length === 0);
  }

  private draw(rows: TreeRow[]): void {
    const key = rows.map(({ node, open }) => `${node.path}${open ? "▾" : ""}${node.entry ? "•" : ""}`).join("\u0000");
    if (key !== this.drawn) {
      this.drawn = key;
      const wanted = new Set(rows.map(({ node }) => node.path));
      for (const path of this.rows.keys()) if (!wanted.has(path)) this.rows.delete(path);
      const elements = rows.map((row) => this.rowOf(row).element);
      this.place(elements);
    }
    for (const row of rows) this.fill(row);
  }

  /** Moves only what has to: an element that is taken out and put back loses the focus. */
  private place(elements: HTMLElement[]): void {
    const wanted = new Set<Element>(elements);
    for (const child of [...this.list.children]) if (!wanted.has(child)) child.remove();
    elements.forEach((element, i) => {
      const there = this.list.children[i];
      if (there !== element) this.list.insertBefore(element, there ?? null);
    });
  }

  private rowOf({ node }: TreeRow): RowElements {
    const known = this.rows.get(node.path);
    if (known) return known;
    const [name, preview, rate] = [el("bdi", { class: "name" }), el("bdi", { class: "preview" }), el("span", { class: "rate", title: "messages a second, over the last minute" })];
    const made = el("button", { type: "button" }, name, preview, rate);
    const element = el("li", { "data-depth": Math.min(node.depth, 11) }, made);
    const { path } = node;
    made.addEventListener("click", () => {
      this.click(path);
    });
    const elements = { element, button: made, name, preview, rate };
    this.rows.set(path, elements);
    return elements;
  }

  private fill({ node, open }: TreeRow): void {
    const row = this.rowOf({ node, open });
    const { entry } = node;
    const isBranch = node.children.size > 0;
    row.element.className = `${isBranch ? "branch" : "leaf"}${open ? " open" : ""}${entry && entry.topic === this.selected ? " selected" : ""}`;
    if (isBranch) row.button.setAttribute("aria-expanded", String(open));
    else row.button.removeAttribute("aria-expanded");
    row.button.setAttribute("aria-pressed", String(entry !== undefined && entry.topic === this.selected));
    if (isBranch) row.button.removeAttribute("aria-pressed");
    setText(row.name, node.name === "" ? "(empty level)" : shown(node.name, 80));
    setText(row.preview, entry ? shown(previewOf(entry.payload, 80, entry.size), 80) : count(node.topics, "topic"));
    setText(row.rate, entry ? rateOf(entry) : "");
  }

  private click(path: string): void {
    const row = this.find(path);
    if (!row) return;
    if (row.entry) {
      this.selected = row.entry.topic;
      this.choose(row.entry);
    }
    if (row.children.size > 0) {
      const isOpen = this.rows.get(path)?.button.getAttribute("aria-expanded") === "true";
      this.opened.set(path, !isOpen);
    }
    this.update();
  }

  private find(path: string): TreeNode | undefined {
    const walk = (node: TreeNode): TreeNode | undefined => {
      if (node.path === path && node.depth >= 0) return node;
      for (const child of node.children.values()) {
        if (path !== child.path && !path.startsWith(`${child.path}/`)) continue;
        const found = walk(child);
        if (found) return found;
      }
      return undefined;
    };
    return walk(this.tree());
  }

  /** The same until a topic is new, or another search. */
  private tree(): TreeNode {
    const key = `${this.table.generation} ${this.search.value}`;
    if (this.grown?.key !== key) this.grown = { key, root: treeOf(this.table.entries.values(), this.search.value) };
    return this.grown.root;
  }
}
