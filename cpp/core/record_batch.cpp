#include "record_batch.h"

#include <algorithm>

namespace honeyframe {
namespace {

std::size_t bytes_of(const BufferPtr& buffer) {
  return buffer ? buffer->size() : 0;
}

std::size_t bytes_of(const Column& column) {
  return bytes_of(column.validity) + bytes_of(column.offsets) + bytes_of(column.data) +
         (column.child ? bytes_of(*column.child) : 0);
}

}  // namespace

int Schema::index_of(std::string_view name) const noexcept {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? -1 : static_cast<int>(found - fields.begin());
}

std::size_t RecordBatch::bytes() const noexcept {
  std::size_t sum = 0;
  for (const Column& column : columns_) sum += bytes_of(column);
  return sum;
}

}  // namespace honeyframe
