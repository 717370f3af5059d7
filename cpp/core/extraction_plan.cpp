#include "extraction_plan.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "utf8.h"

namespace honeyframe {
namespace {

bool is_plain(std::string_view key) noexcept {
  return std::none_of(key.begin(), key.end(),
                      [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; });
}

// A NUL in a name, as JSON spells it.
constexpr std::string_view kSpelledNul = "\\u0000";

std::size_t name_bytes(std::string_view key) noexcept {
  return key.size() + (kSpelledNul.size() - 1) * static_cast<std::size_t>(std::count(key.begin(), key.end(), '\0'));
}

std::string without_nul(std::string name) {
  for (std::size_t at = name.find('\0'); at != std::string::npos; at = name.find('\0', at)) {
    name.replace(at, 1, kSpelledNul);
  }
  return name;
}

bool is_array_index(std::string_view key) noexcept {
  return !key.empty() && key.size() < 10 && (key[0] != '0' || key.size() == 1) &&
         std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Status bad_path(std::string_view path, std::string_view what) {
  return Status(ErrorCode::invalid_schema, "path " + in_quotes(path) + ": " + std::string(what));
}

// RFC 6901: "~1" is '/', "~0" is '~'.
Result<std::vector<std::string>> split_pointer(std::string_view path) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '/') {
      keys.emplace_back();
    } else if (path[i] != '~') {
      keys.back() += path[i];
    } else if (i + 1 < path.size() && (path[i + 1] == '0' || path[i + 1] == '1')) {
      keys.back() += path[++i] == '0' ? '~' : '/';
    } else {
      return bad_path(path, "in a JSON Pointer '~' is written ~0 and '/' within a key ~1");
    }
  }
  return keys;
}

}  // namespace

ExtractionPlan::ExtractionPlan(std::string separator, std::vector<std::string> columns, bool grows,
                               std::size_t max_nodes)
    : separator_(std::move(separator)), columns_(std::move(columns)), grows_(grows), max_nodes_(max_nodes) {
  nodes_.emplace_back();
  nodes_[kRootNode].descend = true;
  buckets_.assign(64, kNoNode);
  kept_nodes_ = 1;
}

Result<std::vector<std::string>> ExtractionPlan::split_path(std::string_view path, std::string_view separator) {
  if (path.starts_with('/')) return split_pointer(path);
  std::vector<std::string> keys;
  for (std::size_t begin = 0;;) {
    const std::size_t end = std::min(path.find(separator, begin), path.size());
    keys.emplace_back(path.substr(begin, end - begin));
    if (keys.back().empty()) {
      return bad_path(path, "a key is empty; an empty key is written as a JSON Pointer, \"/\"");
    }
    if (end == path.size()) return keys;
    begin = end + separator.size();
  }
}

Result<std::vector<NodeId>> ExtractionPlan::require(std::string_view path) {
  Result<std::vector<std::string>> keys = split_path(path, separator_);
  if (!keys.ok()) return keys.status();
  const auto make = [this](NodeId parent, std::string_view key) {
    const NodeId found = find(parent, key);
    return found == kNoNode ? add(parent, key) : found;
  };
  std::vector<NodeId> ends{kRootNode};
  for (const std::string& key : keys.value()) {
    nodes_[ends[0]].descend = true;
    if (path.starts_with('/') && is_array_index(key)) nodes_[ends[0]].has_elements = true;
    ends[0] = make(ends[0], key);
  }
  if (!path.starts_with('/') && keys.value().size() > 1) ends.push_back(make(kRootNode, path));
  kept_nodes_ = nodes_.size();
  return ends;
}

