// @vitest-environment jsdom
import { expect, test, vi } from "vitest";
import { TopicTable } from "../../src/dashboard/topic_table";
import { TopicTreeView } from "../../src/dashboard/topic_tree_view";

function view(topics: string[]): { tree: TopicTreeView; table: TopicTable; chosen: string[]; buttons: () => HTMLButtonElement[] } {
  const table = new TopicTable();
  for (const topic of topics) table.take({ topic, payload: new TextEncoder().encode("<img src=x onerror=alert(1)>"), qos: 0, retain: false, time: 0 }, false);
  const chosen: string[] = [];
  const tree = new TopicTreeView(table, ({ topic }) => chosen.push(topic));
  document.body.append(tree.element);
  tree.update();
  return { tree, table, chosen, buttons: () => [...tree.element.querySelectorAll<HTMLButtonElement>(".tree button")] };
}

test("what strangers wrote is text", () => {
  const { tree } = view(["<script>alert(1)</script>/x"]);
  expect(tree.element.querySelectorAll("script, img").length).toBe(0);
  expect(tree.element.textContent).toContain("<script>alert(1)<");
});

test("levels open and close, a topic is chosen, and the focus stays where it is", () => {
  const { tree, table, chosen, buttons } = view(["a/1", "a/2"]);
  const [branch, leaf] = buttons();
  leaf?.focus();
  table.take({ topic: "a/0", payload: new Uint8Array(), qos: 0, retain: false, time: 0 }, false);
  tree.update();
  expect(document.activeElement).toBe(leaf);
  expect(buttons().map((one) => one.querySelector(".name")?.textContent)).toEqual(["a", "0", "1", "2"]);
  leaf?.click();
  expect([chosen, leaf?.getAttribute("aria-pressed")]).toEqual([["a/1"], "true"]);
  branch?.click();
  expect([buttons().length, branch?.getAttribute("aria-expanded")]).toEqual([1, "false"]);
});

test("how often a topic comes is said once it is known", () => {
  const { tree, table } = view(["a/1", "a/2", "a/2"]);
  table.take({ topic: "a/3", payload: new Uint8Array(), qos: 0, retain: true, time: 0 }, false);
  table.rate(10);
  tree.update();
  expect([...tree.element.querySelectorAll(".leaf .rate")].map(({ textContent }) => textContent)).toEqual(["–", "0.1/s", "retained"]);
});

test("a search that finds nothing says so", () => {
  const { tree } = view(["a/1"]);
  const search = tree.element.querySelector("input");
  if (search) search.value = "zzz";
  tree.update();
  expect(tree.element.textContent).toContain("No topic has this in its name.");
});

test("the tree grows anew only with a new topic, or another search", () => {
  const { tree, table, buttons } = view(["a/1", "a/2"]);
  const looked = vi.spyOn(table.entries, "values");
  const arrive = (topic: string): void => void table.take({ topic, payload: new TextEncoder().encode("new"), qos: 0, retain: false, time: 0 }, false);
  arrive("a/1");
  tree.update();
  buttons()[1]?.click();
  expect([looked.mock.calls.length, buttons()[1]?.querySelector(".preview")?.textContent]).toEqual([0, "new"]);
  arrive("a/0");
  tree.update();
  tree.update();
  expect([looked.mock.calls.length, buttons().length]).toEqual([1, 4]);
  const search = tree.element.querySelector("input");
  if (search) search.value = "0";
  tree.update();
  tree.update();
  expect([looked.mock.calls.length, buttons().length]).toEqual([2, 2]);
});
