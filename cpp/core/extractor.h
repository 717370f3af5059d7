#pragma once

// Extractor: payload bytes in, rows of typed columns out. Knows JSON; the builder behind it knows Arrow. The rules of section
// "docs/frame-rules.md" live here. One thread at a time; holds no lock.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "data_type.h"
#include "message_block.h"
#include "record_batch.h"
#include "status.h"
#include "topic_filter.h"

namespace honeyframe {

struct ColumnSpec {
  std::string name;
  std::string path;  // dotted ("location.lat"), or a JSON Pointer when it begins with '/' (RFC 6901); empty: the name
  DataType type;
};

enum class OnConflict : std::uint8_t { keep, widen, raise, quarantine };
enum class PayloadMode : std::uint8_t { automatic, json, text, raw };
enum class TimeUnit : std::uint8_t { automatic, seconds, milliseconds, microseconds, nanoseconds };

// A zone as its UTC offsets in time: from `utc_seconds` on, local = UTC + offset_seconds. Sorted. The first entry also serves all earlier times.
struct ZoneTransition {
  std::int64_t utc_seconds;
  std::int32_t offset_seconds;
};

struct EventTimeOptions {
  std::string path;  // as ColumnSpec::path
  TimeUnit unit = TimeUnit::automatic;
  std::vector<ZoneTransition> zone;  // empty: a time without a zone is null, and counted
};

struct MetadataColumns {
  bool topic = true;
  bool receive_time = true;
  bool retain = true;
  bool qos = false;
  bool dup = false;
  bool payload_index = false;
  bool user_properties = false;  // `_user_properties`: JSON text, a list of pairs
  bool content_type = false;
  bool response_topic = false;
};

struct ExtractOptions {
  std::optional<std::vector<ColumnSpec>> schema;  // fixes columns and types; else they are inferred
  std::vector<std::string> columns;               // inference reads only these (names as they come out), and skips the rest
  OnConflict on_conflict = OnConflict::keep;
  PayloadMode payload = PayloadMode::automatic;
  bool strict = true;
  std::string separator = ".";
  std::string explode;  // path of an array of which each element becomes a row; empty: none
  std::size_t max_columns = 1024;
  std::size_t max_depth = 64;
  std::vector<std::string> na_values;  // as pandas.read_csv, "unavailable", "unknown"
  std::optional<EventTimeOptions> event_time;
  std::optional<TopicTemplate> topic_template;
  MetadataColumns metadata;
  std::size_t max_quarantine_messages = 10'000;  // kept; the count goes on
  std::size_t max_quarantine_bytes = 16u << 20;

  [[nodiscard]] Status validate() const;
};

struct QuarantineEntry {
  std::string topic;
  std::int64_t receive_time_ns;
  std::uint64_t payload_index;
  std::string reason;   // a stable word: "truncated", "invalid_utf8", "trailing_content", ...
  std::string message;  // what was found
  std::int64_t position;  // byte offset, -1 where unknown
  std::string payload;
  bool retain;
  std::uint8_t qos;
};

// Everything that was not a plain success, in 64-bit counters that never go back.
struct ExtractCounters {
  std::uint64_t payloads = 0;
  std::uint64_t rows = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t quarantine_evicted = 0;  // counted, but no longer kept
  std::uint64_t empty_payloads = 0;
  std::uint64_t misfits = 0;             // values in _misfit
  std::uint64_t extras = 0;              // values in _extra
  std::uint64_t numbers_from_strings = 0;
  std::uint64_t na_strings = 0;
  std::uint64_t duplicate_keys = 0;
  std::uint64_t bad_event_times = 0;
  std::uint64_t topics_not_matching_template = 0;
  std::uint64_t name_collisions = 0;
};

// A change of shape worth telling once: a column widened, a first misfit in a column, the unit of event_time decided.
struct ExtractEvent {
  std::string kind;  // "column_added" | "column_widened" | "misfit" | "event_time_unit" | "max_columns" | "name_collision" | ...
  std::string column;
  std::string detail;
};

class Extractor {
 public:
  static Result<std::unique_ptr<Extractor>> create(ExtractOptions options);
  virtual ~Extractor() = default;

  // Reads the messages [begin, end) of `block` into the open batch; stops early, and returns how far it came, once the open batch has `max_rows` rows.
  // A payload lands whole or is quarantined; it is never cut: a batch may exceed max_rows by one payload's rows.
  // Errors only where on_conflict is "raise" (does_not_fit; the message is then quarantined too).
  virtual Result<std::size_t> extract(const MessageBlock& block, std::size_t begin, std::size_t end, std::int64_t max_rows) = 0;

  [[nodiscard]] virtual std::int64_t open_rows() const = 0;
  // Messages read into the open batch, quarantined ones not counted.
  [[nodiscard]] virtual std::uint64_t open_messages() const = 0;
  // Quarantined since the last call.
  [[nodiscard]] virtual std::uint64_t take_quarantined_count() = 0;
  // The open batch, closed; the next one keeps the columns and their order. A batch of no rows has the schema all the same.
  [[nodiscard]] virtual RecordBatchPtr finish() = 0;
  [[nodiscard]] virtual SchemaPtr schema() const = 0;

  [[nodiscard]] virtual ExtractCounters counters() const = 0;
  [[nodiscard]] virtual std::vector<QuarantineEntry> quarantine() const = 0;
  [[nodiscard]] virtual std::vector<ExtractEvent> take_events() = 0;
};

}  // namespace honeyframe
