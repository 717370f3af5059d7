#pragma once

// CellReader: one JSON value, where the tokens stand, into a Cell. Used by PayloadReader, on its thread.

#include <cstddef>

#include "json_tokens.h"
#include "payload_cells.h"

namespace honeyframe {

class CellReader {
 public:
  CellReader(JsonTokens& tokens, bool strict, std::size_t max_depth)
      : tokens_(tokens), strict_(strict), max_depth_(max_depth) {}

  // Items of lists go to `cells`, and texts are offsets from its payload.
  void begin(PayloadCells& cells) noexcept { cells_ = &cells; }

  // A list of scalars becomes items; an object, or a list that holds more than scalars, is kept as its text, at most
  // `depth_left` containers deep. False: the tokens say why.
  [[nodiscard]] bool read(Cell& cell, std::size_t depth_left);
  [[nodiscard]] bool read_scalar(Cell& cell);

 private:
  bool read_list(Cell& cell, std::size_t depth_left);

  JsonTokens& tokens_;
  bool strict_;
  std::size_t max_depth_;
  PayloadCells* cells_ = nullptr;
};

}  // namespace honeyframe
