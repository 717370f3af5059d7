#include "topic_batches.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "column_builder.h"
#include "json_text.h"
#include "topic_order.h"
#include "utf8.h"

namespace honeyframe {
namespace {

enum Place : std::size_t {
  kTopic,
  kMessages,
  kLive,
  kBytes,
  kLastPayload,
  kLastSize,
  kRetained,
  kQos,
  kMaxQos,
  kFirstSeen,
  kLastSeen,
  kJson,
  kCadence,
  kLongestGap,
  kSilent
};

constexpr std::array<std::pair<const char*, TypeId>, 15> kFields{{{"topic", TypeId::string},
                                                                  {"messages", TypeId::int64},
                                                                  {"live", TypeId::int64},
                                                                  {"bytes", TypeId::int64},
                                                                  {"last_payload", TypeId::string},
                                                                  {"last_size", TypeId::int64},
                                                                  {"retained", TypeId::boolean},
                                                                  {"qos", TypeId::int64},
                                                                  {"max_qos", TypeId::int64},
                                                                  {"first_seen", TypeId::timestamp},
                                                                  {"last_seen", TypeId::timestamp},
                                                                  {"json", TypeId::boolean},
                                                                  {"cadence", TypeId::float64},
                                                                  {"longest_gap", TypeId::float64},
                                                                  {"silent", TypeId::boolean}}};

using Columns = std::vector<ColumnBuilder>;

void append_number(ColumnBuilder& column, std::uint64_t number) {
  column.append_int64(static_cast<std::int64_t>(number));
}

void append(Columns& columns, const SeenTopic& row, std::int64_t now_ns) {
  columns[kTopic].append_bytes(row.topic);
  append_number(columns[kMessages], row.messages);
  append_number(columns[kLive], row.cadence.messages());
  append_number(columns[kBytes], row.bytes);
  if (is_valid_utf8(row.last_payload())) {
    columns[kLastPayload].append_bytes(row.last_payload());
  } else {
    columns[kLastPayload].append_bytes(readable(row.last_payload()));
  }
  append_number(columns[kLastSize], row.payload_size);
  columns[kRetained].append_boolean(row.retained);
  append_number(columns[kQos], row.qos);
  append_number(columns[kMaxQos], row.max_qos);
  columns[kFirstSeen].append_int64(row.first_ns);
  columns[kLastSeen].append_int64(row.last_ns);
  if (row.json == JsonVerdict::unknown) {
    columns[kJson].append_null();
  } else {
    columns[kJson].append_boolean(row.json == JsonVerdict::json);
  }
  const TopicCadence& cadence = row.cadence;
  if (cadence.messages() < 2) {
    columns[kCadence].append_null();
    columns[kLongestGap].append_null();
  } else {
    columns[kCadence].append_float64(cadence.mean_seconds());
    columns[kLongestGap].append_float64(cadence.longest_seconds());
  }
  if (cadence.is_known()) {
    columns[kSilent].append_boolean(cadence.is_silent(now_ns));
  } else {
    columns[kSilent].append_null();
  }
}

}  // namespace

SchemaPtr topic_schema() {
  auto schema = std::make_shared<Schema>();
  for (const auto& [name, type] : kFields) schema->fields.push_back({name, {type}});
  return schema;
}

std::vector<RecordBatchPtr> topic_batches(const TopicTable& table, std::int64_t now_ns, std::size_t rows) {
  const SchemaPtr schema = topic_schema();
  Columns columns;
  for (const Field& field : schema->fields) columns.emplace_back(field.type);
  std::vector<std::string_view> topics(table.size());
  for (std::size_t row = 0; row < table.size(); ++row) topics[row] = table[row].topic;
  std::vector<std::uint32_t> order;
  sort_topics(topics, order);
  std::vector<RecordBatchPtr> batches;
  std::size_t begin = 0;
  do {
    const std::size_t end = std::min(table.size(), begin + rows);
    for (std::size_t row = begin; row < end; ++row) append(columns, table[order[row]], now_ns);
    std::vector<Column> finished;
    for (ColumnBuilder& column : columns) finished.push_back(column.finish());
    batches.push_back(
        std::make_shared<RecordBatch>(schema, std::move(finished), static_cast<std::int64_t>(end - begin), 0));
    begin = end;
  } while (begin < table.size());
  return batches;
}

std::string readable(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t bad = find_bad_utf8(bytes); bad != std::string_view::npos; bad = find_bad_utf8(bytes)) {
    const auto byte = static_cast<unsigned char>(bytes[bad]);
    text += bytes.substr(0, bad);
    text += "\\x";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15U];
    bytes.remove_prefix(bad + 1);
  }
  return text.append(bytes);
}

}  // namespace honeyframe
