#include "json_number.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <system_error>

namespace honeyframe {
namespace {

bool is_digit(char c) noexcept {
  return static_cast<unsigned char>(c - '0') <= 9;
}

// 10^0 .. 10^22: the powers of ten that are doubles.
constexpr std::array<double, 23> kPowersOfTen = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

constexpr std::uint64_t kTenToThe19th = 10'000'000'000'000'000'000U;
constexpr std::uint64_t kMaxInt64 = 0x7FFF'FFFF'FFFF'FFFFU;
constexpr std::uint64_t kMaxExactMantissa = 1ULL << 53;

JsonNumber invalid_at(const char* where) noexcept {
  JsonNumber number;
  number.end = where;
  return number;
}

JsonNumber integer(bool negative, std::uint64_t magnitude, bool overflow, const char* end) noexcept {
  JsonNumber number;
  number.end = end;
  if (overflow || (negative && magnitude > kMaxInt64 + 1)) {
    number.kind = NumberKind::big_integer;
  } else if (magnitude <= kMaxInt64 || negative) {
    number.kind = NumberKind::int64;
    number.int64 = static_cast<std::int64_t>(negative ? ~magnitude + 1 : magnitude);
  } else {
    number.kind = NumberKind::uint64;
    number.uint64 = magnitude;
  }
  return number;
}

// What the standard library calls out of range is too large or too small. Decided by the place of the first digit that
// is not 0, relative to the point.
bool is_underflow(const char* begin, const char* end, std::int64_t exponent) noexcept {
  std::int64_t place = 0;
  bool significant = false;
  bool fraction = false;
  for (const char* p = begin; p != end && *p != 'e' && *p != 'E'; ++p) {
    if (*p == '.') {
      fraction = true;
    } else if (is_digit(*p)) {
      significant = significant || *p != '0';
      if (significant && !fraction) ++place;
      if (!significant && fraction) --place;
    }
  }
  return place + exponent < 0;
}

JsonNumber nearest_double(const char* begin, const char* end, std::int64_t exponent) noexcept {
  JsonNumber number;
  number.end = end;
  number.kind = NumberKind::float64;
  number.float64 = 0;
  const std::errc error = std::from_chars(begin, end, number.float64).ec;
  if (error == std::errc::result_out_of_range) {
    if (is_underflow(begin, end, exponent)) {
      number.float64 = *begin == '-' ? -0.0 : 0.0;
    } else {
      number.kind = NumberKind::out_of_range;
    }
  }
  return number;
}

}  // namespace

JsonNumber read_number(const char* const begin) noexcept {
  const char* p = begin;
  const bool negative = *p == '-';
  if (negative) ++p;
  const char* const digits = p;
  std::uint64_t mantissa = 0;  // wraps beyond 20 digits; used only where it did not
  while (is_digit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
  const auto integer_digits = p - digits;
  if (integer_digits == 0) return invalid_at(p);
  if (*digits == '0' && integer_digits > 1) return invalid_at(digits + 1);
  if (*p != '.' && *p != 'e' && *p != 'E') {
    const bool overflow = integer_digits > 20 || (integer_digits == 20 && (*digits != '1' || mantissa < kTenToThe19th));
    return integer(negative, mantissa, overflow, p);
  }
  std::int64_t fraction_digits = 0;
  if (*p == '.') {
    const char* const fraction = ++p;
    while (is_digit(*p)) mantissa = mantissa * 10 + static_cast<std::uint64_t>(*p++ - '0');
    fraction_digits = p - fraction;
    if (fraction_digits == 0) return invalid_at(p);
  }
  std::int64_t exponent = 0;
  if (*p == 'e' || *p == 'E') {
    ++p;
    const bool negative_exponent = *p == '-';
    if (*p == '+' || *p == '-') ++p;
    if (!is_digit(*p)) return invalid_at(p);
    for (; is_digit(*p); ++p) {
      if (exponent < 1'000'000'000'000) exponent = exponent * 10 + (*p - '0');
    }
    if (negative_exponent) exponent = -exponent;
  }
  const std::int64_t scale = exponent - fraction_digits;
  if (integer_digits + fraction_digits > 19 || mantissa > kMaxExactMantissa || scale < -22 || scale > 22) {
    return nearest_double(begin, p, exponent);
  }
  // Both factors are doubles, so the one rounding of the product or quotient is the right one (Clinger 1990).
  JsonNumber number;
  number.kind = NumberKind::float64;
  number.end = p;
  const auto value = static_cast<double>(mantissa);
  const double power = kPowersOfTen[static_cast<std::size_t>(scale < 0 ? -scale : scale)];
  number.float64 = scale < 0 ? value / power : value * power;
  if (negative) number.float64 = -number.float64;
  return number;
}

JsonNumber parse_number(std::string_view text) {
  std::array<char, 64> usual{};
  std::string longer;
  const char* terminated = usual.data();
  if (text.size() < usual.size()) {
    std::copy(text.begin(), text.end(), usual.begin());
  } else {
    longer = text;
    terminated = longer.c_str();
  }
  JsonNumber number = read_number(terminated);
  if (number.end != terminated + text.size()) number.kind = NumberKind::invalid;
  number.end = text.data() + (number.end - terminated);
  return number;
}

std::optional<double> exact_double(std::string_view digits) noexcept {
  double value = 0;
  if (std::from_chars(digits.data(), digits.data() + digits.size(), value).ec != std::errc()) return std::nullopt;
  std::array<char, 512> spelled;  // the longest double that is an integer has 309 digits
  const auto written =
      std::to_chars(spelled.data(), spelled.data() + spelled.size(), value, std::chars_format::fixed, 0);
  const std::string_view back(spelled.data(), static_cast<std::size_t>(written.ptr - spelled.data()));
  return written.ec == std::errc() && back == digits ? std::optional<double>(value) : std::nullopt;
}

}  // namespace honeyframe
