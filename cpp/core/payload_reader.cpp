#include "payload_reader.h"

#include <utility>

#include "json_text.h"

namespace honeyframe {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// The first that is no blank; 0 where there is none.
char first_character(std::string_view payload) noexcept {
  for (const char c : payload) {
    if (!JsonTokens::is_blank(c)) return c;
  }
  return '\0';
}

// Whether its path is one of values then. Not so null, nor the empty list: some devices write [] for an object without
// members.
bool decides(const Cell& cell) noexcept {
  return cell.kind != CellKind::null && (cell.kind != CellKind::list || cell.items.count != 0);
}

// May begin a JSON scalar.
bool begins_scalar(char c) noexcept {
  return c == '"' || c == '-' || c == 't' || c == 'f' || c == 'n' || (c >= '0' && c <= '9');
}

}  // namespace

bool PayloadReader::read(std::string_view payload, PayloadCells& cells) {
  cells.clear();
  cells.payload = payload.data();
  cells.payload_size = payload.size();
  cells_ = &cells;
  values_.begin(cells);
  frames_.clear();
  base_depth_ = 0;
  if (mode_ == PayloadMode::raw) {
    Cell cell;
    cell.kind = CellKind::bytes;
    cell.size = static_cast<std::uint32_t>(payload.size());
    begin_row();
    add_bare("value_raw", cell);
    end_row(0);
    return true;
  }
  const std::size_t offset = payload.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
  payload.remove_prefix(offset);
  if (mode_ == PayloadMode::text) return read_text(payload, offset);
  const char c = first_character(payload);
  cells.payload = payload.data();
  if (mode_ != PayloadMode::json && c != '{' && c != '[') return read_bare(payload, offset);
  if (read_json(payload, offset)) return true;
  tokens_.explain(strict_, max_depth_);
  return false;
}

bool PayloadReader::read_json(std::string_view payload, std::size_t offset) {
  if (!tokens_.load(payload, offset)) return false;
  if (tokens_.peek() == '[' && !holds_scalars_only()) {
    if (!read_rows()) return false;
  } else if (!read_element()) {
    return false;
  }
  return tokens_.at_end() || tokens_.fail_trailing();
}

// payload="auto", no object and no array: a JSON scalar, or else text.
bool PayloadReader::read_bare(std::string_view payload, std::size_t offset) {
  if (begins_scalar(first_character(payload))) {
    if (tokens_.load(payload, offset) && is_one_scalar() && read_element()) return true;
    cells_->clear();
    plan_.roll_back();
  }
  return read_text(payload, offset);
}

// Looked at before anything is read: "21.5 C" must not teach the plan that numbers come here.
bool PayloadReader::is_one_scalar() {
  const std::uint32_t begin = tokens_.position();
  tokens_.advance();
  const bool only = tokens_.at_end();
  tokens_.rewind(begin);
  return only;
}

bool PayloadReader::read_text(std::string_view payload, std::size_t offset) {
  if (const std::size_t bad = find_bad_utf8(payload); bad != std::string_view::npos) {
    error().reason = "invalid_utf8";
    error().message = "a byte sequence that is not UTF-8";
    error().position = static_cast<std::int64_t>(bad + offset);
    return false;
  }
  Cell cell;
  cell.kind = CellKind::text;
  cells_->payload = payload.data();
  cell.size = static_cast<std::uint32_t>(payload.size());
  begin_row();
  add_bare("value_text", cell);
  end_row(0);
  return true;
}

// From the opening bracket on: no object and no array until the closing one. What else is wrong shows when it is read.
bool PayloadReader::holds_scalars_only() {
  const std::uint32_t begin = tokens_.position();
  tokens_.advance();
  bool only = tokens_.peek() != ']';  // an empty array has no rows
  while (only && !tokens_.at_end() && tokens_.peek() != ']') {
    only = tokens_.peek() != '{' && tokens_.peek() != '[';
    tokens_.advance();
  }
  tokens_.rewind(begin);
  return only;
}

// An array of rows.
bool PayloadReader::read_rows() {
  tokens_.advance();
  if (tokens_.peek() == ']') {
    tokens_.advance();
    return true;
  }
  while (true) {
    base_depth_ = 1;
    frames_.clear();
    if (!read_element()) return false;
    if (tokens_.peek() == ']') break;
    if (tokens_.peek() != ',') return tokens_.fail_after_value(']');
    tokens_.advance();
  }
  tokens_.advance();
  return true;
}

