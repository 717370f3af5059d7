#pragma once

// The types a column may have, and how they are spelled: "bool", "int64", "uint64", "float64", "string", "timestamp",
// "binary", "list<float64>". Values; no thread of their own.

#include <cstdint>
#include <string>
#include <string_view>

#include "status.h"

namespace honeyframe {

enum class TypeId : std::uint8_t {
  null,  // a key was seen, a value not yet
  boolean,
  int64,
  uint64,
  float64,
  string,
  timestamp,  // nanoseconds, UTC
  binary,
  list,  // of a scalar
};

struct DataType {
  TypeId id = TypeId::null;
  TypeId item = TypeId::null;  // for lists

  bool operator==(const DataType&) const = default;
  // Errors: invalid_schema, naming the types there are. Aliases: boolean, int, integer, float, double, str, utf8,
  // datetime, bytes.
  static Result<DataType> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
};

}  // namespace honeyframe
