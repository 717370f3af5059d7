#include "arrow_export.h"

#include <array>
#include <cerrno>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace honeyframe {
namespace {

constexpr int64_t kNullable = 2;  // ARROW_FLAG_NULLABLE

// Where a buffer has no bytes, consumers still get a readable address: one zero offset, or nothing.
alignas(64) constexpr std::array<std::uint8_t, 64> kNoBytes{};

const char* scalar_format(TypeId type) {
  switch (type) {
    case TypeId::null:
      return "n";
    case TypeId::boolean:
      return "b";
    case TypeId::int64:
      return "l";
    case TypeId::uint64:
      return "L";
    case TypeId::float64:
      return "g";
    case TypeId::string:
      return "u";
    case TypeId::timestamp:
      return "tsn:UTC";
    case TypeId::binary:
      return "z";
    case TypeId::list:
      return "+l";
  }
  return "n";
}

// What one exported schema owns. Each child owns its own, so that a consumer may move a child out and release the
// parent.
struct SchemaOwner {
  std::string name;
  std::vector<ArrowSchema> children;
  std::vector<ArrowSchema*> child_pointers;
};

void release_schema(ArrowSchema* schema) {
  if (schema == nullptr || schema->release == nullptr) return;
  const std::unique_ptr<SchemaOwner> owner(static_cast<SchemaOwner*>(schema->private_data));
  for (ArrowSchema& child : owner->children) {
    if (child.release != nullptr) child.release(&child);
  }
  schema->release = nullptr;
  schema->private_data = nullptr;
}

// Fills `out` with a node that has `children` empty children, and hands it its owner.
SchemaOwner& open_schema(const char* format, std::string name, int64_t flags, std::size_t children, ArrowSchema* out) {
  auto owner = std::make_unique<SchemaOwner>();
  owner->name = std::move(name);
  owner->children.resize(children);  // zeroed: a child without release is skipped
  for (ArrowSchema& child : owner->children) owner->child_pointers.push_back(&child);
  *out = ArrowSchema{};
  out->format = format;
  out->name = owner->name.c_str();
  out->flags = flags;
  out->n_children = static_cast<int64_t>(children);
  out->children = children == 0 ? nullptr : owner->child_pointers.data();
  out->release = &release_schema;
  out->private_data = owner.get();
  return *owner.release();
}

void export_field(const std::string& name, DataType type, ArrowSchema* out) {
  const bool is_list = type.id == TypeId::list;
  SchemaOwner& owner = open_schema(scalar_format(type.id), name, kNullable, is_list ? 1 : 0, out);
  if (is_list) open_schema(scalar_format(type.item), "item", kNullable, 0, owner.children.data());
}

// What one exported array owns: a share of its column's buffers, and the pointers to them.
struct ArrayOwner {
  Column column;
  std::array<const void*, 3> buffers{};
  std::vector<ArrowArray> children;
  std::vector<ArrowArray*> child_pointers;
};

void release_array(ArrowArray* array) {
  if (array == nullptr || array->release == nullptr) return;
  const std::unique_ptr<ArrayOwner> owner(static_cast<ArrayOwner*>(array->private_data));
  for (ArrowArray& child : owner->children) {
    if (child.release != nullptr) child.release(&child);
  }
  array->release = nullptr;
  array->private_data = nullptr;
}

ArrayOwner& open_array(Column column, std::size_t children, ArrowArray* out) {
  auto owner = std::make_unique<ArrayOwner>();
  owner->column = std::move(column);
  owner->children.resize(children);
  for (ArrowArray& child : owner->children) owner->child_pointers.push_back(&child);
  *out = ArrowArray{};
  out->length = owner->column.length;
  out->null_count = owner->column.null_count;
  out->buffers = owner->buffers.data();
  out->n_children = static_cast<int64_t>(children);
  out->children = children == 0 ? nullptr : owner->child_pointers.data();
  out->release = &release_array;
  out->private_data = owner.get();
  return *owner.release();
}

const void* address(const BufferPtr& buffer) {
  return buffer && !buffer->empty() ? static_cast<const void*>(buffer->data()) : kNoBytes.data();
}

// The buffers of `type`, in the order of Arrow's columnar format; returns how many there are.
int64_t fill_buffers(TypeId type, ArrayOwner& owner) {
  const Column& column = owner.column;
  if (type == TypeId::null) return 0;
  owner.buffers[0] = column.validity ? address(column.validity) : nullptr;
  switch (type) {
    case TypeId::null:
      return 0;
    case TypeId::boolean:
    case TypeId::int64:
    case TypeId::uint64:
    case TypeId::float64:
    case TypeId::timestamp:
      owner.buffers[1] = address(column.data);
      return 2;
    case TypeId::list:
      owner.buffers[1] = address(column.offsets);
      return 2;
    case TypeId::string:
    case TypeId::binary:
      owner.buffers[1] = address(column.offsets);
      owner.buffers[2] = address(column.data);
      return 3;
  }
  return 0;
}

void export_column(const Column& column, DataType type, ArrowArray* out) {
  const bool is_list = type.id == TypeId::list;
  ArrayOwner& owner = open_array(column, is_list ? 1 : 0, out);
  out->n_buffers = fill_buffers(type.id, owner);
  if (!is_list) return;
  // A list column without a value may come without a child.
  ArrayOwner& items = open_array(column.child ? *column.child : Column{}, 0, owner.children.data());
  owner.children[0].n_buffers = fill_buffers(type.item, items);
}

struct StreamOwner {
  SchemaPtr schema;
  std::vector<RecordBatchPtr> batches;
  std::size_t next = 0;
  const char* last_error = nullptr;
};

StreamOwner& owner_of(ArrowArrayStream* stream) {
  return *static_cast<StreamOwner*>(stream->private_data);
}

// Runs `step`, which fills `out`, for C code: no exception may leave it, and no half-filled struct.
template <typename Out, typename Step>
int guarded(ArrowArrayStream* stream, Out* out, Step&& step) {
  StreamOwner& owner = owner_of(stream);
  *out = Out{};
  try {
    step(owner);
    owner.last_error = nullptr;
    return 0;
  } catch (const std::bad_alloc&) {
    if (out->release != nullptr) out->release(out);
    owner.last_error = "out of memory";
    return ENOMEM;
  }
}

int stream_schema(ArrowArrayStream* stream, ArrowSchema* out) {
  return guarded(stream, out, [&](StreamOwner& owner) { export_schema(*owner.schema, out); });
}

int stream_next(ArrowArrayStream* stream, ArrowArray* out) {
  return guarded(stream, out, [&](StreamOwner& owner) {
    if (owner.next == owner.batches.size()) return;  // a released array says: the end
    export_batch(owner.batches[owner.next], out);
    owner.batches[owner.next++].reset();  // what has been handed out is the consumer's alone
  });
}

const char* stream_last_error(ArrowArrayStream* stream) {
  return owner_of(stream).last_error;
}

void release_stream(ArrowArrayStream* stream) {
  if (stream == nullptr || stream->release == nullptr) return;
  const std::unique_ptr<StreamOwner> owner(static_cast<StreamOwner*>(stream->private_data));
  stream->release = nullptr;
  stream->private_data = nullptr;
}

}  // namespace

void export_schema(const Schema& schema, ArrowSchema* out) {
  SchemaOwner& owner = open_schema("+s", "", 0, schema.fields.size(), out);
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    export_field(schema.fields[i].name, schema.fields[i].type, &owner.children[i]);
  }
}

void export_batch(const RecordBatchPtr& batch, ArrowArray* out) {
  Column rows;
  rows.length = batch->rows();
  ArrayOwner& owner = open_array(std::move(rows), batch->columns().size(), out);
  out->n_buffers = 1;  // the struct's validity: absent, every row is there
  for (std::size_t i = 0; i < batch->columns().size(); ++i) {
    export_column(batch->columns()[i], batch->schema()->fields[i].type, &owner.children[i]);
  }
}

void export_stream(SchemaPtr schema, std::vector<RecordBatchPtr> batches, ArrowArrayStream* out) {
  auto owner = std::make_unique<StreamOwner>();
  owner->schema = std::move(schema);
  owner->batches = std::move(batches);
  *out = ArrowArrayStream{};
  out->get_schema = &stream_schema;
  out->get_next = &stream_next;
  out->get_last_error = &stream_last_error;
  out->release = &release_stream;
  out->private_data = owner.release();
}

}  // namespace honeyframe
