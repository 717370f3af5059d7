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

py::list event_rows(const std::vector<ExtractEvent>& events) {
  py::list rows;
  for (const ExtractEvent& event : events) {
    rows.append(py::make_tuple(to_python(event.kind), to_python(event.column), to_python(event.detail)));
  }
  return rows;
}

}  // namespace honeyframe::bindings
