#pragma once

// Columns and batches written down as literals, and read back as text, for the tests of everything that stands on
// RecordBatch.

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cell_json.h"
#include "record_batch.h"

namespace honeyframe::testing {

inline constexpr DataType kNull{TypeId::null, TypeId::null};
inline constexpr DataType kBool{TypeId::boolean, TypeId::null};
inline constexpr DataType kInt64{TypeId::int64, TypeId::null};
inline constexpr DataType kUint64{TypeId::uint64, TypeId::null};
inline constexpr DataType kFloat64{TypeId::float64, TypeId::null};
inline constexpr DataType kString{TypeId::string, TypeId::null};
inline constexpr DataType kTimestamp{TypeId::timestamp, TypeId::null};
inline constexpr DataType kBinary{TypeId::binary, TypeId::null};
constexpr DataType list_of(TypeId item) {
  return {TypeId::list, item};
}

inline void set_bit(Buffer& bits, std::size_t index) {
  bits[index / 8] = static_cast<std::uint8_t>(bits[index / 8] | 1u << (index % 8));
}

template <typename T>
BufferPtr buffer_of(const std::vector<T>& values) {
  Buffer bytes(values.size() * sizeof(T));
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return std::make_shared<const Buffer>(std::move(bytes));
}

template <typename T>
Column with_validity(Column column, const std::vector<std::optional<T>>& cells) {
  column.length = static_cast<std::int64_t>(cells.size());
  Buffer bits((cells.size() + 7) / 8);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i]) {
      set_bit(bits, i);
    } else {
      ++column.null_count;
    }
  }
  if (column.null_count > 0) column.validity = std::make_shared<const Buffer>(std::move(bits));
  return column;
}

// T: std::int64_t (also for timestamps), std::uint64_t or double.
template <typename T>
Column numbers(const std::vector<std::optional<T>>& cells) {
  std::vector<T> values;
  for (const auto& cell : cells) values.push_back(cell.value_or(T{}));
  Column column;
  column.data = buffer_of(values);
  return with_validity(std::move(column), cells);
}

inline Column booleans(const std::vector<std::optional<bool>>& cells) {
  Buffer bits((cells.size() + 7) / 8);
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (cells[i].value_or(false)) set_bit(bits, i);
  }
  Column column;
  column.data = std::make_shared<const Buffer>(std::move(bits));
  return with_validity(std::move(column), cells);
}

inline Column strings(const std::vector<std::optional<std::string>>& cells) {
  std::vector<std::int32_t> offsets{0};
  std::string text;
  for (const auto& cell : cells) {
    text += cell.value_or("");
    offsets.push_back(static_cast<std::int32_t>(text.size()));
  }
  Column column;
  column.offsets = buffer_of(offsets);
  column.data = buffer_of(std::vector<char>(text.begin(), text.end()));
  return with_validity(std::move(column), cells);
}

// Lists of the lengths given (nullopt: a null list) over `items`.
inline Column lists(const std::vector<std::optional<std::int32_t>>& lengths, Column items) {
  std::vector<std::int32_t> offsets{0};
  for (const auto& length : lengths) offsets.push_back(offsets.back() + length.value_or(0));
  Column column;
  column.offsets = buffer_of(offsets);
  column.child = std::make_shared<const Column>(std::move(items));
  return with_validity(std::move(column), lengths);
}

inline Column nulls(std::int64_t length) {
  Column column;
  column.length = length;
  column.null_count = length;
  return column;
}

inline SchemaPtr schema_of(std::vector<Field> fields) {
  return std::make_shared<const Schema>(Schema{std::move(fields)});
}

inline RecordBatchPtr batch_of(std::vector<std::pair<Field, Column>> columns, std::uint64_t messages = 0) {
  std::vector<Field> fields;
  std::vector<Column> data;
  const std::int64_t rows = columns.empty() ? 0 : columns.front().second.length;
  for (auto& [field, column] : columns) {
    fields.push_back(std::move(field));
    data.push_back(std::move(column));
  }
  return std::make_shared<RecordBatch>(schema_of(std::move(fields)), std::move(data), rows, messages);
}

// The cells of a column, each as JSON.
inline std::vector<std::string> cells(const RecordBatch& batch, std::string_view name) {
  std::vector<std::string> out;
  const int index = batch.schema()->index_of(name);
  if (index < 0) return {"there is no such column"};
  const auto position = static_cast<std::size_t>(index);
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    append_cell_json(batch.columns()[position], batch.schema()->fields[position].type, row, out.emplace_back());
  }
  return out;
}

}  // namespace honeyframe::testing
