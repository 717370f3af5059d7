#pragma once

// Numbers from one type to another where no bit of their value is lost, and nullopt where one would be. Pure functions.

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <type_traits>
#include <utility>

namespace honeyframe {

template <typename To, typename From>
[[nodiscard]] std::optional<To> exactly(From value) noexcept {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::integral<To> && std::integral<From>) {
    return std::in_range<To>(value) ? std::optional<To>(static_cast<To>(value)) : std::nullopt;
  } else if constexpr (std::integral<To>) {
    // 2^63 and 2^64, the first values beyond, are doubles; the integer maxima are not.
    const double limit = std::ldexp(1.0, std::numeric_limits<To>::digits);
    const double lowest = std::is_signed_v<To> ? -limit : 0.0;
    if (!(value >= lowest && value < limit) || std::trunc(value) != value) return std::nullopt;
    return static_cast<To>(value);
  } else {
    const auto rounded = static_cast<To>(value);
    return exactly<From>(rounded) == value ? std::optional<To>(rounded) : std::nullopt;
  }
}

// The value of a text that is exactly one JSON number and nothing else. To: int64_t, uint64_t or double. An integer
// that no double holds is not rounded into one; a fraction is read as any JSON reader reads it.
template <typename To>
[[nodiscard]] std::optional<To> number_from_text(std::string_view text);

}  // namespace honeyframe
