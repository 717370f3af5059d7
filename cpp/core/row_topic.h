#pragma once

// RowTopic: where a row goes: to one topic, to a template whose levels the row's columns fill, or to the topic that
// stands in a column. Immutable; any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "record_batch.h"
#include "status.h"

namespace honeyframe {

class RowTopic {
 public:
  // A topic name, or a template such as "plant/{line}/set". Errors: invalid_topic, invalid_topic_template.
  static Result<RowTopic> parse(std::string_view text);
  static RowTopic from_column(std::string name);

  // Topic or template as it was given; of a column, its name in braces.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // The columns that it takes, in order.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }

  // Where in `schema` the names are. Errors: invalid_argument: there is none, or it is a list or binary.
  [[nodiscard]] Result<std::vector<std::size_t>> find_columns(const Schema& schema) const;
  // Appends the topic of a row to `topic`; `columns` is what find_columns() gave for its schema. Where the row has no
  // valid topic: the reason, else an empty text.
  [[nodiscard]] std::string append(const RecordBatch& batch, const std::vector<std::size_t>& columns, std::int64_t row,
                                   std::string& topic) const;

 private:
  enum class Kind : std::uint8_t { literal, level, rest, whole };
  struct Part {
    Kind kind;
    std::string text;  // of a literal, its slashes included
    std::size_t name;  // of all others: the index in names_
  };
  [[nodiscard]] std::string append_value(const Part& part, std::string_view value, std::string& topic) const;

  std::string text_;
  std::vector<std::string> names_;
  std::vector<Part> parts_;
};

}  // namespace honeyframe
