#pragma once

// RowMessages: the rows of one schema as MQTT messages, topic and payload. Planned once a schema, then run for each row
// on the control thread. Immutable.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "record_batch.h"
#include "row_json.h"
#include "row_topic.h"
#include "status.h"

namespace honeyframe {

struct RowOptions {
  std::string topic = {};         // a name or a template; empty where topic_column is given
  std::string topic_column = {};  // the column that holds whole topics
  // Which columns are the payload, by name, or by the name of what they lie under (`location`). Where it is not given:
  // all but those that the topic takes and those that reading adds (`_topic`, `_recv_time`, ...).
  std::optional<std::vector<std::string>> columns = std::nullopt;
  RowJsonOptions json = {};
};

// What is about one batch only.
struct RowForm {
  std::string payload_column = {};         // its text or bytes are the payload as they are; empty: JSON of the columns
  std::vector<std::string> raw_json = {};  // string columns whose text is JSON already
};

class RowMessages {
 public:
  // Errors: invalid_topic, invalid_topic_template, invalid_argument.
  [[nodiscard]] static Result<RowTopic> topic_of(const RowOptions& options);
  // Errors: invalid_argument: a column that is not there, or that has no such form.
  static Result<std::shared_ptr<const RowMessages>> plan(RowTopic topic, const Schema& schema,
                                                         const RowOptions& options, const RowForm& form);

  // Into texts that are empty. Where the row is no message: the reason, else an empty text.
  [[nodiscard]] std::string write(const RecordBatch& batch, std::int64_t row, std::string& topic,
                                  std::string& payload) const;

 private:
  explicit RowMessages(RowTopic topic) : topic_(std::move(topic)) {}

  RowTopic topic_;
  std::vector<std::size_t> topic_columns_;
  std::optional<std::size_t> payload_column_;
  RowJson json_;
};

}  // namespace honeyframe
