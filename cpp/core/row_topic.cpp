#include "row_topic.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "cell_json.h"
#include "exact_number.h"
#include "topic_filter.h"
#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::string_view kRestSuffix = "...";

// What makes a value no level of a topic; `rest` may be several levels.
std::string level_fault(std::string_view value, bool is_rest) {
  if (value.empty()) return "is empty";
  if (!is_rest && value.find('/') != std::string_view::npos) return "contains '/': " + in_quotes(value);
  if (value.find_first_of("+#") != std::string_view::npos) return "contains a wildcard: " + in_quotes(value);
  if (value.find('\0') != std::string_view::npos) return "contains a NUL character: " + in_quotes(value);
  return {};
}

// A missing value turns pandas' integers into floats: what is whole is written as an integer.
bool append_float(double value, std::string& text) {
  if (!std::isfinite(value)) return false;
  std::array<char, 32> digits;
  const auto whole = exactly<std::int64_t>(value);
  const auto end = whole ? std::to_chars(digits.data(), digits.data() + digits.size(), *whole).ptr
                         : std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  text.append(digits.data(), end);
  return true;
}

}  // namespace

Result<RowTopic> RowTopic::parse(std::string_view text) {
  RowTopic result;
  result.text_ = text;
  if (text.find_first_of("{}") == std::string_view::npos) {
    if (auto status = validate_sent_topic(text); !status.ok()) return status;
    result.parts_.push_back({Kind::literal, std::string(text), 0});
    return result;
  }
  auto parsed = TopicTemplate::parse(text);
  if (!parsed.ok()) return parsed.status();
  std::string literal;
  const auto flush = [&] {
    if (!literal.empty()) result.parts_.push_back({Kind::literal, std::exchange(literal, {}), 0});
  };
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    const std::string_view level = text.substr(begin, end - begin);
    if (begin > 0) literal += '/';
    if (level.starts_with('{')) {
      flush();
      const bool is_rest = level.substr(0, level.size() - 1).ends_with(kRestSuffix);
      result.parts_.push_back({is_rest ? Kind::rest : Kind::level, {}, result.names_.size()});
      result.names_.push_back(parsed.value().names()[result.names_.size()]);
    } else if (level.find_first_of("+#") != std::string_view::npos) {
      return Status(ErrorCode::invalid_topic_template, "the topic template " + in_quotes(text) + " has the wildcard " +
                                                           in_quotes(level) + "; a message goes to one topic")
          .with_hint("name the level, such as {line}: the column of that name fills it");
    } else {
      literal += level;
    }
    begin = end + 1;
  }
  flush();
  return result;
}

RowTopic RowTopic::from_column(std::string name) {
  RowTopic result;
  result.text_ = "{" + name + "}";
  result.names_.push_back(std::move(name));
  result.parts_.push_back({Kind::whole, {}, 0});
  return result;
}

Result<std::vector<std::size_t>> RowTopic::find_columns(const Schema& schema) const {
  std::vector<std::size_t> columns;
  for (const auto& name : names_) {
    const int index = schema.index_of(name);
    if (index < 0) {
      return Status(ErrorCode::invalid_argument,
                    "there is no column " + in_quotes(name) + " for the topic " + in_quotes(text_))
          .with_hint("name a column of the rows, or rename one");
    }
    const auto column = static_cast<std::size_t>(index);
    const DataType type = schema.fields[column].type;
    if (type.id == TypeId::binary || type.id == TypeId::list) {
      return Status(ErrorCode::invalid_argument, "column " + in_quotes(name) + ": " + type.to_string() +
                                                     " cannot stand in the topic " + in_quotes(text_));
    }
    columns.push_back(column);
  }
  return columns;
}

std::string RowTopic::append(const RecordBatch& batch, const std::vector<std::size_t>& columns, std::int64_t row,
                             std::string& topic) const {
  const std::size_t begin = topic.size();
  for (const auto& part : parts_) {
    if (part.kind == Kind::literal) {
      topic += part.text;
      continue;
    }
    const std::size_t index = columns[part.name];
    const auto& column = batch.columns()[index];
    const DataType type = batch.schema()->fields[index].type;
    if (!is_valid(column, row)) return "column " + in_quotes(names_[part.name]) + ", which the topic needs, is null";
    std::string text;
    std::string_view value;
    if (type.id == TypeId::string) {
      value = bytes_at(column, row);
    } else if (type.id == TypeId::float64) {
      if (!append_float(value_at<double>(column.data, row), text)) {
        return "column " + in_quotes(names_[part.name]) + ", which the topic needs, is no finite number";
      }
      value = text;
    } else {
      append_cell_text(column, type, row, text);
      value = text;
    }
    if (auto why = append_value(part, value, topic); !why.empty()) return why;
  }
  return validate_sent_topic(std::string_view(topic).substr(begin)).message();
}

std::string RowTopic::append_value(const Part& part, std::string_view value, std::string& topic) const {
  if (part.kind == Kind::rest && value.empty()) {  // no level at all, as `#` matches the level above
    if (topic.ends_with('/')) topic.pop_back();
    return {};
  }
  if (part.kind != Kind::whole) {
    if (auto fault = level_fault(value, part.kind == Kind::rest); !fault.empty()) {
      return "column " + in_quotes(names_[part.name]) + ", a level of the topic, " + fault;
    }
  }
  topic += value;
  return {};
}

}  // namespace honeyframe