// A whole payload, or an element of an array of rows: one row by its kind (or more, exploded).
bool PayloadReader::read_element() {
  if (tokens_.peek() == '{') return read_object_row();
  const std::size_t begin = cells_->cells.size();
  begin_row();
  Cell cell;
  if (!values_.read(cell, depth_left())) return false;
  switch (cell.kind) {
    case CellKind::boolean:
      add_bare("value_bool", cell);
      break;
    case CellKind::int64:
    case CellKind::uint64:
    case CellKind::float64:
    case CellKind::big_integer:
    case CellKind::out_of_range:
      add_bare("value", cell);
      break;
    case CellKind::string:
      add_bare("value_text", cell);
      break;
    case CellKind::list:
    case CellKind::json:
      add_bare("value_list", cell);
      break;
    case CellKind::null:
    case CellKind::text:
    case CellKind::bytes:
    case CellKind::superseded:
    case CellKind::extra:
    case CellKind::dropped:
      break;
  }
  end_row(begin);
  return true;
}

void PayloadReader::add_bare(const char* name, Cell cell) {
  cell.node = plan_.child(kRootNode, name);
  if (cell.node == kNoNode || !plan_[cell.node].is_read()) return;
  if (plan_.grows() && decides(cell) && plan_[cell.node].shape == NodeShape::undecided) {
    plan_.decide(cell.node, NodeShape::value, tokens_.position());
  }
  cells_->cells.add() = cell;
}

bool PayloadReader::read_object_row() {
  const std::size_t begin = cells_->cells.size();
  explode_token_ = 0;
  begin_row();
  if (!read_object(kRootNode, base_depth_)) return false;
  if (explode_token_ != 0) return read_exploded({begin, cells_->cells.size()});
  end_row(begin);
  return true;
}

// The array was stepped over while the object around it was read: now its elements, a row each.
bool PayloadReader::read_exploded(CellRange shared) {
  const std::uint32_t resume = tokens_.position();
  tokens_.rewind(explode_token_);
  tokens_.advance();
  if (tokens_.peek() == ']') cells_->rows.push_back({shared, {shared.end, shared.end}});
  while (tokens_.peek() != ']') {
    const std::size_t begin = cells_->cells.size();
    begin_row();
    if (tokens_.peek() == '{') {
      if (!read_object(explode_node_, explode_depth_)) return false;
    } else {
      frames_.clear();
      base_depth_ = explode_depth_;
      if (!read_value(explode_node_)) return false;
    }
    cells_->rows.push_back({shared, {begin, cells_->cells.size()}});
    if (tokens_.peek() == ']') break;
    if (tokens_.peek() != ',') return tokens_.fail_after_value(']');
    tokens_.advance();
    if (tokens_.peek() == ']') return tokens_.fail_value();
  }
  tokens_.rewind(resume);
  return true;
}

bool PayloadReader::read_object(NodeId node, std::size_t depth) {
  frames_.clear();
  base_depth_ = depth;
  if (!push(node)) return false;
  while (!frames_.empty()) {
    const std::size_t open = frames_.size();
    if (!read_member()) return false;
    if (frames_.size() > open) continue;
    while (!frames_.empty() && tokens_.peek() == frames_.back().closing) {
      tokens_.advance();
      frames_.pop_back();
    }
    if (frames_.empty()) break;
    if (tokens_.peek() != ',') return tokens_.fail_after_value(frames_.back().closing);
    tokens_.advance();
  }
  base_depth_ = depth;
  return true;
}

// Enters the container that begins here, or steps over it where it is empty.
bool PayloadReader::push(NodeId node) {
  if (depth_left() == 0) return tokens_.fail_too_deep(max_depth_);
  const char closing = tokens_.peek() == '{' ? '}' : ']';
  const std::uint32_t open_token = tokens_.position();
  tokens_.advance();
  if (tokens_.peek() == closing) {
    tokens_.advance();
  } else {
    frames_.push_back({node, kNoNode, open_token, 0, closing});
  }
  return true;
}

bool PayloadReader::read_member() {
  Frame& frame = frames_.back();
  NodeId child = kNoNode;
  std::string_view key;
  if (frame.closing == ']') {
    child = plan_.find(frame.node, std::to_string(frame.index++));
  } else {
    if (!read_key(child, key)) return false;
    if (child != kNoNode) {
      PlanNode& node = plan_[child];
      if (node.row == row_ && node.token > frame.open_token) supersede(child);
      node.row = row_;
      node.token = tokens_.position();
      node.cell = static_cast<std::uint32_t>(cells_->cells.size());
    }
  }
  if (child == kNoNode) return read_unknown(key);
  // Most often: a scalar where scalars have been.
  if (plan_[child].reads_scalars && tokens_.peek() != '{' && tokens_.peek() != '[') {
    Cell& cell = cells_->cells.add();
    cell.node = child;
    return values_.read_scalar(cell);
  }
  return read_known(child);
}

