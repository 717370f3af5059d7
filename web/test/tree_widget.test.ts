// @vitest-environment jsdom
import { expect, test } from "vitest";
import { TreeView, type NodeRow, type Tree } from "../src/widget/tree_widget";

function row(depth: number, path: string, told: string, value = "", isOpen = true): NodeRow {
  return [depth, path, path.split("/").at(-1) ?? "", told, [], value, isOpen, ""];
}

function tree(told: string, ...more: NodeRow[]): Tree {
  return {
    summary: `# · ${told}`,
    nodes: [row(0, "plant", told), row(1, "plant/1", told), row(2, "plant/1/t", told, "21.5"), ...more, row(0, "site", told, "on")],
    hidden: "",
  };
}

function outline(host: Element): string[] {
  return [...host.querySelectorAll("details > summary > code:first-child, .hf-leaf > code:first-child")].map((node) => node.textContent ?? "");
}

test("what is folded by hand stays so when the tree is drawn anew", () => {
  const host = document.createElement("div");
  const view = new TreeView(host, new Map());
  view.draw(tree("1 message"));
  expect(outline(host)).toEqual(["plant", "1", "t", "site"]);
  const [plant] = host.querySelectorAll("details");
  expect(plant?.open).toBe(true);
  plant?.querySelector("summary")?.click();
  expect(plant?.open).toBe(false);
  view.draw(tree("2 messages", row(1, "plant/2", "new"), row(2, "plant/2/t", "new")));
  expect(outline(host)).toEqual(["plant", "1", "t", "2", "t", "site"]);
  expect(host.querySelector("details")).toBe(plant);
  expect(plant?.open).toBe(false);
  expect(plant?.querySelector("small")?.textContent).toBe("2 messages");
});

test("what has gone goes, and a topic may become a branch", () => {
  const host = document.createElement("div");
  const view = new TreeView(host, new Map());
  view.draw({ summary: "", hidden: "", nodes: [row(0, "a", "1", "x"), row(0, "b", "1", "y")] });
  view.draw({ summary: "", hidden: "… 5 topics more", nodes: [row(0, "b", "1", "y"), row(1, "b/c", "1", "z")] });
  expect(outline(host)).toEqual(["b", "c"]);
  expect(host.querySelector(":scope > .hf-more")?.textContent).toBe("… 5 topics more");
});

test("topics and payloads are text", () => {
  const host = document.createElement("div");
  new TreeView(host, new Map()).draw({ summary: "<b>", hidden: "", nodes: [row(0, "<img src=x onerror=alert(1)>", "<i>", "<script>1</script>")] });
  expect(host.querySelectorAll("img, script, i, p b")).toHaveLength(0);
  expect(outline(host)).toEqual(["<img src=x onerror=alert(1)>"]);
});