std::size_t ExtractionPlan::bucket(NodeId parent, std::string_view key) const noexcept {
  const std::size_t hash = std::hash<std::string_view>{}(key) ^ (std::size_t{parent} * 0x9E37'79B9U);
  return hash & (buckets_.size() - 1);
}

NodeId ExtractionPlan::find(NodeId parent, std::string_view key) const noexcept {
  NodeId id = buckets_[bucket(parent, key)];
  while (id != kNoNode && (nodes_[id].parent != parent || nodes_[id].key != key)) id = nodes_[id].next_in_bucket;
  return id;
}

void ExtractionPlan::rehash() {
  buckets_ = std::vector<NodeId>(buckets_.size() * 2, kNoNode);
  for (NodeId id = 1; id < nodes_.size(); ++id) {  // in order of age: each chain stays newest first
    NodeId& head = buckets_[bucket(nodes_[id].parent, nodes_[id].key)];
    nodes_[id].next_in_bucket = std::exchange(head, id);
  }
}

NodeId ExtractionPlan::add(NodeId parent, std::string_view key) {
  const auto id = static_cast<NodeId>(nodes_.size());
  PlanNode& node = nodes_.emplace_back();
  node.key = key;
  node.parent = parent;
  node.plain_key = is_plain(key);
  node.path_bytes = static_cast<std::uint32_t>(nodes_[parent].path_bytes + name_bytes(key) + separator_.size());
  if (nodes_.size() > buckets_.size()) {
    rehash();
  } else {
    NodeId& head = buckets_[bucket(parent, key)];
    node.next_in_bucket = std::exchange(head, id);
  }
  if (grows_) apply_filter(id);
  return id;
}

// What `columns=[...]` says about a new node: it is one of them, lies within one, or leads to one.
void ExtractionPlan::apply_filter(NodeId id) {
  PlanNode& node = nodes_[id];
  node.wanted = columns_.empty();
  node.descend = columns_.empty();
  if (columns_.empty()) return;
  const std::string name = dotted(id);
  const std::string as_pointer = pointer(id);
  for (const std::string& column : columns_) {
    const bool is_pointer = column.starts_with('/');
    const std::string& path = is_pointer ? as_pointer : name;
    const std::string_view step = is_pointer ? std::string_view("/") : std::string_view(separator_);
    const auto leads_to = [step](std::string_view outer, std::string_view inner) {
      return inner.size() > outer.size() && inner.starts_with(outer) && inner.substr(outer.size()).starts_with(step);
    };
    if (path == column || name == column || leads_to(column, path)) node.wanted = true;
    if (leads_to(path, column)) node.descend = true;
  }
  node.descend = node.descend || node.wanted;
}

NodeId ExtractionPlan::child(NodeId parent, std::string_view key) {
  const NodeId found = find(parent, key);
  if (found != kNoNode || !grows_ || nodes_.size() >= max_nodes_) return found;
  if (nodes_[parent].path_bytes + name_bytes(key) > kMaxPathBytes) return kNoNode;
  return add(parent, key);
}

bool ExtractionPlan::wants_unknown(NodeId parent, std::string_view key) const {
  if (!grows_) return false;
  if (columns_.empty() || nodes_[parent].wanted) return true;
  const std::string name = dotted(parent, key);
  return std::any_of(columns_.begin(), columns_.end(), [&](const std::string& column) {
    return name == column || (name.starts_with(column) && name.substr(column.size()).starts_with(separator_));
  });
}

std::vector<NodeId> ExtractionPlan::path_of(NodeId id) const {
  std::vector<NodeId> path;
  for (; id != kRootNode; id = nodes_[id].parent) path.push_back(id);
  std::reverse(path.begin(), path.end());
  return path;
}

std::string ExtractionPlan::dotted(NodeId id) const {
  return without_nul(exact_path(id));
}

std::string ExtractionPlan::dotted(NodeId parent, std::string_view key) const {
  return without_nul(exact_path(parent, key));
}

std::string ExtractionPlan::exact_path(NodeId id) const {
  std::string name = joined_path(id);
  return name.empty() ? "/" : name;
}

std::string ExtractionPlan::joined_path(NodeId id) const {
  std::string name;
  for (const NodeId step : path_of(id)) {
    if (nodes_[step].parent != kRootNode) name += separator_;
    name += nodes_[step].key;
  }
  return name;
}

std::string ExtractionPlan::exact_path(NodeId parent, std::string_view key) const {
  if (parent == kRootNode) return key.empty() ? "/" : std::string(key);
  std::string name = joined_path(parent);
  name += separator_;
  return name += key;
}

std::string ExtractionPlan::pointer(NodeId id) const {
  std::string text;
  for (const NodeId step : path_of(id)) {
    text += '/';
    for (const char c : nodes_[step].key) {
      if (c == '~' || c == '/') {
        text += c == '~' ? "~0" : "~1";
      } else {
        text += c;
      }
    }
  }
  return without_nul(std::move(text));
}

void ExtractionPlan::decide(NodeId id, NodeShape shape, std::uint32_t token) {
  decided_.push_back({row_, token, id});
  nodes_[id].shape = shape;
  nodes_[id].reads_scalars = shape == NodeShape::value && nodes_[id].wanted;
}

void ExtractionPlan::undecide(std::uint32_t begin, std::uint32_t end) noexcept {
  const auto is_before = [this](const Decision& decision, std::uint32_t token) {
    return decision.row != row_ || decision.token < token;
  };
  auto decision = std::lower_bound(decided_.begin(), decided_.end(), begin, is_before);
  for (; decision != decided_.end() && decision->token < end; ++decision) {
    if (decision->node != kNoNode) reopen(std::exchange(decision->node, kNoNode));
  }
}

void ExtractionPlan::reopen(NodeId id) noexcept {
  nodes_[id].shape = NodeShape::undecided;
  nodes_[id].reads_scalars = false;
}

void ExtractionPlan::begin_payload() noexcept {
  kept_nodes_ = nodes_.size();
  decided_.clear();
}

void ExtractionPlan::roll_back() {
  for (const Decision& decision : decided_) {
    if (decision.node != kNoNode) reopen(decision.node);
  }
  decided_.clear();
  if (nodes_.size() == kept_nodes_) return;
  while (nodes_.size() > kept_nodes_) {
    // The newest is at the head of its chain.
    const PlanNode& last = nodes_.back();
    NodeId& head = buckets_[bucket(last.parent, last.key)];
    if (head == nodes_.size() - 1) head = last.next_in_bucket;  // else memory ran out before it was there
    nodes_.pop_back();
  }
  for (PlanNode& node : nodes_) {
    if (node.expected_first >= nodes_.size()) node.expected_first = kNoNode;
    if (node.expected_next >= nodes_.size()) node.expected_next = kNoNode;
  }
}

}  // namespace honeyframe
