#include "extraction_plan.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace honeyframe {
namespace {

using Keys = std::vector<std::string>;

ExtractionPlan growing(std::vector<std::string> columns = {}, std::size_t max_nodes = 1000) {
  return ExtractionPlan(".", std::move(columns), true, max_nodes);
}

TEST(ExtractionPlan, SplitsDottedPathsAndPointers) {
  EXPECT_EQ(ExtractionPlan::split_path("a", ".").value(), (Keys{"a"}));
  EXPECT_EQ(ExtractionPlan::split_path("a.b.c", ".").value(), (Keys{"a", "b", "c"}));
  EXPECT_EQ(ExtractionPlan::split_path("a.b->c", "->").value(), (Keys{"a.b", "c"}));
  EXPECT_EQ(ExtractionPlan::split_path("/a.b/c~1d/~0e/0", ".").value(), (Keys{"a.b", "c/d", "~e", "0"}));
  EXPECT_EQ(ExtractionPlan::split_path("/", ".").value(), (Keys{""}));
  for (const char* const path : {"", "a.", ".a", "a..b", "/~", "/~2"}) {
    EXPECT_EQ(ExtractionPlan::split_path(path, ".").status().code(), ErrorCode::invalid_schema) << path;
  }
}

TEST(ExtractionPlan, GrowsByKeysAndFindsThemAgain) {
  ExtractionPlan plan = growing();
  const NodeId a = plan.child(kRootNode, "a");
  const NodeId ab = plan.child(a, "b");
  EXPECT_NE(a, kNoNode);
  EXPECT_EQ(plan.child(kRootNode, "a"), a);
  EXPECT_EQ(plan.find(a, "b"), ab);
  EXPECT_EQ(plan.find(kRootNode, "b"), kNoNode);
  EXPECT_EQ(plan.dotted(ab), "a.b");
  EXPECT_EQ(plan.pointer(ab), "/a/b");
  EXPECT_EQ(plan.dotted(plan.child(kRootNode, "")), "/");
  EXPECT_EQ(plan.dotted(a, "x"), "a.x");
  EXPECT_EQ(plan.pointer(plan.child(kRootNode, "x/y~z")), "/x~1y~0z");
}

TEST(ExtractionPlan, SpellsANulInNamesOnly) {
  ExtractionPlan plan = growing();
  const std::string key("a\0~\0", 4);
  const NodeId node = plan.child(kRootNode, key);
  EXPECT_EQ(plan.find(kRootNode, key), node);
  EXPECT_EQ(plan.find(kRootNode, "a"), kNoNode);
  EXPECT_EQ(plan.dotted(node), R"(a\u0000~\u0000)");
  EXPECT_EQ(plan.dotted(node, std::string(1, '\0')), R"(a\u0000~\u0000.\u0000)");
  EXPECT_EQ(plan.pointer(node), R"(/a\u0000~0\u0000)");
  EXPECT_EQ(plan.exact_path(node), key);
  EXPECT_EQ(plan.exact_path(node, "b"), key + ".b");
  EXPECT_EQ(plan.child(kRootNode, std::string(kMaxPathBytes / 2, '\0')), kNoNode);  // too long as a name
}

TEST(ExtractionPlan, TakesBackWhatALaterValueReplaces) {
  ExtractionPlan plan = growing();
  plan.begin_payload();
  const NodeId first = plan.child(kRootNode, "first");
  const NodeId inner = plan.child(first, "inner");
  const NodeId other = plan.child(kRootNode, "other");
  const NodeId before = plan.child(kRootNode, "before");
  (void)plan.next_row();
  plan.decide(before, NodeShape::object, 5);
  (void)plan.next_row();
  plan.decide(first, NodeShape::object, 4);
  plan.decide(inner, NodeShape::value, 6);
  plan.decide(other, NodeShape::value, 9);
  plan.undecide(4, 8);
  EXPECT_EQ(plan[first].shape, NodeShape::undecided);
  EXPECT_EQ(plan[inner].shape, NodeShape::undecided);
  EXPECT_FALSE(plan[inner].reads_scalars);
  EXPECT_EQ(plan[other].shape, NodeShape::value);
  EXPECT_EQ(plan[before].shape, NodeShape::object);  // of another row
  plan.decide(first, NodeShape::value, 12);
  plan.undecide(4, 8);
  EXPECT_EQ(plan[first].shape, NodeShape::value);
  plan.roll_back();
  EXPECT_EQ(plan.size(), 1U);
}

TEST(ExtractionPlan, KeepsThousandsOfKeysApart) {
  ExtractionPlan plan = growing({}, 10'000);
  std::vector<NodeId> nodes;
  for (int i = 0; i < 5'000; ++i) nodes.push_back(plan.child(kRootNode, "key" + std::to_string(i)));
  for (int i = 0; i < 5'000; ++i)
    EXPECT_EQ(plan.find(kRootNode, "key" + std::to_string(i)), nodes[static_cast<std::size_t>(i)]);
}

TEST(ExtractionPlan, IsBounded) {
  ExtractionPlan plan = growing({}, 3);
  EXPECT_NE(plan.child(kRootNode, "a"), kNoNode);
  EXPECT_NE(plan.child(kRootNode, "b"), kNoNode);
  EXPECT_EQ(plan.child(kRootNode, "c"), kNoNode);
  EXPECT_NE(plan.child(kRootNode, "a"), kNoNode);
  EXPECT_TRUE(plan.wants_unknown(kRootNode, "c"));
  ExtractionPlan long_keys = growing();
  EXPECT_EQ(long_keys.child(kRootNode, std::string(kMaxPathBytes + 1, 'x')), kNoNode);
}

TEST(ExtractionPlan, ARefusedPayloadLeavesNoTrace) {
  ExtractionPlan plan = growing();
  const NodeId kept = plan.child(kRootNode, "kept");
  plan.begin_payload();
  const NodeId gone = plan.child(kRootNode, "gone");
  plan[kept].expected_next = gone;
  plan.decide(kept, NodeShape::object, 1);
  plan.roll_back();
  EXPECT_EQ(plan.find(kRootNode, "gone"), kNoNode);
  EXPECT_EQ(plan.find(kRootNode, "kept"), kept);
  EXPECT_EQ(plan[kept].expected_next, kNoNode);
  EXPECT_EQ(plan[kept].shape, NodeShape::undecided);
  for (int i = 0; i < 200; ++i)
    EXPECT_NE(plan.child(kRootNode, "more" + std::to_string(i)), kNoNode);  // the table is made anew
  plan.begin_payload();
  for (int i = 0; i < 500; ++i) EXPECT_NE(plan.child(kRootNode, "gone" + std::to_string(i)), kNoNode);
  plan.roll_back();
  EXPECT_EQ(plan.find(kRootNode, "gone7"), kNoNode);
  EXPECT_NE(plan.find(kRootNode, "more7"), kNoNode);
}

TEST(ExtractionPlan, ReadsOnlyTheColumnsAskedFor) {
  ExtractionPlan plan = growing({"location", "a.b", "/x.y"});
  const NodeId location = plan.child(kRootNode, "location");
  EXPECT_TRUE(plan[location].wanted);
  EXPECT_TRUE(plan[plan.child(location, "lat")].wanted);
  const NodeId a = plan.child(kRootNode, "a");
  EXPECT_FALSE(plan[a].wanted);
  EXPECT_TRUE(plan[a].descend);
  EXPECT_TRUE(plan[plan.child(a, "b")].wanted);
  EXPECT_FALSE(plan[plan.child(a, "c")].wanted);
  EXPECT_TRUE(plan[plan.child(kRootNode, "x.y")].wanted);
  const NodeId other = plan.child(kRootNode, "locations");
  EXPECT_FALSE(plan[other].wanted || plan[other].descend);
  EXPECT_FALSE(plan.wants_unknown(kRootNode, "z"));
  EXPECT_TRUE(plan.wants_unknown(kRootNode, "location"));
  EXPECT_TRUE(plan.wants_unknown(location, "z"));
}

TEST(ExtractionPlan, ADottedPathMeansTheNestedKeyAndTheKeyWithADot) {
  ExtractionPlan plan(".", {}, false, 100);
  const auto nodes = plan.require("a.b");
  ASSERT_TRUE(nodes.ok());
  ASSERT_EQ(nodes.value().size(), 2U);
  EXPECT_EQ(plan.pointer(nodes.value()[0]), "/a/b");
  EXPECT_EQ(plan.pointer(nodes.value()[1]), "/a.b");
  EXPECT_EQ(plan.require("/a/b").value(), (std::vector<NodeId>{nodes.value()[0]}));
  EXPECT_EQ(plan.child(kRootNode, "unknown"), kNoNode);
  EXPECT_FALSE(plan.wants_unknown(kRootNode, "unknown"));
  const NodeId list = plan.require("/list/0").value()[0];
  EXPECT_TRUE(plan[plan[list].parent].has_elements);
}

}  // namespace
}  // namespace honeyframe
