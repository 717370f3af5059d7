#pragma once

// PayloadCells: what one payload says, before it lands in any column: cells with their path, in rows. The reader fills
// it, the batch builder empties it; a payload that turns out broken has touched nothing else. Reused, so that a payload
// of a usual size allocates nothing. A cell and a row are different things: an exploded payload's rows share cells.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "extraction_plan.h"

namespace honeyframe {

enum class CellKind : std::uint8_t {
  null,
  boolean,
  int64,
  uint64,
  float64,
  big_integer,   // outside 64 bits
  out_of_range,  // no finite double
  string,        // a JSON string, quotes included in the text
  list,          // of scalars: `items`
  json,          // an object, or a list that holds objects or lists
  text,          // the payload itself, not JSON
  bytes,         // the same, not even text
  superseded,    // a value whose key came again in the same object
  extra,         // a value under a key that has no node; `node` is the parent, its key in `keys`
  dropped,
};

// "an integer", "a string": for messages.
[[nodiscard]] std::string_view describe(CellKind kind) noexcept;

// A set of CellKinds, for the items of a list.
[[nodiscard]] constexpr std::uint32_t kind_bit(CellKind kind) noexcept {
  return 1u << static_cast<unsigned>(kind);
}

struct Items {
  std::uint32_t begin;
  std::uint32_t count;
};

struct Cell {
  NodeId node = kNoNode;
  CellKind kind = CellKind::null;
  bool escaped = false;     // a string with escapes
  std::uint16_t kinds = 0;  // a list's: the kinds of its items
  std::uint32_t begin = 0;  // its text in the payload
  std::uint32_t size = 0;
  union {
    std::int64_t int64 = 0;
    std::uint64_t uint64;
    double float64;
    bool boolean;
    Items items;
    std::uint32_t key;  // of an extra: in `keys`
  };
};

struct CellRange {
  std::size_t begin = 0;
  std::size_t end = 0;
};

struct CellRow {
  CellRange shared;  // of the object around an exploded array
  CellRange own;
};

// Cells that are reused: none is constructed or freed from one payload to the next.
class CellList {
 public:
  // One more, at its defaults.
  Cell& add() {
    if (size_ == cells_.size()) cells_.resize(size_ < 32 ? 64 : size_ * 2);
    return cells_[size_++] = Cell();
  }
  void resize(std::size_t size) noexcept { size_ = size; }  // shrinks
  void clear() {
    constexpr std::size_t kKept = std::size_t{1} << 16;
    if (cells_.size() > kKept) std::vector<Cell>().swap(cells_);
    size_ = 0;
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] Cell& operator[](std::size_t index) noexcept { return cells_[index]; }
  [[nodiscard]] const Cell& operator[](std::size_t index) const noexcept { return cells_[index]; }

 private:
  std::vector<Cell> cells_;
  std::size_t size_ = 0;
};

struct PayloadCells {
  const char* payload = nullptr;
  std::size_t payload_size = 0;
  CellList cells;
  CellList items;
  std::vector<CellRow> rows;
  std::vector<std::string> keys;

  void clear() {
    constexpr std::size_t kKept = std::size_t{1} << 16;
    cells.clear();
    items.clear();
    if (rows.capacity() > kKept) std::vector<CellRow>().swap(rows);
    rows.clear();
    keys.clear();
  }
  [[nodiscard]] std::string_view text(const Cell& cell) const noexcept { return {payload + cell.begin, cell.size}; }
  // Between the quotes.
  [[nodiscard]] std::string_view raw_string(const Cell& cell) const noexcept {
    return {payload + cell.begin + 1, cell.size - 2};
  }
};

}  // namespace honeyframe
