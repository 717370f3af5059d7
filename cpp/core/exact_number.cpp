#include "exact_number.h"

#include "json_number.h"

namespace honeyframe {

template <typename To>
std::optional<To> number_from_text(std::string_view text) {
  const JsonNumber number = parse_number(text);
  switch (number.kind) {
    case NumberKind::int64:
      return exactly<To>(number.int64);
    case NumberKind::uint64:
      return exactly<To>(number.uint64);
    case NumberKind::float64:
      return exactly<To>(number.float64);
    case NumberKind::big_integer: {
      const std::optional<double> value = exact_double(text);
      return value ? exactly<To>(*value) : std::nullopt;
    }
    case NumberKind::out_of_range:
    case NumberKind::invalid:
      return std::nullopt;
  }
  return std::nullopt;
}

template std::optional<std::int64_t> number_from_text<std::int64_t>(std::string_view);
template std::optional<std::uint64_t> number_from_text<std::uint64_t>(std::string_view);
template std::optional<double> number_from_text<double>(std::string_view);

}  // namespace honeyframe
