// Extraction: two bytes of options, then payloads, each up to a byte FE, which UTF-8 never has. Whatever comes, the
// books balance, every column is as long as the batch and well formed, and a payload's verdict is its own.

#include <memory>
#include <string>
#include <vector>

#include "cell_json.h"
#include "extractor.h"
#include "fuzz_check.h"
#include "message_block.h"
#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::string_view kDoesNotFit = "does_not_fit";

ExtractOptions options_from(unsigned first, unsigned second) {
  static constexpr OnConflict kConflicts[] = {OnConflict::keep, OnConflict::widen, OnConflict::raise,
                                              OnConflict::quarantine};
  static constexpr PayloadMode kModes[] = {PayloadMode::automatic, PayloadMode::json, PayloadMode::json,
                                           PayloadMode::text};
  ExtractOptions options;
  options.metadata.topic = options.metadata.receive_time = options.metadata.retain = false;
  options.metadata.payload_index = true;
  options.on_conflict = kConflicts[first & 3U];
  options.payload = kModes[(first >> 2U) & 3U];
  options.strict = (first & 16U) == 0;
  options.na_values = {"", "N/A"};
  if ((first & 32U) != 0) options.max_columns = 2;
  if ((first & 64U) != 0) options.max_depth = 3;
  if (options.payload == PayloadMode::text) return options;
  if ((first & 128U) != 0) options.explode = "r";
  if ((second & 1U) != 0) options.event_time = EventTimeOptions{"a", TimeUnit::automatic};
  if ((second & 2U) != 0) options.sequence = SequenceOptions{"b", ""};
  if ((second & 4U) != 0) options.columns = {"a", "b.c", "/r/a"};
  if ((second & 8U) == 0) return options;
  options.columns.clear();
  options.schema = std::vector<ColumnSpec>{
      {"a", "", {TypeId::int64, TypeId::null}},
      {"b", "b.c", {TypeId::float64, TypeId::null}},
      {"c", "/a/0", {TypeId::string, TypeId::null}},
      {"d", "a", {TypeId::timestamp, TypeId::null}},
      {"e", "c", {TypeId::list, TypeId::float64}},
      {"f", "value", {TypeId::uint64, TypeId::null}},
      {"g", "r.a", {TypeId::boolean, TypeId::null}},
      {"h", "b", {TypeId::binary, TypeId::null}},
      {"i", "value_list", {TypeId::list, TypeId::string}},
  };
  return options;
}

std::unique_ptr<Extractor> extractor_of(const ExtractOptions& options) {
  auto created = Extractor::create(options);
  FUZZ_CHECK(created.ok());
  return std::move(created).value();
}

// Reads one payload, which ends where its block does. Whether it was quarantined.
bool read_one(Extractor& extractor, std::string_view payload, const std::shared_ptr<TopicDictionary>& topics) {
  MessageBlock block(payload.size() + kPayloadPadding, topics, 1);
  MessageView message;
  message.topic = "t";
  message.payload = payload;
  FUZZ_CHECK(block.append(message, topics->intern(message.topic), true));
  const auto read = extractor.extract(block, 0, 1, 1'000'000);
  FUZZ_CHECK(read.ok() || read.status().code() == ErrorCode::does_not_fit);
  return extractor.take_quarantined_count() > 0;
}

void check_quarantine(const Extractor& extractor, const std::vector<std::string_view>& quarantined) {
  const std::vector<QuarantineEntry> entries = extractor.quarantine();
  FUZZ_CHECK(entries.size() == quarantined.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    FUZZ_CHECK(entries[i].payload == quarantined[i]);
    FUZZ_CHECK(!entries[i].reason.empty());
    FUZZ_CHECK(entries[i].position >= -1 && entries[i].position <= static_cast<std::int64_t>(quarantined[i].size()));
  }
}

// What came before a payload has nothing to do with whether it can be read. Two things depend on which columns there
// are, and so on what came: without `strict`, what no column asks for is not looked at; and whether a value fits its
// column, which it has in one run, and in the other perhaps not (`max_columns`: then it lands in `_extra`).
void check_alone(const ExtractOptions& options, std::string_view payload, const std::string& reason,
                 const std::shared_ptr<TopicDictionary>& topics) {
  if (!options.strict || reason == kDoesNotFit) return;
  const auto extractor = extractor_of(options);
  const std::string alone =
      read_one(*extractor, payload, topics) ? extractor->quarantine().back().reason : std::string();
  FUZZ_CHECK(alone == reason || alone == kDoesNotFit);
}

// Every cell, as a reader of the batch would walk it.
void check_column(const Column& column, DataType type) {
  std::string cell;
  for (std::int64_t row = 0; row < column.length; ++row) {
    if (type.id == TypeId::null || type.id == TypeId::binary || !is_valid(column, row)) continue;
    cell.clear();
    append_cell_json(column, type, row, cell);
    FUZZ_CHECK(is_valid_utf8(cell));
  }
}

void check_batch(const RecordBatch& batch, const ExtractCounters& counters) {
  FUZZ_CHECK(counters.payloads == batch.messages() + counters.quarantined);
  FUZZ_CHECK(counters.rows == static_cast<std::uint64_t>(batch.rows()));
  FUZZ_CHECK(batch.columns().size() == batch.schema()->fields.size());
  for (std::size_t i = 0; i < batch.columns().size(); ++i) {
    FUZZ_CHECK(batch.columns()[i].length == batch.rows());
    FUZZ_CHECK(is_valid_utf8(batch.schema()->fields[i].name));
    check_column(batch.columns()[i], batch.schema()->fields[i].type);
  }
}

}  // namespace
}  // namespace honeyframe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace honeyframe;
  std::string_view rest = fuzz::text_of(data, size);
  const unsigned first = fuzz::take_byte(rest);
  const ExtractOptions options = options_from(first, fuzz::take_byte(rest));
  const auto extractor = extractor_of(options);
  const auto topics = std::make_shared<TopicDictionary>();
  std::vector<std::string_view> quarantined;
  std::string_view payload;
  bool refused = false;
  while (!rest.empty()) {
    payload = fuzz::take_until(rest, '\xFE');
    refused = read_one(*extractor, payload, topics);
    if (refused) quarantined.push_back(payload);
  }
  check_quarantine(*extractor, quarantined);
  const std::string reason = refused ? extractor->quarantine().back().reason : "";
  check_alone(options, payload, reason, topics);
  const ExtractCounters counters = extractor->counters();
  check_batch(*extractor->finish(), counters);
  return 0;
}
