#include "batch_gather.h"

#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <utility>

namespace honeyframe {
namespace {

// A range of one column's cells.
struct CellRange {
  const Column* column;
  std::int64_t begin;
  std::int64_t end;
};

bool bit_at(const Buffer& bits, std::int64_t index) {
  return (bits[static_cast<std::size_t>(index) / 8] >> (index % 8) & 1) != 0;
}

void set_bit(Buffer& bits, std::int64_t index) {
  Buffer::value_type& byte = bits[static_cast<std::size_t>(index) / 8];
  byte = static_cast<Buffer::value_type>(byte | 1u << (index % 8));
}

std::int32_t offset_at(const Column& column, std::int64_t index) {
  std::int32_t offset = 0;
  std::memcpy(&offset, column.offsets->data() + static_cast<std::size_t>(index) * sizeof offset, sizeof offset);
  return offset;
}

std::int64_t cells_in(const std::vector<CellRange>& ranges) {
  std::int64_t cells = 0;
  for (const CellRange& range : ranges) cells += range.end - range.begin;
  return cells;
}

void gather_validity(const std::vector<CellRange>& ranges, Column& out) {
  Buffer bits((static_cast<std::size_t>(out.length) + 7) / 8);
  std::int64_t at = 0;
  for (const CellRange& range : ranges) {
    for (std::int64_t i = range.begin; i < range.end; ++i, ++at) {
      if (!range.column->validity || bit_at(*range.column->validity, i)) {
        set_bit(bits, at);
      } else {
        ++out.null_count;
      }
    }
  }
  if (out.null_count > 0) out.validity = std::make_shared<const Buffer>(std::move(bits));
}

void gather_bits(const std::vector<CellRange>& ranges, Column& out) {
  Buffer bits((static_cast<std::size_t>(out.length) + 7) / 8);
  std::int64_t at = 0;
  for (const CellRange& range : ranges) {
    for (std::int64_t i = range.begin; i < range.end; ++i, ++at) {
      if (bit_at(*range.column->data, i)) set_bit(bits, at);
    }
  }
  out.data = std::make_shared<const Buffer>(std::move(bits));
}

void append(Buffer& target, const BufferPtr& source, std::size_t begin, std::size_t end) {
  if (begin == end) return;
  const auto* const bytes = source->data();
  target.insert(target.end(), bytes + begin, bytes + end);
}

void gather_words(const std::vector<CellRange>& ranges, Column& out) {
  constexpr std::size_t kWord = 8;
  Buffer words;
  words.reserve(static_cast<std::size_t>(out.length) * kWord);
  for (const CellRange& range : ranges) {
    append(words, range.column->data, static_cast<std::size_t>(range.begin) * kWord,
           static_cast<std::size_t>(range.end) * kWord);
  }
  out.data = std::make_shared<const Buffer>(std::move(words));
}

// The offsets of `ranges`, begun anew at 0, and the ranges of the bytes or items to which they point. False where 32
// bits do not hold them.
bool gather_offsets(const std::vector<CellRange>& ranges, Column& out, std::vector<CellRange>& pointed) {
  std::vector<std::int32_t> offsets;
  offsets.reserve(static_cast<std::size_t>(out.length) + 1);
  offsets.push_back(0);
  for (const CellRange& range : ranges) {
    if (range.begin == range.end) continue;
    const Column& column = *range.column;
    const std::int64_t first = offset_at(column, range.begin);
    const std::int64_t shift = offsets.back() - first;
    const std::int64_t last = offset_at(column, range.end);
    if (last + shift > std::numeric_limits<std::int32_t>::max()) return false;
    for (std::int64_t i = range.begin + 1; i <= range.end; ++i) {
      offsets.push_back(static_cast<std::int32_t>(offset_at(column, i) + shift));
    }
    pointed.push_back({&column, first, last});
  }
  Buffer bytes(offsets.size() * sizeof(std::int32_t));
  std::memcpy(bytes.data(), offsets.data(), bytes.size());
  out.offsets = std::make_shared<const Buffer>(std::move(bytes));
  return true;
}

bool gather_column(DataType type, const std::vector<CellRange>& ranges, Column& out) {
  out.length = cells_in(ranges);
  if (type.id == TypeId::null) {
    out.null_count = out.length;
    return true;
  }
  gather_validity(ranges, out);
  std::vector<CellRange> pointed;
  switch (type.id) {
    case TypeId::null:
      break;
    case TypeId::boolean:
      gather_bits(ranges, out);
      break;
    case TypeId::int64:
    case TypeId::uint64:
    case TypeId::float64:
    case TypeId::timestamp:
      gather_words(ranges, out);
      break;
    case TypeId::string:
    case TypeId::binary: {
      if (!gather_offsets(ranges, out, pointed)) return false;
      Buffer text;
      for (const CellRange& range : pointed) {
        append(text, range.column->data, static_cast<std::size_t>(range.begin), static_cast<std::size_t>(range.end));
      }
      out.data = std::make_shared<const Buffer>(std::move(text));
      break;
    }
    case TypeId::list: {
      if (!gather_offsets(ranges, out, pointed)) return false;
      for (CellRange& range : pointed) range.column = range.column->child.get();
      Column items;
      if (!gather_column({type.item, TypeId::null}, pointed, items)) return false;  // a list holds no lists
      out.child = std::make_shared<const Column>(std::move(items));
      break;
    }
  }
  return true;
}

// Every batch under one schema.
Result<std::vector<RecordBatchPtr>> unified(const std::vector<RowRange>& ranges) {
  std::vector<RecordBatchPtr> batches;
  std::vector<SchemaPtr> schemas;
  bool equal = true;
  for (const RowRange& range : ranges) {
    batches.push_back(range.batch);
    schemas.push_back(range.batch->schema());
    equal = equal && (schemas.back() == schemas.front() || *schemas.back() == *schemas.front());
  }
  if (equal) return batches;
  return cast_all(batches, unify(schemas));
}

}  // namespace

Result<RecordBatchPtr> gather(const std::vector<RowRange>& ranges, std::uint64_t messages,
                              std::uint64_t payload_bytes) {
  const RecordBatchPtr& first = ranges.front().batch;
  if (ranges.size() == 1 && ranges.front().begin == 0 && ranges.front().end == first->rows() &&
      first->messages() == messages && first->payload_bytes() == payload_bytes) {
    return first;
  }
  auto batches = unified(ranges);
  if (!batches.ok()) return batches.status();
  const SchemaPtr& schema = batches.value().front()->schema();
  std::int64_t rows = 0;
  for (const RowRange& range : ranges) rows += range.end - range.begin;
  std::vector<Column> columns(schema->fields.size());
  for (std::size_t c = 0; c < columns.size(); ++c) {
    std::vector<CellRange> cells;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      cells.push_back({&batches.value()[i]->columns()[c], ranges[i].begin, ranges[i].end});
    }
    if (!gather_column(schema->fields[c].type, cells, columns[c])) {
      return Status(ErrorCode::invalid_argument, "column '" + schema->fields[c].name + "': " + std::to_string(rows) +
                                                     " rows hold more than the 2 GiB of a column");
    }
  }
  auto batch = std::make_shared<RecordBatch>(schema, std::move(columns), rows, messages);
  batch->set_payload_bytes(payload_bytes);
  return RecordBatchPtr(std::move(batch));
}

}  // namespace honeyframe
