#include "row_json.h"

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "cell_json.h"
#include "utf8.h"

namespace honeyframe {
namespace {

std::vector<std::string_view> cut(std::string_view name, std::string_view separator, std::size_t max_keys) {
  std::vector<std::string_view> keys;
  if (separator.empty()) return {name};
  std::size_t begin = 0;
  for (std::size_t end; (end = name.find(separator, begin)) != std::string_view::npos; begin = end + separator.size()) {
    keys.push_back(name.substr(begin, end - begin));
    if (keys.size() == max_keys) return {name};
  }
  keys.push_back(name.substr(begin));
  return keys;
}

// Whether a part of `name` before a separator is a column as well: `a` beside `a.b`. It cannot be both value and
// object.
bool lies_below_a_value(std::string_view name, std::string_view separator,
                        const std::unordered_set<std::string_view>& names) {
  if (separator.empty()) return false;
  for (std::size_t end = name.find(separator); end != std::string_view::npos; end = name.find(separator, end + 1)) {
    if (names.contains(name.substr(0, end))) return true;
  }
  return false;
}

// A list without the NaN that JSON lacks: null in its place. False: it holds an infinity.
bool append_float_list(const Column& list, std::int64_t row, std::string& out) {
  const auto begin = value_at<std::int32_t>(list.offsets, row);
  const auto end = value_at<std::int32_t>(list.offsets, row + 1);
  out += '[';
  for (std::int64_t i = begin; i < end; ++i) {
    if (i > begin) out += ',';
    const double value = is_valid(*list.child, i) ? value_at<double>(list.child->data, i) : 0.0;
    if (std::isinf(value)) return false;
    if (std::isnan(value)) {
      out += "null";
    } else {
      append_cell_json(*list.child, {TypeId::float64, TypeId::null}, i, out);
    }
  }
  out += ']';
  return true;
}

}  // namespace

Result<RowJson> RowJson::plan(const Schema& schema, const std::vector<std::size_t>& columns,
                              const std::vector<std::string>& raw, const RowJsonOptions& options) {
  RowJson plan;
  plan.null_keys_ = options.null_keys;
  plan.nodes_.emplace_back().is_object = true;
  for (const auto& field : schema.fields) plan.names_.push_back(field.name);
  std::unordered_set<std::string_view> names;
  for (const auto column : columns) names.insert(schema.fields[column].name);
  for (const auto column : columns) {
    const auto& [name, type] = schema.fields[column];
    if (type.id == TypeId::binary || (type.id == TypeId::list && type.item == TypeId::binary)) {
      return Status(ErrorCode::invalid_argument,
                    "column " + in_quotes(name) + ": JSON has no form for " + type.to_string())
          .with_hint("leave it out with columns=, decode it to text, or send it as it is with payload_column=");
    }
    const bool is_raw = std::find(raw.begin(), raw.end(), name) != raw.end();
    const bool stays_flat = lies_below_a_value(name, options.separator, names);
    plan.add(stays_flat ? std::vector<std::string_view>{name} : cut(name, options.separator, kMaxDepth), column, type,
             is_raw);
  }
  return plan;
}

void RowJson::add(const std::vector<std::string_view>& keys, std::size_t column, DataType type, bool is_raw) {
  std::size_t at = 0;
  for (std::size_t depth = 0; depth < keys.size(); ++depth) {
    const bool is_value = depth + 1 == keys.size();
    std::string key;
    append_json_string(keys[depth], key);
    key += ':';
    const auto& siblings = nodes_[at].nodes;
    const auto found = std::find_if(siblings.begin(), siblings.end(), [&](std::size_t index) {
      return nodes_[index].is_object && nodes_[index].key == key;
    });
    if (!is_value && found != siblings.end()) {
      at = *found;
      continue;
    }
    Node node;
    node.key = std::move(key);
    node.is_object = !is_value;
    node.is_raw = is_raw;
    node.column = column;
    node.type = type;
    nodes_.push_back(std::move(node));
    nodes_[at].nodes.push_back(nodes_.size() - 1);
    at = nodes_.size() - 1;
  }
}

std::string RowJson::append(const RecordBatch& batch, std::int64_t row, std::string& out) const {
  Row writing{batch, row, out, {}};
  static_cast<void>(write_object(nodes_.front(), writing));
  return std::move(writing.fault);
}

bool RowJson::write_object(const Node& node, Row& row) const {
  bool any = false;
  row.out += '{';
  for (const auto index : node.nodes) {
    const Node& child = nodes_[index];
    const std::size_t begin = row.out.size();
    if (any) row.out += ',';
    row.out += child.key;
    if (child.is_object ? write_object(child, row) : write_value(child, row)) {
      any = true;
    } else {
      row.out.resize(begin);
    }
  }
  row.out += '}';
  return any;
}

bool RowJson::write_value(const Node& node, Row& row) const {
  const auto& column = row.batch.columns()[node.column];
  const bool is_float = node.type.id == TypeId::float64;
  bool is_null = node.type.id == TypeId::null || !is_valid(column, row.row);
  if (!is_null && is_float) {
    const auto value = value_at<double>(column.data, row.row);
    is_null = std::isnan(value);
    if (std::isinf(value)) {
      row.fault = "column " + in_quotes(names_[node.column]) + " holds an infinity, which JSON does not have";
    }
  }
  if (is_null) {
    if (null_keys_) row.out += "null";
    return null_keys_;
  }
  if (node.is_raw) {
    row.out += bytes_at(column, row.row);
  } else if (node.type.id == TypeId::list && node.type.item == TypeId::float64) {
    if (!append_float_list(column, row.row, row.out)) {
      row.fault = "column " + in_quotes(names_[node.column]) + " holds an infinity, which JSON does not have";
    }
  } else {
    append_cell_json(column, node.type, row.row, row.out);
  }
  return true;
}

}  // namespace honeyframe
