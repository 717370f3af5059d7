#pragma once

// What an Extractor counts, and what it tells once. Plain values.

#include <cstdint>
#include <string>

namespace honeyframe {

// Everything that was not a plain success, in 64-bit counters that are never reset.
struct ExtractCounters {
  std::uint64_t payloads = 0;
  std::uint64_t rows = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t quarantine_evicted = 0;  // counted, but no longer kept
  std::uint64_t empty_payloads = 0;
  std::uint64_t misfits = 0;  // values in _misfit
  std::uint64_t extras = 0;   // values in _extra
  std::uint64_t numbers_from_strings = 0;
  std::uint64_t na_strings = 0;
  std::uint64_t duplicate_keys = 0;
  std::uint64_t bad_event_times = 0;
  std::uint64_t topics_not_matching_template = 0;
  std::uint64_t bad_property_texts = 0;  // texts of MQTT 5 properties that are not UTF-8
  std::uint64_t name_collisions = 0;
  // Of the number that `sequence` follows:
  std::uint64_t sequence_missing = 0;  // goes back for one that comes late
  std::uint64_t sequence_gaps = 0;
  std::uint64_t sequence_repeated = 0;
  std::uint64_t sequence_out_of_order = 0;
  std::uint64_t sequence_restarts = 0;
  std::uint64_t sequence_unreadable = 0;  // rows without such a number
  std::uint64_t sequence_forgotten = 0;   // publishers, beyond what is kept
};

// A change of shape worth telling once: a column widened, a first misfit in a column, the unit of event_time decided.
struct ExtractEvent {
  std::string kind;  // "column_added" | "column_widened" | "misfit" | "event_time_unit" | "max_columns" |
                     // "name_collision" | ...
  std::string column;
  std::string detail;
};

}  // namespace honeyframe
