#pragma once

// The PyCapsule interface of Arrow: each capsule owns its struct, and releases what no consumer has taken. Needs the
// GIL.

#include <utility>
#include <vector>

#include "bindings.h"
#include "record_batch.h"

namespace honeyframe::bindings {

[[nodiscard]] py::object schema_capsule(const Schema& schema);                                   // "arrow_schema"
[[nodiscard]] py::object array_capsule(const RecordBatchPtr& batch);                             // "arrow_array"
[[nodiscard]] py::object stream_capsule(SchemaPtr schema, std::vector<RecordBatchPtr> batches);  // "arrow_array_stream"

}  // namespace honeyframe::bindings
