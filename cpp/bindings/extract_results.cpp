#include "extract_results.h"

namespace honeyframe::bindings {

py::dict extract_counters(const ExtractCounters& counters) {
  py::dict out;
  out["payloads"] = counters.payloads;
  out["rows"] = counters.rows;
  out["quarantined"] = counters.quarantined;
  out["quarantine_evicted"] = counters.quarantine_evicted;
  out["empty_payloads"] = counters.empty_payloads;
  out["misfits"] = counters.misfits;
  out["extras"] = counters.extras;
  out["numbers_from_strings"] = counters.numbers_from_strings;
  out["na_strings"] = counters.na_strings;
  out["duplicate_keys"] = counters.duplicate_keys;
  out["bad_event_times"] = counters.bad_event_times;
  out["topics_not_matching_template"] = counters.topics_not_matching_template;
  out["bad_property_texts"] = counters.bad_property_texts;
  out["name_collisions"] = counters.name_collisions;
  out["sequence_missing"] = counters.sequence_missing;
  out["sequence_gaps"] = counters.sequence_gaps;
  out["sequence_repeated"] = counters.sequence_repeated;
  out["sequence_out_of_order"] = counters.sequence_out_of_order;
  out["sequence_restarts"] = counters.sequence_restarts;
  out["sequence_unreadable"] = counters.sequence_unreadable;
  out["sequence_forgotten"] = counters.sequence_forgotten;
  return out;
}

py::list quarantine_rows(const std::vector<QuarantineEntry>& entries) {
  py::list rows;
  for (const QuarantineEntry& entry : entries) {
    rows.append(py::make_tuple(to_python(entry.topic), entry.receive_time_ns, entry.payload_index,
                               to_python(entry.reason), to_python(entry.message), entry.position,
                               py::bytes(entry.payload), entry.retain, static_cast<int>(entry.qos)));
  }
  return rows;
}

py::list ledger_rows(const std::vector<LedgerRow>& ledger) {
  py::list rows;
  for (const LedgerRow& row : ledger) {
    py::list topics;
    for (const TopicCount& topic : row.topics) topics.append(py::make_tuple(to_python(topic.topic), topic.count));
    rows.append(py::make_tuple(py::str(std::string(to_string(row.event))), to_python(row.subject), row.first_ns,
                               row.last_ns, row.occurrences, row.count, row.bytes, to_python(row.detail), topics,
                               row.folded));
  }
  return rows;
}

py::list event_rows(const std::vector<ExtractEvent>& events) {
  py::list rows;
  for (const ExtractEvent& event : events) {
    rows.append(py::make_tuple(to_python(event.kind), to_python(event.column), to_python(event.detail)));
  }
  return rows;
}

}  // namespace honeyframe::bindings
