#include "data_type.h"

#include <array>
#include <utility>

#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::array<std::pair<std::string_view, TypeId>, 18> kNames{{
    {"null", TypeId::null},
    {"bool", TypeId::boolean},
    {"int64", TypeId::int64},
    {"uint64", TypeId::uint64},
    {"float64", TypeId::float64},
    {"string", TypeId::string},
    {"timestamp", TypeId::timestamp},
    {"binary", TypeId::binary},
    {"boolean", TypeId::boolean},
    {"int", TypeId::int64},
    {"integer", TypeId::int64},
    {"uint", TypeId::uint64},
    {"float", TypeId::float64},
    {"double", TypeId::float64},
    {"str", TypeId::string},
    {"utf8", TypeId::string},
    {"datetime", TypeId::timestamp},
    {"bytes", TypeId::binary},
}};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// TypeId::list stands for "no such scalar".
TypeId scalar_named(std::string_view text) {
  for (const auto& [name, id] : kNames) {
    if (name == text && id != TypeId::null) return id;
  }
  return TypeId::list;
}

std::string_view scalar_name(TypeId id) {
  for (const auto& [name, named] : kNames) {
    if (named == id) return name;
  }
  return "list";
}

Status unknown_type(std::string_view text) {
  return Status(ErrorCode::invalid_schema, "no such column type: " + in_quotes(text) +
                                               "; there are bool, int64, uint64, float64, string, timestamp, binary "
                                               "and list<...> of one of them");
}

}  // namespace

Result<DataType> DataType::parse(std::string_view text) {
  const std::string_view name = trimmed(text);
  if (name.starts_with("list<") && name.ends_with('>')) {
    const TypeId item = scalar_named(trimmed(name.substr(5, name.size() - 6)));
    if (item == TypeId::list) return unknown_type(text);
    return DataType{TypeId::list, item};
  }
  const TypeId id = scalar_named(name);
  if (id == TypeId::list) return unknown_type(text);
  return DataType{id, TypeId::null};
}

std::string DataType::to_string() const {
  if (id != TypeId::list) return std::string(scalar_name(id));
  return "list<" + std::string(scalar_name(item)) + ">";
}

}  // namespace honeyframe
