#pragma once

// ExtractOptions: what an Extractor is told. Plain values; validate() says in words what does not go together.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data_type.h"
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

// A zone as its UTC offsets in time: from `utc_seconds` on, local = UTC + offset_seconds. Sorted. The first entry also
// serves all earlier times.
struct ZoneTransition {
  std::int64_t utc_seconds;
  std::int32_t offset_seconds;
};

struct EventTimeOptions {
  std::string path;  // as ColumnSpec::path
  TimeUnit unit = TimeUnit::automatic;
};

// A number that each publisher counts up from message to message.
struct SequenceOptions {
  std::string path;  // as ColumnSpec::path
  std::string by;    // the level of the topic template that names the publisher; empty: the whole topic does
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
  bool spool_sequence = false;  // `_spool_seq`
};

struct ExtractOptions {
  std::optional<std::vector<ColumnSpec>> schema;  // fixes columns and types; else they are inferred
  std::vector<std::string> columns;  // inference reads only these (names as they come out), and skips the rest
  OnConflict on_conflict = OnConflict::keep;
  PayloadMode payload = PayloadMode::automatic;
  bool strict = true;
  std::string separator = ".";
  std::string explode;  // path of an array of which each element becomes a row; empty: none
  std::size_t max_columns = 1024;
  std::size_t max_depth = 64;
  std::vector<std::string> na_values;  // as pandas.read_csv, "unavailable", "unknown"
  std::optional<EventTimeOptions> event_time;
  std::optional<SequenceOptions> sequence;
  std::vector<ZoneTransition> zone;  // of times that name none; empty: such a time cannot be read
  std::optional<TopicTemplate> topic_template;
  MetadataColumns metadata;
  std::size_t max_quarantine_messages = 10'000;  // kept; the count goes on
  std::size_t max_quarantine_bytes = 16u << 20;

  [[nodiscard]] Status validate() const;
};

}  // namespace honeyframe
