#include "topic_tree.h"

#include <algorithm>
#include <numeric>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "topic_batches.h"
#include "topic_order.h"

namespace honeyframe {
namespace {

// Anybody may send a topic of 65,535 levels: each would be a node that holds the whole topic, and a step deeper for
// whoever draws the tree.
constexpr std::size_t kMostLevels = 24;

// Where each level of a topic ends, up to kMostLevels: calls `visit(prefix, depth)` for "a", "a/b", "a/b/c", as long as
// it returns true.
template <typename Visit>
void for_each_level(std::string_view topic, Visit&& visit) {
  std::size_t slash = topic.find('/');
  for (std::size_t depth = 0; depth < kMostLevels; ++depth) {
    if (!visit(topic.substr(0, slash), depth) || slash == std::string_view::npos) return;
    slash = topic.find('/', slash + 1);
  }
}

bool is_too_deep(std::string_view topic) {
  return std::count(topic.begin(), topic.end(), '/') >= static_cast<std::ptrdiff_t>(kMostLevels);
}

std::vector<std::uint32_t> busiest(const TopicTable& table, std::size_t most) {
  std::vector<std::uint32_t> rows(table.size());
  std::iota(rows.begin(), rows.end(), 0U);
  if (rows.size() <= most) return rows;
  const auto busier = [&](std::uint32_t one, std::uint32_t other) {
    const std::uint64_t a = table[one].messages;
    const std::uint64_t b = table[other].messages;
    return a != b ? a > b : one < other;
  };
  std::nth_element(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(most), rows.end(), busier);
  rows.resize(most);
  return rows;
}

void describe(TopicNode& node, const SeenTopic& row, std::int64_t now_ns) {
  node.is_topic = true;
  node.retained = row.retained;
  node.silent = row.cadence.is_silent(now_ns);
  node.payload_size = row.payload_size;
  node.last_payload = readable(row.last_payload());
}

}  // namespace

std::vector<TopicNode> topic_tree(const TopicTable& table, std::size_t most_topics, std::int64_t now_ns) {
  std::unordered_map<std::string_view, TopicNode> nodes;
  for (const std::uint32_t index : busiest(table, most_topics)) {
    const SeenTopic& row = table[index];
    const bool is_node = !is_too_deep(row.topic);
    for_each_level(row.topic, [&](std::string_view prefix, std::size_t depth) {
      TopicNode& node = nodes[prefix];
      node.depth = depth;
      if (is_node) ++node.shown;
      if (prefix.size() == row.topic.size()) describe(node, row, now_ns);
      return true;
    });
  }
  // All of them, since a level's sums are of all below it. Most leave at the first level that is not shown.
  for (std::size_t index = 0; index < table.size(); ++index) {
    const SeenTopic& row = table[index];
    for_each_level(row.topic, [&](std::string_view prefix, std::size_t) {
      const auto found = nodes.find(prefix);
      if (found == nodes.end()) return false;
      TopicNode& node = found->second;
      ++node.topics;
      node.messages += row.messages;
      node.live += row.cadence.messages();
      node.bytes += row.bytes;
      node.last_ns = std::max(node.last_ns, row.last_ns);
      return true;
    });
  }
  std::vector<std::string_view> paths;
  for (const auto& entry : nodes) paths.push_back(entry.first);
  std::vector<std::uint32_t> order;
  sort_topics(paths, order);
  std::vector<TopicNode> tree;
  tree.reserve(order.size());
  for (const std::uint32_t place : order) {
    TopicNode& node = nodes[paths[place]];
    node.path = paths[place];
    tree.push_back(std::move(node));
  }
  return tree;
}

}  // namespace honeyframe
