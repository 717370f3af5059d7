#include "cell_reader.h"

namespace honeyframe {
namespace {

CellKind kind_of(NumberKind kind) noexcept {
  switch (kind) {
    case NumberKind::int64:
      return CellKind::int64;
    case NumberKind::uint64:
      return CellKind::uint64;
    case NumberKind::float64:
      return CellKind::float64;
    case NumberKind::big_integer:
      return CellKind::big_integer;
    case NumberKind::out_of_range:
    case NumberKind::invalid:
      break;
  }
  return CellKind::out_of_range;
}

}  // namespace

bool CellReader::read(Cell& cell, std::size_t depth_left) {
  if (tokens_.peek() == '[') return read_list(cell, depth_left);
  if (tokens_.peek() != '{') return read_scalar(cell);
  std::string_view text;
  if (!tokens_.skip_value(strict_, depth_left, text)) return false;
  cell.kind = CellKind::json;
  cell.begin = static_cast<std::uint32_t>(text.data() - cells_->payload);
  cell.size = static_cast<std::uint32_t>(text.size());
  return true;
}

bool CellReader::read_scalar(Cell& cell) {
  cell.begin = tokens_.offset();
  switch (tokens_.peek()) {
    case '"': {
      std::string_view raw;
      if (!tokens_.read_string(raw, cell.escaped)) return false;
      cell.kind = CellKind::string;
      cell.size = static_cast<std::uint32_t>(raw.size() + 2);
      return true;
    }
    case 't':
      cell.kind = CellKind::boolean;
      cell.boolean = true;
      cell.size = 4;
      return tokens_.read_literal("true");
    case 'f':
      cell.kind = CellKind::boolean;
      cell.boolean = false;
      cell.size = 5;
      return tokens_.read_literal("false");
    case 'n':
      cell.kind = CellKind::null;
      cell.size = 4;
      return tokens_.read_literal("null");
    default: {
      JsonNumber number;
      const char* const begin = tokens_.text();
      if (!tokens_.read_number(number)) return false;
      cell.kind = kind_of(number.kind);
      cell.uint64 = number.uint64;
      cell.size = static_cast<std::uint32_t>(number.end - begin);
      return true;
    }
  }
}

// A list of scalars becomes items; one that holds more is kept as its text.
bool CellReader::read_list(Cell& cell, std::size_t depth_left) {
  if (depth_left == 0) return tokens_.fail_too_deep(max_depth_);
  const std::uint32_t begin = tokens_.position();
  const std::size_t first_item = cells_->items.size();
  std::uint32_t kinds = 0;
  cell.kind = CellKind::list;
  tokens_.advance();
  while (tokens_.peek() != ']') {
    if (tokens_.peek() == '{' || tokens_.peek() == '[') {
      cells_->items.resize(first_item);
      tokens_.rewind(begin);
      cell.kind = CellKind::json;
      std::string_view ignored;
      if (!tokens_.skip_value(strict_, depth_left, ignored)) return false;
      break;
    }
    Cell& item = cells_->items.add();
    if (!read_scalar(item)) return false;
    kinds |= kind_bit(item.kind);
    if (tokens_.peek() == ']') break;
    if (tokens_.peek() != ',') return tokens_.fail_after_value(']');
    tokens_.advance();
    if (tokens_.peek() == ']') return tokens_.fail_value();
  }
  if (cell.kind == CellKind::list) {
    tokens_.advance();
    cell.kinds = static_cast<std::uint16_t>(kinds);
    cell.items.begin = static_cast<std::uint32_t>(first_item);
    cell.items.count = static_cast<std::uint32_t>(cells_->items.size() - first_item);
  }
  const std::string_view text = tokens_.text_since(begin);
  cell.begin = static_cast<std::uint32_t>(text.data() - cells_->payload);
  cell.size = static_cast<std::uint32_t>(text.size());
  return true;
}

}  // namespace honeyframe
