#pragma once

// A TopicTable as a tree of levels, of a size that a screen can show: the topics with the most messages, and the levels
// above them with the sums of all that lies below, shown or not. Pure functions.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "topic_table.h"

namespace honeyframe {

struct TopicNode {
  std::string path;            // "plant/1" of plant/1/telemetry
  std::size_t depth = 0;       // the number of slashes in it
  bool is_topic = false;       // messages came to exactly this topic; there may be others below it
  std::uint64_t topics = 0;    // here and below, shown or not
  std::uint64_t shown = 0;     // of those, nodes of this tree
  std::uint64_t messages = 0;  // here and below
  std::uint64_t live = 0;      // of those, not retained
  std::uint64_t bytes = 0;
  std::int64_t last_ns = 0;
  // Of the topic itself:
  bool retained = false;
  bool silent = false;
  std::uint32_t payload_size = 0;
  std::string last_payload;  // as text
};

// At most `most_topics` topics and the levels above them, in the order of a tree: what lies below a node comes behind
// it, level by level. Topics of more than 24 levels are no nodes; they count to those above them, down to the 24th.
[[nodiscard]] std::vector<TopicNode> topic_tree(const TopicTable& table, std::size_t most_topics, std::int64_t now_ns);

}  // namespace honeyframe
