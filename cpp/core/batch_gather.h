#pragma once

// gather(): one batch out of row ranges of others. Pure; the result shares no state with what it was made from but, for
// a single whole range, the batch.

#include <cstdint>
#include <vector>

#include "record_batch.h"

namespace honeyframe {

// The rows [begin, end) of `batch`.
struct RowRange {
  RecordBatchPtr batch;
  std::int64_t begin = 0;
  std::int64_t end = 0;
};

// The rows of all `ranges` (at least one), in order, under the schema that unify() gives. It stands for `messages` and
// `payload_bytes`. Errors: as cast(); invalid_argument where a column's text would exceed Arrow's 2 GiB.
[[nodiscard]] Result<RecordBatchPtr> gather(const std::vector<RowRange>& ranges, std::uint64_t messages,
                                            std::uint64_t payload_bytes);

}  // namespace honeyframe
