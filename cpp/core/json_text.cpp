#include "json_text.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "utf8.h"

namespace honeyframe {
namespace {

// The value of four hexadecimal digits; above 0xFFFF where they are not.
std::uint32_t four_hex_digits(const char* p) noexcept {
  std::uint32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = p[i];
    std::uint32_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<std::uint32_t>(c - 'A' + 10);
    } else {
      return 0x10000;
    }
    value = value * 16 + digit;
  }
  return value;
}

bool is_high_surrogate(std::uint32_t unit) noexcept {
  return unit >= 0xD800 && unit <= 0xDBFF;
}
bool is_low_surrogate(std::uint32_t unit) noexcept {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

// The length of the escape at `at`, 0 where it is none.
std::size_t escape_length(std::string_view raw, std::size_t at) noexcept {
  if (at + 1 >= raw.size()) return 0;
  if (raw[at + 1] != 'u') return std::strchr("\"\\/bfnrt", raw[at + 1]) != nullptr && raw[at + 1] != '\0' ? 2 : 0;
  if (at + 6 > raw.size()) return 0;
  const std::uint32_t unit = four_hex_digits(raw.data() + at + 2);
  if (unit > 0xFFFF || is_low_surrogate(unit)) return 0;
  if (!is_high_surrogate(unit)) return 6;
  if (at + 12 > raw.size() || raw[at + 6] != '\\' || raw[at + 7] != 'u') return 0;
  return is_low_surrogate(four_hex_digits(raw.data() + at + 8)) ? 12 : 0;
}

char* write_utf8(std::uint32_t point, char* out) noexcept {
  const auto put = [&out](std::uint32_t byte) { *out++ = static_cast<char>(byte); };
  if (point < 0x80) {
    put(point);
  } else if (point < 0x800) {
    put(0xC0 | (point >> 6));
    put(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    put(0xE0 | (point >> 12));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  } else {
    put(0xF0 | (point >> 18));
    put(0x80 | ((point >> 12) & 0x3F));
    put(0x80 | ((point >> 6) & 0x3F));
    put(0x80 | (point & 0x3F));
  }
  return out;
}

char letter(char escaped) noexcept {
  switch (escaped) {
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return escaped;  // a quote, a backslash, a slash
  }
}

}  // namespace

std::size_t find_bad_escape(std::string_view raw) noexcept {
  for (std::size_t at = raw.find('\\'); at < raw.size(); at = raw.find('\\', at)) {
    const std::size_t length = escape_length(raw, at);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::size_t unescape(std::string_view raw, char* const out) noexcept {
  char* to = out;
  while (!raw.empty()) {
    const std::size_t plain = std::min(raw.find('\\'), raw.size());
    std::memcpy(to, raw.data(), plain);
    to += plain;
    raw.remove_prefix(plain);
    if (raw.empty()) break;
    if (raw[1] != 'u') {
      *to++ = letter(raw[1]);
      raw.remove_prefix(2);
      continue;
    }
    std::uint32_t point = four_hex_digits(raw.data() + 2);
    raw.remove_prefix(6);
    if (is_high_surrogate(point)) {
      point = 0x10000 + ((point - 0xD800) << 10) + (four_hex_digits(raw.data() + 2) - 0xDC00);
      raw.remove_prefix(6);
    }
    to = write_utf8(point, to);
  }
  return static_cast<std::size_t>(to - out);
}

std::size_t find_bad_utf8(std::string_view text) noexcept {
  if (is_valid_utf8(text)) return std::string_view::npos;  // most often, and many bytes at a time
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t length = 1;
    while (length <= 4 && !is_valid_utf8(text.substr(at, length))) ++length;
    if (length > 4) return at;
    at += length;
  }
  return std::string_view::npos;
}

}  // namespace honeyframe
