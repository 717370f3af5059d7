#pragma once

// Numbers as JSON spells them (RFC 8259, section 6), read by ourselves from the raw text: the answer does not depend on
// the version of simdjson, integers stay exact, and a number beyond its type is a value with a name, not an error. Pure
// functions.

#include <cstdint>
#include <optional>
#include <string_view>

namespace honeyframe {

enum class NumberKind : std::uint8_t {
  invalid,       // not a JSON number
  int64,         // an integer within int64; -0 is 0
  uint64,        // an integer beyond int64, within uint64
  float64,       // has a fraction or an exponent; the nearest double
  big_integer,   // an integer outside 64 bits: see exact_double()
  out_of_range,  // its nearest double is infinite, as 1e400
};

struct JsonNumber {
  NumberKind kind = NumberKind::invalid;
  union {
    std::int64_t int64 = 0;
    std::uint64_t uint64;
    double float64;
  };
  const char* end = nullptr;  // one past the last character of the number; where it went wrong if invalid
};

// Reads as far as the grammar goes. A byte that can be no part of a number must follow the text (a quote, a padding 0).
[[nodiscard]] JsonNumber read_number(const char* begin) noexcept;

// The number that is the whole of `text`, which needs no byte behind it.
[[nodiscard]] JsonNumber parse_number(std::string_view text);

// The double that is exactly the integer spelled by `digits` ("-" and digits), if there is one.
[[nodiscard]] std::optional<double> exact_double(std::string_view digits) noexcept;

}  // namespace honeyframe
