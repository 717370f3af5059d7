#include "exact_number.h"

#include <charconv>
#include <system_error>

namespace honeyframe {
namespace {

enum class NumberKind : std::uint8_t { none, integer, fraction };

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  return at;
}

// -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?
NumberKind classify(std::string_view text) {
  std::size_t at = !text.empty() && text[0] == '-' ? 1 : 0;
  const std::size_t first = at;
  at = skip_digits(text, at);
  if (at == first || (text[first] == '0' && at > first + 1)) return NumberKind::none;
  if (at == text.size()) return NumberKind::integer;
  if (text[at] == '.') {
    const std::size_t fraction = at + 1;
    at = skip_digits(text, fraction);
    if (at == fraction) return NumberKind::none;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    const std::size_t exponent = at;
    at = skip_digits(text, exponent);
    if (at == exponent) return NumberKind::none;
  }
  return at == text.size() ? NumberKind::fraction : NumberKind::none;
}

template <typename Number>
std::optional<Number> parse(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename To, typename From>
std::optional<To> parse_exactly(std::string_view text) {
  const std::optional<From> value = parse<From>(text);
  return value ? exactly<To>(*value) : std::nullopt;
}

}  // namespace

template <typename To>
std::optional<To> number_from_text(std::string_view text) noexcept {
  switch (classify(text)) {
    case NumberKind::none:
      return std::nullopt;
    case NumberKind::fraction:
      return parse_exactly<To, double>(text);
    case NumberKind::integer: {
      const std::optional<To> value = parse_exactly<To, std::int64_t>(text);
      return value ? value : parse_exactly<To, std::uint64_t>(text);
    }
  }
  return std::nullopt;
}

template std::optional<std::int64_t> number_from_text<std::int64_t>(std::string_view) noexcept;
template std::optional<std::uint64_t> number_from_text<std::uint64_t>(std::string_view) noexcept;
template std::optional<double> number_from_text<double>(std::string_view) noexcept;

}  // namespace honeyframe
