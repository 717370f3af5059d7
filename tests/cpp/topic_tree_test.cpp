#include "topic_tree.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "blocks_for_tests.h"

namespace honeyframe {
namespace {

std::vector<std::string> paths(const std::vector<TopicNode>& tree) {
  std::vector<std::string> found;
  for (const TopicNode& node : tree) found.push_back(std::string(node.depth * 2, ' ') + node.path);
  return found;
}

TEST(TopicTree, HasALevelForEachSlash) {
  TopicTable table({});
  BlockForTests block;
  block.add("plant/2/t", "3")
      .add("plant/1/t", "1", {0, 0, true})
      .add("plant/1/t", "22")
      .add("plant/1", "up")
      .add("site", "x");
  table.add(*block, 0, block.size());
  const auto tree = topic_tree(table, 100, 0);
  EXPECT_EQ(paths(tree),
            (std::vector<std::string>{"plant", "  plant/1", "    plant/1/t", "  plant/2", "    plant/2/t", "site"}));
  EXPECT_FALSE(tree[0].is_topic);
  EXPECT_EQ(tree[0].topics, 3U);
  EXPECT_EQ(tree[0].messages, 4U);
  EXPECT_EQ(tree[0].live, 3U);
  EXPECT_EQ(tree[0].bytes, 6U);
  EXPECT_TRUE(tree[1].is_topic);  // a topic with another below it
  EXPECT_EQ(tree[1].topics, 2U);
  EXPECT_EQ(tree[1].messages, 3U);
  EXPECT_EQ(tree[1].last_payload, "up");
  EXPECT_EQ(tree[2].last_payload, "22");
}

TEST(TopicTree, EmptyLevelsAreLevels) {
  TopicTable table({});
  BlockForTests block;
  block.add("/a", "1").add("a//b", "1").add("a/", "1");
  table.add(*block, 0, block.size());
  EXPECT_EQ(paths(topic_tree(table, 100, 0)), (std::vector<std::string>{"", "  /a", "a", "  a/", "    a//b"}));
}

TEST(TopicTree, ShowsTheBusiestAndSumsUpAll) {
  TopicTable table({});
  BlockForTests block;
  for (int i = 0; i < 1'000; ++i) block.add("many/" + std::to_string(i), "1");
  for (int i = 0; i < 5; ++i) block.add("many/7", "1");
  for (int i = 0; i < 9; ++i) block.add("loud", "1");
  block.add("else/where", "1");
  table.add(*block, 0, block.size());
  const auto tree = topic_tree(table, 2, 0);
  EXPECT_EQ(paths(tree), (std::vector<std::string>{"loud", "many", "  many/7"}));
  EXPECT_EQ(tree[1].topics, 1'000U);
  EXPECT_EQ(tree[1].shown, 1U);
  EXPECT_EQ(tree[1].messages, 1'005U);
}

TEST(TopicTree, CountsWhatIsTooDeepToTheLastLevel) {
  TopicTable table({});
  BlockForTests block;
  block.add(std::string(4'000, '/'), "1").add(std::string(23, '/'), "1").add(std::string(24, '/'), "1");
  table.add(*block, 0, block.size());
  const auto tree = topic_tree(table, 100, 0);
  ASSERT_EQ(tree.size(), 24U);
  EXPECT_EQ(tree[0].topics, 3U);
  EXPECT_EQ(tree[0].shown, 1U);
  EXPECT_EQ(tree[23].depth, 23U);
  EXPECT_EQ(tree[23].topics, 3U);
  EXPECT_EQ(tree[23].messages, 3U);
  EXPECT_EQ(tree[23].shown, 1U);  // the others are counted, and no nodes
  EXPECT_TRUE(tree[23].is_topic);
}

TEST(TopicTree, OfNothingIsEmpty) {
  EXPECT_TRUE(topic_tree(TopicTable({}), 10, 0).empty());
}

TEST(TopicTree, HasPayloadsAsText) {
  TopicTable table({});
  BlockForTests block;
  block.add("a", "\xFF\x01");
  table.add(*block, 0, block.size());
  EXPECT_EQ(topic_tree(table, 1, 0)[0].last_payload, "\\xff\x01");
}

}  // namespace
}  // namespace honeyframe
