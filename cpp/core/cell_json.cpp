#include "cell_json.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>

namespace honeyframe {
namespace {

template <typename Number>
void append_number(Number value, std::string& out) {
  std::array<char, 32> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_double(double value, std::string& out) {
  if (!std::isfinite(value)) {  // JSON has no word for it
    out += std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
    return;
  }
  const std::size_t begin = out.size();
  append_number(value, out);
  if (out.find_first_of(".e", begin) == std::string::npos) out += ".0";  // read again, it is a double again
}

void append_padded(unsigned value, std::size_t width, std::string& out) {
  const std::string digits = std::to_string(value);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

// 2026-01-31T12:00:00.5Z: as many fractional digits as there are, none for a whole second.
void append_timestamp(std::int64_t nanoseconds, std::string& out) {
  using namespace std::chrono;
  // The first day that nanoseconds reach begins where they do not.
  constexpr std::int64_t kSecond = 1'000'000'000;
  const std::int64_t fraction = (nanoseconds % kSecond + kSecond) % kSecond;
  const sys_seconds time{std::chrono::seconds(nanoseconds / kSecond - (nanoseconds % kSecond < 0 ? 1 : 0))};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  append_padded(static_cast<unsigned>(static_cast<int>(date.year())), 4,
                out);  // 1677 to 2262: int64 nanoseconds reach no further
  out += '-';
  append_padded(static_cast<unsigned>(date.month()), 2, out);
  out += '-';
  append_padded(static_cast<unsigned>(date.day()), 2, out);
  out += 'T';
  append_padded(static_cast<unsigned>(clock.hours().count()), 2, out);
  out += ':';
  append_padded(static_cast<unsigned>(clock.minutes().count()), 2, out);
  out += ':';
  append_padded(static_cast<unsigned>(clock.seconds().count()), 2, out);
  if (fraction != 0) {
    out += '.';
    append_padded(static_cast<unsigned>(fraction), 9, out);
    out.erase(out.find_last_not_of('0') + 1);
  }
  out += 'Z';
}

void append_base64(std::string_view bytes, std::string& out) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    }
    for (std::size_t k = 0; k < 4; ++k) out += k <= count ? kDigits[group >> (18 - 6 * k) & 63] : '=';
  }
}

bool bit_at(const BufferPtr& bits, std::int64_t row) {
  const auto index = static_cast<std::size_t>(row);
  return ((*bits)[index / 8] >> (index % 8) & 1) != 0;
}

void append_list(const Column& column, TypeId item, std::int64_t row, std::string& out) {
  const auto begin = value_at<std::int32_t>(column.offsets, row);
  const auto end = value_at<std::int32_t>(column.offsets, row + 1);
  out += '[';
  for (std::int64_t i = begin; i < end; ++i) {
    if (i > begin) out += ',';
    append_cell_json(*column.child, {item, TypeId::null}, i, out);
  }
  out += ']';
}

}  // namespace

template <typename T>
T value_at(const BufferPtr& buffer, std::int64_t index) noexcept {
  T value;
  std::memcpy(&value, buffer->data() + static_cast<std::size_t>(index) * sizeof(T), sizeof(T));
  return value;
}
template std::int32_t value_at<std::int32_t>(const BufferPtr&, std::int64_t) noexcept;
template std::int64_t value_at<std::int64_t>(const BufferPtr&, std::int64_t) noexcept;
template std::uint64_t value_at<std::uint64_t>(const BufferPtr&, std::int64_t) noexcept;
template double value_at<double>(const BufferPtr&, std::int64_t) noexcept;

std::string_view bytes_at(const Column& column, std::int64_t row) noexcept {
  const auto begin = static_cast<std::size_t>(value_at<std::int32_t>(column.offsets, row));
  const auto end = static_cast<std::size_t>(value_at<std::int32_t>(column.offsets, row + 1));
  if (begin == end) return {};
  return {reinterpret_cast<const char*>(column.data->data()) + begin, end - begin};
}

void append_json_string(std::string_view text, std::string& out) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void append_cell_json(const Column& column, DataType type, std::int64_t row, std::string& out) {
  if (!is_valid(column, row)) {
    out += "null";
    return;
  }
  switch (type.id) {
    case TypeId::null:
      out += "null";
      return;
    case TypeId::boolean:
      out += bit_at(column.data, row) ? "true" : "false";
      return;
    case TypeId::int64:
      append_number(value_at<std::int64_t>(column.data, row), out);
      return;
    case TypeId::uint64:
      append_number(value_at<std::uint64_t>(column.data, row), out);
      return;
    case TypeId::float64:
      append_double(value_at<double>(column.data, row), out);
      return;
    case TypeId::string:
      append_json_string(bytes_at(column, row), out);
      return;
    case TypeId::timestamp:
    case TypeId::binary:
      out += '"';
      append_cell_text(column, type, row, out);
      out += '"';
      return;
    case TypeId::list:
      append_list(column, type.item, row, out);
      return;
  }
}

void append_cell_text(const Column& column, DataType type, std::int64_t row, std::string& out) {
  switch (type.id) {
    case TypeId::string:
      out += bytes_at(column, row);
      return;
    case TypeId::timestamp:
      append_timestamp(value_at<std::int64_t>(column.data, row), out);
      return;
    case TypeId::binary:
      append_base64(bytes_at(column, row), out);
      return;
    case TypeId::null:
    case TypeId::boolean:
    case TypeId::int64:
    case TypeId::uint64:
    case TypeId::float64:
    case TypeId::list:
      append_cell_json(column, type, row, out);
      return;
  }
}

}  // namespace honeyframe
