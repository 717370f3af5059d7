// The topics of a broker as a tree, drawn anew while they are watched. What the kernel has unfolded is so at first; what somebody folds or
// unfolds by hand stays as it is.

import type { AnyModel } from "@anywidget/types";
import { element, setText } from "../chart/dom";
import { Channel, type Message } from "./channel";

/** depth, path, name, how much came, flags, last payload, unfolded, topics below that are not in the tree. */
export type NodeRow = [number, string, string, string, string[], string, boolean, string];

export interface Tree {
  summary: string;
  nodes: NodeRow[];
  hidden: string;
}

type TreeMessage = Message & Partial<Tree>;

export class TreeWidget {
  private readonly channel: Channel<TreeMessage>;
  private readonly views = new Set<TreeView>();
  private readonly open = new Map<string, boolean>(); // by hand
  private tree: Tree | undefined;

  constructor(model: AnyModel) {
    const take = (message: TreeMessage): void => {
      if (message.nodes) this.use(message as Tree & Message);
    };
    const kept = model.get("config") as Partial<Tree>;
    if (kept.nodes) this.use(kept as Tree);
    this.channel = new Channel<TreeMessage>(model, { whole: take, more: take });
  }

  show(host: HTMLElement): () => void {
    const view = new TreeView(host, this.open);
    this.views.add(view);
    if (this.tree) view.draw(this.tree);
    return () => {
      this.views.delete(view);
    };
  }

  stop(): void {
    this.channel.stop();
  }

  private use(tree: Tree): void {
    this.tree = tree;
    for (const view of this.views) view.draw(tree);
  }
}

interface Item {
  box: HTMLElement;
  name: HTMLElement;
  told: HTMLElement;
  flags: HTMLElement;
  value: HTMLElement;
  below: HTMLElement | undefined;
  more: HTMLElement | undefined;
}

export class TreeView {
  private readonly summary = element("p", "hf-summary");
  private readonly roots = element("div");
  private readonly more = element("div", "hf-more");
  private items = new Map<string, Item>();

  constructor(
    host: HTMLElement,
    private readonly open: Map<string, boolean>,
  ) {
    host.classList.add("hf-tree");
    host.replaceChildren(this.summary, this.roots, this.more);
  }

  draw(tree: Tree): void {
    setText(this.summary, tree.summary);
    setText(this.more, tree.hidden);
    const kept = new Map<string, Item>();
    const above: HTMLElement[] = [this.roots];
    const counts: number[] = [0];
    tree.nodes.forEach((row, i) => {
      const [depth, path] = row;
      const branches = (tree.nodes[i + 1]?.[0] ?? 0) > depth || row[7] !== "";
      const item = this.item(path, branches, row[6]);
      kept.set(path, item);
      this.fill(item, row);
      const parent = above[depth] ?? this.roots;
      const place = counts[depth] ?? 0;
      if (parent.children[place] !== item.box) parent.insertBefore(item.box, parent.children[place] ?? null);
      counts[depth] = place + 1;
      above[depth + 1] = item.below ?? parent;
      counts[depth + 1] = 0;
    });
    for (const [path, item] of this.items) if (kept.get(path) !== item) item.box.remove();
    this.items = kept;
  }

  private item(path: string, branches: boolean, isOpen: boolean): Item {
    const found = this.items.get(path);
    if (found && (found.below !== undefined) === branches) return found;
    const [name, told, flags, value] = [element("code"), element("small"), element("b", "hf-flags"), element("code", "hf-payload")];
    if (!branches) {
      const box = element("div", "hf-leaf");
      box.append(name, told, flags, value);
      return { box, name, told, flags, value, below: undefined, more: undefined };
    }
    const [box, summary, below, more] = [element("details"), element("summary"), element("div"), element("div", "hf-more")];
    summary.append(name, told, flags, value);
    box.append(summary, below, more);
    box.open = this.open.get(path) ?? isOpen;
    summary.addEventListener("click", () => {
      this.open.set(path, !box.open); // before the browser does it
    });
    return { box, name, told, flags, value, below, more };
  }

  private fill(item: Item, row: NodeRow): void {
    setText(item.name, row[2] || "\u00a0");
    setText(item.told, row[3]);
    setText(item.flags, row[4].join(" "));
    setText(item.value, row[5]);
    item.value.title = row[5]; // all of it, where a narrow page cuts it
    item.value.hidden = row[5] === "";
    if (item.more) setText(item.more, row[7]);
  }
}
