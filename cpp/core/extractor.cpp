#include "extractor.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "payload_reader.h"
#include "record_batch_builder.h"
#include "sequence_tracker.h"
#include "utf8.h"

namespace honeyframe {
namespace {

// Beside the columns, paths that lead to none yet: objects, keys that are skipped, nulls.
std::size_t max_nodes(const ExtractOptions& options) {
  return 4 * options.max_columns + 1024;
}

class JsonExtractor final : public Extractor {
 public:
  JsonExtractor(ExtractOptions options, std::size_t full_text_bytes)
      : options_(std::move(options)),
        full_text_bytes_(full_text_bytes),
        plan_(options_.separator, options_.columns, !options_.schema, max_nodes(options_)),
        reader_(plan_, options_.payload, options_.strict, options_.max_depth),
        builder_(options_, plan_, counters_),
        quarantine_(options_.max_quarantine_messages, options_.max_quarantine_bytes),
        sequence_(counters_, ledger_) {
    empty_.rows.emplace_back();
  }

  Status prepare();

  Result<std::size_t> extract(const MessageBlock& block, std::size_t begin, std::size_t end,
                              std::int64_t max_rows) override;
  std::int64_t open_rows() const override { return builder_.rows(); }
  std::uint64_t open_messages() const override { return open_messages_; }
  bool full() const override { return builder_.text_bytes() >= full_text_bytes_; }
  std::uint64_t take_quarantined_count() override { return std::exchange(quarantined_, 0); }
  RecordBatchPtr finish() override {
    return builder_.finish(std::exchange(open_messages_, 0), std::exchange(open_payload_bytes_, 0));
  }
  SchemaPtr schema() const override { return builder_.schema(); }
  ExtractCounters counters() const override { return counters_; }
  std::vector<QuarantineEntry> quarantine() const override { return quarantine_.entries(); }
  std::vector<ExtractEvent> take_events() override {
    noted_events_ = 0;
    return std::exchange(builder_.events(), {});
  }
  std::vector<LedgerRow> ledger() const override { return ledger_.rows(); }

 private:
  // Levels of a topic by the template; ids are those of one dictionary.
  struct Topic {
    bool known = false;
    bool matches = false;
    std::vector<std::string_view> levels;
  };

  bool read(const MessageBlock& block, const StoredMessage& message, RowSource& source);
  Status extract_one(const MessageBlock& block, std::size_t index);
  const Topic& topic_of(const MessageBlock& block, const StoredMessage& message, std::string_view topic);
  void put_aside(const RowSource& source, std::string_view payload, const char* reason, std::string message,
                 std::int64_t position);
  void note_changes(const RowSource& source);
  void follow_sequence(const RowSource& source);
  [[nodiscard]] const Cell* sequence_cell(CellRange range) const;

