#pragma once

// A TopicTable as record batches, a row a topic. Pure functions.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "record_batch.h"
#include "topic_table.h"

namespace honeyframe {

// topic, messages, live (those that were not retained), bytes, last_payload (text; each byte that is no UTF-8 as \xNN),
// last_size, retained, qos, max_qos, first_seen, last_seen, json (null: nothing but empty payloads), cadence and
// longest_gap (seconds; null where fewer than two live messages came), silent at `now_ns` (null where too little is
// known).
[[nodiscard]] SchemaPtr topic_schema();
// In the order of a tree. At least one batch, and of `rows` at most each, so that no column of text grows beyond
// Arrow's 2 GiB.
[[nodiscard]] std::vector<RecordBatchPtr> topic_batches(const TopicTable& table, std::int64_t now_ns,
                                                        std::size_t rows = 65'536);

// `bytes` as text: as they are where they are UTF-8, else with \xNN for each byte that is not.
[[nodiscard]] std::string readable(std::string_view bytes);

}  // namespace honeyframe
