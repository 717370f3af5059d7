#pragma once

// The inside of JSON strings (RFC 8259, section 7): escapes checked and read. Pure functions.

#include <cstddef>
#include <string_view>

namespace honeyframe {

// Where the first escape begins that is none: an unknown letter, bad hexadecimal digits, half of a surrogate pair.
// string_view::npos where all are well. `raw`: what stands between the quotes.
[[nodiscard]] std::size_t find_bad_escape(std::string_view raw) noexcept;

// Writes the string behind `raw`, whose escapes have been checked, to `out`, which has room for raw.size() bytes.
// Returns its size.
[[nodiscard]] std::size_t unescape(std::string_view raw, char* out) noexcept;

// Byte offset of the first sequence that is not UTF-8, npos where there is none.
[[nodiscard]] std::size_t find_bad_utf8(std::string_view text) noexcept;

}  // namespace honeyframe
