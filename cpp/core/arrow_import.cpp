#include "arrow_import.h"

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace honeyframe {
namespace {

std::optional<TypeId> scalar_of(std::string_view format) {
  if (format == "n") return TypeId::null;
  if (format == "b") return TypeId::boolean;
  if (format == "l") return TypeId::int64;
  if (format == "L") return TypeId::uint64;
  if (format == "g") return TypeId::float64;
  if (format == "u") return TypeId::string;
  if (format == "z") return TypeId::binary;
  if (format == "tsn:UTC") return TypeId::timestamp;
  return std::nullopt;
}

std::optional<DataType> type_of(const ArrowSchema& schema) {
  if (schema.dictionary != nullptr) return std::nullopt;
  if (std::string_view(schema.format) == "+l" && schema.n_children == 1 && schema.children[0]->dictionary == nullptr) {
    const std::optional<TypeId> item = scalar_of(schema.children[0]->format);
    return item ? std::optional(DataType{TypeId::list, *item}) : std::nullopt;
  }
  const std::optional<TypeId> id = scalar_of(schema.format);
  return id ? std::optional(DataType{*id, TypeId::null}) : std::nullopt;
}

// Rows [begin, begin + length) of an array's buffers; `begin` counts from the buffers' start.
struct Slice {
  const ArrowArray& array;
  std::int64_t begin;
  std::int64_t length;

  Slice(const ArrowArray& of, std::int64_t first, std::int64_t rows)
      : array(of), begin(of.offset + first), length(rows) {}

  // Null where a producer left out a buffer without bytes.
  [[nodiscard]] const std::uint8_t* buffer(std::size_t index) const {
    return static_cast<const std::uint8_t*>(array.buffers[index]);
  }
};

BufferPtr copy_bits(const std::uint8_t* bits, const Slice& rows, std::int64_t& ones) {
  Buffer copy((static_cast<std::size_t>(rows.length) + 7) / 8);
  for (std::int64_t row = 0; row < rows.length; ++row) {
    const auto from = static_cast<std::size_t>(rows.begin + row);
    if ((bits[from / 8] >> (from % 8) & 1) == 0) continue;
    std::uint8_t& byte = copy[static_cast<std::size_t>(row) / 8];
    byte = static_cast<std::uint8_t>(byte | 1u << (row % 8));
    ++ones;
  }
  return std::make_shared<const Buffer>(std::move(copy));
}

BufferPtr copy_bytes(const std::uint8_t* begin, std::size_t size) {
  return begin == nullptr ? std::make_shared<const Buffer>(size) : std::make_shared<const Buffer>(begin, begin + size);
}

// The offsets of `rows`, counted anew from 0; `first` and `end` are where they pointed.
BufferPtr copy_offsets(const Slice& rows, std::int32_t& first, std::int32_t& end) {
  std::vector<std::int32_t> offsets(static_cast<std::size_t>(rows.length) + 1);
  if (rows.length > 0) {
    std::memcpy(offsets.data(), rows.buffer(1) + static_cast<std::size_t>(rows.begin) * sizeof(std::int32_t),
                offsets.size() * sizeof(std::int32_t));
  }
  first = offsets.front();
  end = offsets.back();
  for (std::int32_t& offset : offsets) offset -= first;
  Buffer copy(offsets.size() * sizeof(std::int32_t));
  std::memcpy(copy.data(), offsets.data(), copy.size());
  return std::make_shared<const Buffer>(std::move(copy));
}

// Whether an array has the children, and they the rows, that `type` and its own length say. Offsets are taken at their
// word: buffers carry no length.
bool has_all_rows(const ArrowArray& array, std::int64_t end, DataType type) {
  if (array.offset < 0 || array.length < end) return false;
  if (type.id != TypeId::list) return true;
  if (array.n_children != 1 || array.children == nullptr || array.children[0] == nullptr) return false;
  if (end == 0) return true;
  const auto* const offsets = static_cast<const std::uint8_t*>(array.buffers[1]);
  if (offsets == nullptr) return false;
  std::int32_t items = 0;
  std::memcpy(&items, offsets + static_cast<std::size_t>(array.offset + end) * sizeof items, sizeof items);
  return items >= 0 && has_all_rows(*array.children[0], items, {type.item, TypeId::null});
}

// A struct's own nulls would be rows that are none.
bool has_struct_nulls(const ArrowArray& array) {
  if (array.null_count == 0 || array.n_buffers < 1 || array.buffers == nullptr || array.buffers[0] == nullptr) {
    return array.null_count > 0;
  }
  const auto* const bits = static_cast<const std::uint8_t*>(array.buffers[0]);
  for (std::int64_t row = array.offset; row < array.offset + array.length; ++row) {
    if ((bits[row / 8] >> (row % 8) & 1) == 0) return true;
  }
  return false;
}

Column import_column(const Slice& rows, DataType type) {
  Column column;
  column.length = rows.length;
  if (type.id == TypeId::null) {
    column.null_count = rows.length;
    return column;
  }
  if (rows.buffer(0) != nullptr && rows.array.null_count != 0) {
    std::int64_t valid = 0;
    column.validity = copy_bits(rows.buffer(0), rows, valid);
    column.null_count = rows.length - valid;
    if (column.null_count == 0) column.validity = nullptr;
  }
  std::int32_t first = 0;
  std::int32_t end = 0;
  std::int64_t ones = 0;
  switch (type.id) {
    case TypeId::null:
      break;
    case TypeId::boolean:
      column.data = copy_bits(rows.buffer(1), rows, ones);
      break;
    case TypeId::int64:
    case TypeId::uint64:
    case TypeId::float64:
    case TypeId::timestamp: {
      const std::uint8_t* values = rows.buffer(1);
      if (values != nullptr) values += static_cast<std::size_t>(rows.begin) * 8;
      column.data = copy_bytes(values, static_cast<std::size_t>(rows.length) * 8);
      break;
    }
    case TypeId::string:
    case TypeId::binary: {
      column.offsets = copy_offsets(rows, first, end);
      const std::uint8_t* text = rows.buffer(2);
      if (text != nullptr) text += first;
      column.data = copy_bytes(text, static_cast<std::size_t>(end - first));
      break;
    }
    case TypeId::list:
      column.offsets = copy_offsets(rows, first, end);
      column.child = std::make_shared<const Column>(
          import_column(Slice(*rows.array.children[0], first, end - first), {type.item, TypeId::null}));
      break;
  }
  return column;
}

}  // namespace

Result<RecordBatchPtr> import_batch(const ArrowSchema& schema, const ArrowArray& array, std::uint64_t messages) {
  if (std::string_view(schema.format) != "+s" || array.n_children != schema.n_children || array.offset < 0 ||
      array.length < 0 || has_struct_nulls(array)) {
    return Status(ErrorCode::invalid_schema, "not a record batch: a struct array without nulls was expected");
  }
  auto imported = std::make_shared<Schema>();
  std::vector<Column> columns;
  for (std::int64_t i = 0; i < schema.n_children; ++i) {
    const ArrowSchema& field = *schema.children[i];
    const std::string name = field.name == nullptr ? "" : field.name;
    const std::optional<DataType> type = type_of(field);
    if (!type) {
      return Status(ErrorCode::invalid_schema,
                    "column '" + name + "': Arrow's type '" + field.format + "' is none that a batch can have");
    }
    if (!has_all_rows(*array.children[i], array.offset + array.length, *type)) {
      return Status(ErrorCode::invalid_schema, "column '" + name + "' has fewer rows or items than its batch says, " +
                                                   std::to_string(array.offset + array.length) + " rows");
    }
    imported->fields.push_back({name, *type});
    columns.push_back(import_column(Slice(*array.children[i], array.offset, array.length), *type));
  }
  return RecordBatchPtr(std::make_shared<RecordBatch>(std::move(imported), std::move(columns), array.length, messages));
}

}  // namespace honeyframe