  ExtractOptions options_;
  std::size_t full_text_bytes_;
  ExtractCounters counters_;
  ExtractionPlan plan_;
  PayloadReader reader_;
  RecordBatchBuilder builder_;
  Quarantine quarantine_;
  Ledger ledger_;
  SequenceTracker sequence_;
  std::size_t sequence_level_ = 0;  // of the template, where one names the publisher
  std::size_t noted_events_ = 0;    // of the builder's
  PayloadCells cells_;
  PayloadCells empty_;
  std::uint64_t open_messages_ = 0;
  std::uint64_t open_payload_bytes_ = 0;
  std::uint64_t quarantined_ = 0;
  std::uint64_t topics_generation_ = 0;
  std::vector<Topic> topics_;
};

Status JsonExtractor::prepare() {
  if (options_.schema) {
    if (Status status = builder_.add_schema(*options_.schema); !status.ok()) return status;
  } else {
    // Payloads that are no objects have columns of their own.
    for (const char* name : {"/value", "/value_bool", "/value_text", "/value_list", "/value_raw"}) {
      if (auto nodes = plan_.require(name); !nodes.ok()) return nodes.status();
    }
  }
  if (options_.event_time) {
    auto nodes = plan_.require(options_.event_time->path);
    if (!nodes.ok()) return nodes.status();
    for (const NodeId node : nodes.value()) plan_[node].event_time = true;
  }
  if (options_.sequence) {
    auto nodes = plan_.require(options_.sequence->path);
    if (!nodes.ok()) return nodes.status();
    for (const NodeId node : nodes.value()) plan_[node].sequence = true;
    if (!options_.sequence->by.empty()) {
      const auto& names = options_.topic_template->names();
      sequence_level_ =
          static_cast<std::size_t>(std::find(names.begin(), names.end(), options_.sequence->by) - names.begin());
    }
  }
  if (!options_.explode.empty()) {
    auto nodes = plan_.require(options_.explode);
    if (!nodes.ok()) return nodes.status();
    for (const NodeId node : nodes.value()) {
      plan_[node].explode = true;
      plan_[node].reads_scalars = false;
    }
  }
  return Status();
}

Result<std::size_t> JsonExtractor::extract(const MessageBlock& block, std::size_t begin, std::size_t end,
                                           std::int64_t max_rows) {
  for (std::size_t i = begin; i < end; ++i) {
    if (builder_.rows() >= max_rows || full()) return i;
    if (Status status = extract_one(block, i); !status.ok()) return status;
  }
  return std::max(begin, end);
}

Status JsonExtractor::extract_one(const MessageBlock& block, std::size_t index) {
  const StoredMessage& message = block[index];
  const std::string_view payload = block.payload(message);
  RowSource source;
  source.topic = block.topic(message);
  source.receive_time_ns = message.receive_time_ns;
  source.payload_index = counters_.payloads++;
  source.qos = message.qos;
  source.retain = message.retain;
  source.dup = message.dup;
  source.properties = block.properties(message);
  if (block.first_sequence() != 0) source.spool_sequence = block.first_sequence() + index;
  if (payload.empty()) ++counters_.empty_payloads;  // a retained message has been cleared
  plan_.begin_payload();
  if (!read(block, message, source)) {
    plan_.roll_back();
    JsonError& error = reader_.error();
    put_aside(source, payload, error.reason, std::move(error.message), error.position);
    return Status();
  }
  if (!builder_.add(payload.empty() ? empty_ : cells_, source)) {
    plan_.roll_back();
    const RecordBatchBuilder::Refusal& refusal = builder_.refusal();
    const std::ptrdiff_t skipped = refusal.position < 0 ? 0 : cells_.payload - payload.data();
    put_aside(source, payload, refusal.reason, refusal.message, refusal.position + skipped);
    if (options_.on_conflict != OnConflict::raise || refusal.column.empty()) return Status();
    return Status(ErrorCode::does_not_fit, refusal.message + ", in a message on topic " + in_quotes(source.topic))
        .with_hint("on_conflict=\"keep\" keeps such values in `_misfit`; the payload is in the quarantine.");
  }
  ++open_messages_;
  open_payload_bytes_ += payload.size();
  note_changes(source);
  if (options_.sequence && !payload.empty() && !source.retain) follow_sequence(source);  // a retained one is of old
  return Status();
}

void JsonExtractor::note_changes(const RowSource& source) {
  const std::int64_t time = source.receive_time_ns;
  builder_.tell_new_misfits([&](std::string_view name, std::string_view json) {
    (void)ledger_.note({LedgerEvent::misfit, name, time, time, 1, json.size(), json});
  });
  const std::vector<ExtractEvent>& events = builder_.events();
  for (; noted_events_ < events.size(); ++noted_events_) {
    const ExtractEvent& told = events[noted_events_];
    const auto event = ledger_event(told.kind);
    if (!event || event == LedgerEvent::misfit) continue;
    (void)ledger_.note({*event, told.column, time, time, 1, 0, told.detail});
  }
}

// The number of an object around an exploded array counts once, not for each row.
void JsonExtractor::follow_sequence(const RowSource& source) {
  const bool by_level = !options_.sequence->by.empty() && source.levels != nullptr;
  const std::string_view publisher = by_level ? (*source.levels)[sequence_level_] : source.topic;
  std::size_t shared_begin = std::numeric_limits<std::size_t>::max();
  bool shared_has_it = false;
  for (const CellRow& row : cells_.rows) {
    const Cell* cell = nullptr;
    if (row.shared.begin != row.shared.end) {
      const bool is_new = row.shared.begin != shared_begin;
      shared_begin = row.shared.begin;
      if (is_new) shared_has_it = (cell = sequence_cell(row.shared)) != nullptr;
      if (!is_new && shared_has_it) continue;
    }
    if (cell == nullptr) cell = sequence_cell(row.own);
    if (cell != nullptr && cell->kind == CellKind::int64 && cell->int64 >= 0) {
      sequence_.observe(publisher, static_cast<std::uint64_t>(cell->int64), source.dup, source.receive_time_ns);
    } else if (cell != nullptr && cell->kind == CellKind::uint64) {
      sequence_.observe(publisher, cell->uint64, source.dup, source.receive_time_ns);
    } else {
      ++counters_.sequence_unreadable;
    }
  }
}

const Cell* JsonExtractor::sequence_cell(CellRange range) const {
  for (std::size_t i = range.begin; i < range.end; ++i) {
    const Cell& cell = cells_.cells[i];
    const bool is_value =
        cell.kind != CellKind::superseded && cell.kind != CellKind::dropped && cell.kind != CellKind::extra;
    if (is_value && plan_[cell.node].sequence) return &cell;
  }
  return nullptr;
}

bool JsonExtractor::read(const MessageBlock& block, const StoredMessage& message, RowSource& source) {
  try {
    if (options_.topic_template) {
      const Topic& topic = topic_of(block, message, source.topic);
      if (topic.matches) source.levels = &topic.levels;
      counters_.topics_not_matching_template += topic.matches ? 0 : 1;
    }
    return message.payload_size == 0 || reader_.read(block.payload(message), cells_);
  } catch (const std::bad_alloc&) {
    reader_.error() = {"no_memory", "out of memory", -1};  // short enough to need none
    return false;
  }
}

const JsonExtractor::Topic& JsonExtractor::topic_of(const MessageBlock& block, const StoredMessage& message,
                                                    std::string_view topic) {
  if (block.topics().generation() != topics_generation_) {
    topics_generation_ = block.topics().generation();
    topics_.clear();
  }
  if (message.topic_id >= topics_.size()) topics_.resize(message.topic_id + 1);
  Topic& entry = topics_[message.topic_id];
  if (!entry.known) {
    entry.matches = options_.topic_template->extract(topic, entry.levels);
    entry.known = true;
  }
  return entry;
}

void JsonExtractor::put_aside(const RowSource& source, std::string_view payload, const char* reason,
                              std::string message, std::int64_t position) {
  ++quarantined_;
  ++counters_.quarantined;
  TopTopics* const topics = ledger_.note(
      {LedgerEvent::quarantined, reason, source.receive_time_ns, source.receive_time_ns, 1, payload.size(), message});
  if (topics != nullptr) topics->add(source.topic, 1);
  try {
    counters_.quarantine_evicted +=
        quarantine_.add({std::string(source.topic), source.receive_time_ns, source.payload_index, reason,
                         std::move(message), position, std::string(payload), source.retain, source.qos});
  } catch (const std::bad_alloc&) {
    ++counters_.quarantine_evicted;  // counted, not kept
  }
}

}  // namespace

Result<std::unique_ptr<Extractor>> Extractor::create(ExtractOptions options, std::size_t full_text_bytes) {
  if (Status status = options.validate(); !status.ok()) return status;
  auto extractor = std::make_unique<JsonExtractor>(std::move(options), full_text_bytes);
  if (Status status = extractor->prepare(); !status.ok()) return status;
  return std::unique_ptr<Extractor>(std::move(extractor));
}

}  // namespace honeyframe
