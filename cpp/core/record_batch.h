#pragma once

// RecordBatch: an immutable table of columns in Arrow's memory layout, shared by reference count. Safe to read from any
// thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data_type.h"
#include "status.h"

namespace honeyframe {

struct Field {
  std::string name;
  DataType type;
  bool operator==(const Field&) const = default;
};

struct Schema {
  std::vector<Field> fields;
  bool operator==(const Schema&) const = default;
  [[nodiscard]] int index_of(std::string_view name) const noexcept;  // -1 where there is none
};
using SchemaPtr = std::shared_ptr<const Schema>;

// Aligned as operator new aligns (16 bytes): enough for every type we have, and what Arrow's consumers take without a
// copy.
using Buffer = std::vector<std::uint8_t>;
using BufferPtr = std::shared_ptr<const Buffer>;

// Arrow columnar layout (Columnar Format 1.0): validity bitmap (null where every value is there), then by type: bits,
// 8-byte values, or int32 offsets and bytes; a list has offsets and one child.
struct Column {
  std::int64_t length = 0;
  std::int64_t null_count = 0;
  BufferPtr validity;
  BufferPtr offsets;
  BufferPtr data;
  std::shared_ptr<const Column> child;
};

class RecordBatch {
 public:
  RecordBatch(SchemaPtr schema, std::vector<Column> columns, std::int64_t rows, std::uint64_t messages)
      : schema_(std::move(schema)), columns_(std::move(columns)), rows_(rows), messages_(messages) {}

  [[nodiscard]] const SchemaPtr& schema() const noexcept { return schema_; }
  [[nodiscard]] const std::vector<Column>& columns() const noexcept { return columns_; }
  [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }
  // How many messages these rows stand for, those without rows included.
  [[nodiscard]] std::uint64_t messages() const noexcept { return messages_; }
  [[nodiscard]] std::uint64_t payload_bytes() const noexcept { return payload_bytes_; }
  void set_payload_bytes(std::uint64_t bytes) noexcept { payload_bytes_ = bytes; }
  // Memory of all buffers.
  [[nodiscard]] std::size_t bytes() const noexcept;

 private:
  SchemaPtr schema_;
  std::vector<Column> columns_;
  std::int64_t rows_;
  std::uint64_t messages_;
  std::uint64_t payload_bytes_ = 0;
};
using RecordBatchPtr = std::shared_ptr<const RecordBatch>;

// The schema to which all of `schemas` can be cast: columns in order of first appearance, types widened as within a
// stream (null -> anything; int64 and uint64 -> uint64; either and float64 -> float64; lists by their items; otherwise
// the last schema's type).
[[nodiscard]] SchemaPtr unify(const std::vector<SchemaPtr>& schemas);

// The column that holds, as the text of a JSON object (column name -> value), what did not fit the other columns of its
// row.
inline constexpr std::string_view kMisfitColumn = "_misfit";

// `batch` with the columns of `target`, in its order; missing ones are null. A value that the target type cannot hold
// exactly goes to the row's
// `_misfit`, joining what is there; where `target` has no such column, it is appended if a value needs it. Shares the
// buffers of columns whose type stays. Errors: invalid_schema (`_misfit` is not a string), invalid_argument (a column's
// text grows beyond Arrow's 2 GiB).
[[nodiscard]] Result<RecordBatchPtr> cast(const RecordBatchPtr& batch, const SchemaPtr& target);
// All of `batches` cast, to one schema: `target`, with `_misfit` where any of them needed it.
[[nodiscard]] Result<std::vector<RecordBatchPtr>> cast_all(const std::vector<RecordBatchPtr>& batches,
                                                           SchemaPtr target);

}  // namespace honeyframe
