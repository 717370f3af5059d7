// unify() of record_batch.h: which schema serves several batches.

#include <string_view>
#include <unordered_map>

#include "record_batch.h"

namespace honeyframe {
namespace {

bool is_integer(TypeId type) {
  return type == TypeId::int64 || type == TypeId::uint64;
}
bool is_number(TypeId type) {
  return is_integer(type) || type == TypeId::float64;
}

TypeId unify_scalars(TypeId earlier, TypeId later) {
  if (later == TypeId::null) return earlier;
  // A uint64 column exists because a value beyond int64 was seen: it must keep its place, and a negative number can
  // step aside.
  if (is_integer(earlier) && is_integer(later)) return earlier == later ? later : TypeId::uint64;
  if (is_number(earlier) && is_number(later)) return TypeId::float64;
  if (earlier == TypeId::string && later != TypeId::binary) return earlier;  // text holds any value
  return later;
}

DataType unify_types(DataType earlier, DataType later) {
  if (earlier.id == TypeId::list && later.id == TypeId::list) {
    return {TypeId::list, unify_scalars(earlier.item, later.item)};
  }
  if (later.id == TypeId::null || earlier.id == TypeId::string)
    return {unify_scalars(earlier.id, later.id), earlier.item};
  if (later.id == TypeId::list) return later;
  return {earlier.id == TypeId::list ? later.id : unify_scalars(earlier.id, later.id), TypeId::null};
}

}  // namespace

SchemaPtr unify(const std::vector<SchemaPtr>& schemas) {
  auto unified = std::make_shared<Schema>();
  std::unordered_map<std::string_view, std::size_t> positions;  // views into `schemas`, which outlive it
  for (const SchemaPtr& schema : schemas) {
    for (const Field& field : schema->fields) {
      const auto [entry, is_new] = positions.try_emplace(field.name, unified->fields.size());
      if (is_new) {
        unified->fields.push_back(field);
      } else {
        DataType& type = unified->fields[entry->second].type;
        type = unify_types(type, field.type);
      }
    }
  }
  return unified;
}

}  // namespace honeyframe
