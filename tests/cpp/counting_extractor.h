#pragma once

// CountingExtractor: an Extractor simple enough to reckon with, for the tests of what stands around one.
//
// Payloads: "7" one row with value 7; "7*3" three such rows; "7+" one row, with a second column `late` from then on; ""
// no row; "bad" quarantined; "conflict" quarantined, and an error, as with on_conflict="raise". Columns: `value` int64,
// `_topic`, `_recv_time`.

#include <charconv>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "columns_for_tests.h"
#include "extractor.h"
#include "message_queue.h"

namespace honeyframe::testing {

class CountingExtractor final : public Extractor {
 public:
  Result<std::size_t> extract(const MessageBlock& block, std::size_t begin, std::size_t end,
                              std::int64_t max_rows) override {
    for (; begin < end && open_rows() < max_rows; ++begin) {
      const StoredMessage& message = block[begin];
      const std::string_view payload = block.payload(message);
      ++counters_.payloads;
      if (payload == "bad" || payload == "conflict") {
        ++quarantined_;
        ++counters_.quarantined;
        if (payload == "conflict") return Status(ErrorCode::does_not_fit, "column 'value': found conflict");
        continue;
      }
      ++messages_;
      bytes_ += payload.size();
      read(payload, std::string(block.topic(message)), message.receive_time_ns);
    }
    return begin;
  }

  [[nodiscard]] std::int64_t open_rows() const override { return static_cast<std::int64_t>(values_.size()); }
  [[nodiscard]] std::uint64_t open_messages() const override { return messages_; }
  [[nodiscard]] std::uint64_t take_quarantined_count() override { return std::exchange(quarantined_, 0); }

  [[nodiscard]] RecordBatchPtr finish() override {
    std::vector<Column> columns{numbers<std::int64_t>(values_), strings(topics_), numbers<std::int64_t>(times_)};
    if (late_) columns.push_back(numbers<std::int64_t>(late_values_));
    const auto rows = open_rows();
    auto batch = std::make_shared<RecordBatch>(schema(), std::move(columns), rows, messages_);
    batch->set_payload_bytes(bytes_);
    values_.clear();
    topics_.clear();
    times_.clear();
    late_values_.clear();
    messages_ = 0;
    bytes_ = 0;
    return batch;
  }

  [[nodiscard]] SchemaPtr schema() const override {
    std::vector<Field> fields{{"value", kInt64}, {"_topic", kString}, {"_recv_time", kTimestamp}};
    if (late_) fields.push_back({"late", kInt64});
    return schema_of(std::move(fields));
  }
  [[nodiscard]] ExtractCounters counters() const override { return counters_; }
  [[nodiscard]] std::vector<QuarantineEntry> quarantine() const override { return {}; }
  [[nodiscard]] std::vector<ExtractEvent> take_events() override { return {}; }

 private:
  void read(std::string_view payload, const std::string& topic, std::int64_t time) {
    if (payload.empty()) return;
    std::int64_t value = 0;
    std::int64_t rows = 1;
    const char* const end = payload.data() + payload.size();
    const char* const rest = std::from_chars(payload.data(), end, value).ptr;
    if (rest != end && *rest == '*') std::from_chars(rest + 1, end, rows);
    const bool late = rest != end && *rest == '+';
    late_ = late_ || late;
    for (std::int64_t row = 0; row < rows; ++row) {
      values_.emplace_back(value);
      topics_.emplace_back(topic);
      times_.emplace_back(time);
      late_values_.push_back(late ? std::optional<std::int64_t>(value) : std::nullopt);
    }
    counters_.rows += static_cast<std::uint64_t>(rows);
  }

  std::vector<std::optional<std::int64_t>> values_;
  std::vector<std::optional<std::string>> topics_;
  std::vector<std::optional<std::int64_t>> times_;
  std::vector<std::optional<std::int64_t>> late_values_;
  bool late_ = false;
  std::uint64_t messages_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t quarantined_ = 0;
  ExtractCounters counters_;
};

// A message without frills.
inline PushResult push(MessageQueue& queue, std::string_view payload, std::int64_t receive_time_ns = 0,
                       std::string_view topic = "t") {
  MessageView message;
  message.topic = topic;
  message.payload = payload;
  message.receive_time_ns = receive_time_ns;
  return queue.push(message);
}

}  // namespace honeyframe::testing
