#pragma once

// MetadataWriter: the columns a row has from its message: topic, times, flags, the levels of the topic, MQTT 5
// properties. They are the first of every batch. Used by RecordBatchBuilder, on its thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "extract_options.h"
#include "fitted_column.h"
#include "message.h"
#include "record_batch.h"

namespace honeyframe {

// What a row has from its message. Views live as long as the call.
struct RowSource {
  std::string_view topic;
  std::int64_t receive_time_ns = 0;
  std::uint64_t payload_index = 0;
  std::uint64_t spool_sequence = 0;  // 0: it comes from no spool
  std::uint8_t qos = 0;
  bool retain = false;
  bool dup = false;
  const MessageProperties* properties = nullptr;
  const std::vector<std::string_view>* levels = nullptr;  // null: the topic does not match the template
};

class MetadataWriter {
 public:
  explicit MetadataWriter(const ExtractOptions& options);

  [[nodiscard]] const std::vector<Field>& fields() const noexcept { return fields_; }
  // Which of them is `_event_time`, whose values are the payload's; -1: none.
  [[nodiscard]] std::int32_t event_time_column() const noexcept { return event_time_column_; }
  // Before the rows of a payload: reads its message's properties, as far as they are wanted. Answers how many texts of
  // theirs are not UTF-8: MQTT forbids it, but not every broker looks. Of a user property it is made valid with U+FFFD;
  // the others become null.
  [[nodiscard]] std::uint64_t begin(const RowSource& source);
  // A row of begin()'s source, into the first columns, which are fields()'.
  void append(const RowSource& source, std::int64_t row, std::vector<FittedColumn>& columns) const;
  // The text that append() writes is no longer.
  [[nodiscard]] static std::size_t text_bytes(const RowSource& source) noexcept;

 private:
  MetadataColumns wanted_;
  std::size_t levels_ = 0;
  std::int32_t event_time_column_ = -1;
  std::vector<Field> fields_;
  // The payload's, from begin() on:
  std::string user_properties_;  // JSON
  std::string_view content_type_;
  std::string_view response_topic_;
};

}  // namespace honeyframe
