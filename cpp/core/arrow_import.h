#pragma once

// The Arrow C data interface, the other way round: a batch that another library made (a filtered one, say) copied into
// buffers of ours.

#include <cstdint>

#include "arrow_export.h"
#include "record_batch.h"
#include "status.h"

namespace honeyframe {

// Copies a struct array; takes neither struct over: the caller releases both. Columns of the formats that
// export_schema() writes; offsets of slices are resolved. `messages`: see RecordBatch::messages(). Errors:
// invalid_schema, naming the column and what it is.
[[nodiscard]] Result<RecordBatchPtr> import_batch(const ArrowSchema& schema, const ArrowArray& array,
                                                  std::uint64_t messages);

}  // namespace honeyframe
