#pragma once

// The JSON text of one cell of a column: what a string column and `_misfit` hold of a value that is no string. Pure
// functions.

#include <cstdint>
#include <string>
#include <string_view>

#include "record_batch.h"

namespace honeyframe {

[[nodiscard]] inline bool is_valid(const Column& column, std::int64_t row) noexcept {
  if (!column.validity) return column.null_count == 0;
  const auto index = static_cast<std::size_t>(row);
  return ((*column.validity)[index / 8] >> (index % 8) & 1) != 0;
}

// The bytes of row `row` of a string or binary column; the value must be there.
[[nodiscard]] std::string_view bytes_at(const Column& column, std::int64_t row) noexcept;
// Element `index` of a buffer of 8-byte values (or of 4-byte offsets).
template <typename T>
[[nodiscard]] T value_at(const BufferPtr& buffer, std::int64_t index) noexcept;

// Appends `text` as a JSON string, quotes included. Bytes that are not UTF-8 must not be in it.
void append_json_string(std::string_view text, std::string& out);
// Appends the cell. A double keeps a fraction ("21.0") and round-trips; a timestamp is RFC 3339 in UTC, in quotes;
// binary is base64, in quotes.
void append_cell_json(const Column& column, DataType type, std::int64_t row, std::string& out);
// The same, for a string column: strings, timestamps and base64 without their quotes.
void append_cell_text(const Column& column, DataType type, std::int64_t row, std::string& out);

}  // namespace honeyframe
