#pragma once

// The Arrow C data and stream interfaces (the specification's structs, declared here as it asks consumers and producers
// to). Exported structs share the batch's buffers by reference count: any number of exports, each released exactly
// once, on any thread.

#include <cstdint>
#include <vector>

#include "record_batch.h"

extern "C" {
#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema** children;
  struct ArrowSchema* dictionary;
  void (*release)(struct ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void** buffers;
  struct ArrowArray** children;
  struct ArrowArray* dictionary;
  void (*release)(struct ArrowArray*);
  void* private_data;
};
#endif
#ifndef ARROW_C_STREAM_INTERFACE
#define ARROW_C_STREAM_INTERFACE
struct ArrowArrayStream {
  int (*get_schema)(struct ArrowArrayStream*, struct ArrowSchema* out);
  int (*get_next)(struct ArrowArrayStream*, struct ArrowArray* out);
  const char* (*get_last_error)(struct ArrowArrayStream*);
  void (*release)(struct ArrowArrayStream*);
  void* private_data;
};
#endif
}

namespace honeyframe {

void export_schema(const Schema& schema, ArrowSchema* out);
// A struct array whose children are the columns.
void export_batch(const RecordBatchPtr& batch, ArrowArray* out);
// All batches must have `schema` (see unify() and cast()).
void export_stream(SchemaPtr schema, std::vector<RecordBatchPtr> batches, ArrowArrayStream* out);

}  // namespace honeyframe