bool PayloadReader::read_key(NodeId& child, std::string_view& key) {
  if (tokens_.peek() != '"') return tokens_.fail_key();
  Frame& frame = frames_.back();
  const NodeId expected =
      frame.previous == kNoNode ? plan_[frame.node].expected_first : plan_[frame.previous].expected_next;
  // The key that came here last time, most often. The closing quote belongs to the comparison, and the key holds none.
  if (expected != kNoNode && plan_[expected].plain_key && tokens_.begins_with_string(plan_[expected].key)) {
    tokens_.advance();
    child = expected;
  } else {
    bool escaped = false;
    if (!tokens_.read_string(key, escaped)) return false;
    if (escaped) {
      key_.resize(key.size());
      key_.resize(unescape(key, key_.data()));
      key = key_;
    }
    child = plan_.child(frame.node, key);
    if (child != kNoNode) {
      NodeId& hint = frame.previous == kNoNode ? plan_[frame.node].expected_first : plan_[frame.previous].expected_next;
      hint = child;
    }
  }
  if (child != kNoNode) frame.previous = child;
  if (tokens_.peek() != ':') return tokens_.fail_after_key();
  tokens_.advance();
  return true;
}

bool PayloadReader::descends(NodeId child) {
  const PlanNode& node = plan_[child];
  if (tokens_.peek() == '[') return node.has_elements;
  if (tokens_.peek() != '{' || !node.descend) return false;
  if (!plan_.grows() || node.explode) return true;
  if (node.shape == NodeShape::undecided) plan_.decide(child, NodeShape::object, tokens_.position());
  return node.shape == NodeShape::object;
}

bool PayloadReader::read_known(NodeId child) {
  const bool wanted = plan_[child].is_read();
  if (plan_[child].explode) {
    explode_token_ = 0;
    if (tokens_.peek() == '[') return remember_explode(child);
  }
  if (descends(child)) {
    // Flattened; and also kept whole where a schema, or a list, asks for both.
    if (wanted && (!plan_.grows() || tokens_.peek() == '[')) {
      const std::uint32_t begin = tokens_.position();
      if (!read_value(child)) return false;
      tokens_.rewind(begin);
    }
    return push(child);
  }
  if (wanted) return read_value(child);
  std::string_view ignored;
  return tokens_.skip_value(strict_, depth_left(), ignored);
}

bool PayloadReader::read_unknown(std::string_view key) {
  std::string_view text;
  if (!tokens_.skip_value(strict_, depth_left(), text)) return false;
  const NodeId parent = frames_.back().node;
  if (frames_.back().closing == '}' && plan_.wants_unknown(parent, key)) {
    Cell cell;
    cell.node = parent;
    cell.kind = CellKind::extra;
    cell.begin = static_cast<std::uint32_t>(text.data() - cells_->payload);
    cell.size = static_cast<std::uint32_t>(text.size());
    cells_->keys.push_back(std::string(key));
    cell.key = static_cast<std::uint32_t>(cells_->keys.size() - 1);
    cells_->cells.add() = cell;
  }
  return true;
}

bool PayloadReader::remember_explode(NodeId child) {
  explode_node_ = child;
  explode_token_ = tokens_.position();
  explode_depth_ = base_depth_ + frames_.size() + 1;
  std::string_view ignored;
  return tokens_.skip_value(strict_, depth_left(), ignored);  // checked here: a later one may take its place
}

// The member comes again in the same object. The last one counts, as if it were alone; what the earlier one gave and
// decided is taken back, and its text kept.
void PayloadReader::supersede(NodeId child) {
  const PlanNode& node = plan_[child];
  if (!node.is_read() && !node.descend) return;
  const std::uint32_t resume = tokens_.position();
  tokens_.rewind(node.token);
  std::string_view text;
  (void)tokens_.skip_value(false, max_depth_, text);  // read before: it is well-formed
  const std::uint32_t behind = tokens_.position();
  plan_.undecide(node.token, behind);
  tokens_.rewind(resume);
  Cell cell;
  cell.node = child;
  cell.kind = CellKind::superseded;
  cell.begin = static_cast<std::uint32_t>(text.data() - cells_->payload);
  cell.size = static_cast<std::uint32_t>(text.size());
  const std::uint32_t end = cell.begin + cell.size;
  for (std::size_t i = node.cell; i < cells_->cells.size() && cells_->cells[i].begin < end; ++i) {
    if (cells_->cells[i].begin >= cell.begin) cells_->cells[i].kind = CellKind::dropped;
  }
  if (explode_token_ > node.token && explode_token_ < behind) explode_token_ = 0;  // within the earlier one
  if (node.wanted || node.descend) cells_->cells.add() = cell;
}

bool PayloadReader::read_value(NodeId node) {
  const std::uint32_t begin = tokens_.position();
  Cell& cell = cells_->cells.add();
  if (!values_.read(cell, depth_left())) return false;
  cell.node = node;
  if (plan_.grows() && decides(cell)) {
    const PlanNode& here = plan_[node];
    if (here.shape == NodeShape::undecided && !here.explode) plan_.decide(node, NodeShape::value, begin);
  }
  return true;
}

}  // namespace honeyframe
