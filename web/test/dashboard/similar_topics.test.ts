import { expect, test } from "vitest";
import { similarTopics } from "../../src/dashboard/similar_topics";

const known = ["plant/1/t", "plant/2/t", "plant/3/t", "plant/1/state", "shop/1/t", "plant/1/t/deep"];

test("wider by one level, or by all that differ", () => {
  expect(similarTopics("plant/1/t", known)).toEqual([
    { template: "{level1}/1/t", topics: 2 }, { template: "plant/1/{level3}", topics: 2 }, { template: "plant/{level2}/t", topics: 3 }, { template: "{level1}/{level2}/{level3}", topics: 5 },
  ]);
});

test("a topic that is like no other, or that no template can name", () => {
  expect([similarTopics("a", ["b/c"]), similarTopics("a/{x}", ["a/b"])]).toEqual([[], []]);
});
