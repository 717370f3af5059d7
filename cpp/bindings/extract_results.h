#pragma once

// What an extraction says besides its rows, as Python values. All of these need the GIL.

#include <vector>

#include "bindings.h"
#include "extractor.h"

namespace honeyframe::bindings {

[[nodiscard]] py::dict extract_counters(const ExtractCounters& counters);
// (topic, recv_time_ns, payload_index, reason, message, position, payload, retain, qos)
[[nodiscard]] py::list quarantine_rows(const std::vector<QuarantineEntry>& entries);
// (event, subject, first_ns, last_ns, occurrences, count, bytes, detail, [(topic, count)], folded)
[[nodiscard]] py::list ledger_rows(const std::vector<LedgerRow>& ledger);
// (kind, column, detail)
[[nodiscard]] py::list event_rows(const std::vector<ExtractEvent>& events);

}  // namespace honeyframe::bindings
