#pragma once

// What the extractor's tests share: payloads in, a batch out, and its columns as JSON texts, one a row ("null" for
// null).

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cell_json.h"
#include "extractor.h"
#include "message_block.h"

namespace honeyframe::testing {

using Texts = std::vector<std::string>;

inline ExtractOptions without_metadata() {
  ExtractOptions options;
  options.metadata.topic = options.metadata.receive_time = options.metadata.retain = false;
  options.na_values = {"", "N/A", "NA", "NaN", "nan", "null", "None", "unavailable", "unknown"};
  return options;
}

// An Extractor, fed with payloads.
class Feed {
 public:
  explicit Feed(ExtractOptions options = without_metadata()) {
    auto created = Extractor::create(std::move(options));
    if (!created.ok()) throw std::runtime_error(created.status().message());
    extractor_ = std::move(created).value();
  }

  Feed& add(std::string_view payload, std::string_view topic = "t") {
    MessageView message;
    message.topic = topic;
    message.payload = payload;
    message.receive_time_ns = 1'700'000'000'000'000'000 + count_++;
    return add(message);
  }
  Feed& add(const MessageView& message) {
    // A block of its own for each: the last byte of the payload is near the end of an allocation.
    MessageBlock block(message.payload.size() + kPayloadPadding, topics_, 1);
    EXPECT_TRUE(block.append(message, topics_->intern(message.topic), true));
    const auto read = extractor_->extract(block, 0, 1, 1'000'000'000);
    status_ = read.status();
    if (read.ok()) {
      EXPECT_EQ(read.value(), 1U);
    }
    return *this;
  }
  Feed& add_all(const Texts& payloads) {
    for (const std::string& payload : payloads) add(payload);
    return *this;
  }
  RecordBatchPtr finish() { return batch_ = extractor_->finish(); }

  // Of the last batch; the first call finishes it.
  const RecordBatch& batch() { return batch_ ? *batch_ : *finish(); }
  Texts names() {
    Texts names;
    for (const Field& field : batch().schema()->fields) names.push_back(field.name);
    return names;
  }
  std::string type(std::string_view name) {
    const int index = batch().schema()->index_of(name);
    return index < 0 ? "no such column" : batch().schema()->fields[static_cast<std::size_t>(index)].type.to_string();
  }
  Texts column(std::string_view name) {
    const int index = batch().schema()->index_of(name);
    if (index < 0) return {"no such column"};
    const Column& column = batch().columns()[static_cast<std::size_t>(index)];
    const DataType type = batch().schema()->fields[static_cast<std::size_t>(index)].type;
    Texts cells;
    for (std::int64_t row = 0; row < column.length; ++row) {
      if (type.id == TypeId::null || !is_valid(column, row)) {
        cells.emplace_back("null");
      } else {
        append_cell_json(column, type, row, cells.emplace_back());
      }
    }
    return cells;
  }
  // The reason of the only payload that is in quarantine.
  std::string reason() {
    const auto entries = extractor_->quarantine();
    return entries.size() == 1 ? entries[0].reason : std::to_string(entries.size()) + " in quarantine";
  }
  std::vector<QuarantineEntry> quarantine() { return extractor_->quarantine(); }
  ExtractCounters counters() { return extractor_->counters(); }
  Texts events() {
    Texts texts;
    for (const ExtractEvent& event : extractor_->take_events()) texts.push_back(event.kind + " " + event.column);
    return texts;
  }
  Status status() const { return status_; }
  Extractor& extractor() { return *extractor_; }

 private:
  std::shared_ptr<TopicDictionary> topics_ = std::make_shared<TopicDictionary>();
  std::unique_ptr<Extractor> extractor_;
  RecordBatchPtr batch_;
  Status status_;
  std::int64_t count_ = 0;
};

}  // namespace honeyframe::testing
