#pragma once

// PayloadReader: walks one payload by the plan and fills PayloadCells. Knows JSON and the shapes of payloads (objects,
// arrays of rows, bare scalars, `explode`), no columns. An explicit stack, no recursion: what nests is bounded by
// max_depth. Used by one Extractor, on its thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cell_reader.h"
#include "extract_options.h"
#include "extraction_plan.h"
#include "json_tokens.h"
#include "payload_cells.h"

namespace honeyframe {

class PayloadReader {
 public:
  PayloadReader(ExtractionPlan& plan, PayloadMode mode, bool strict, std::size_t max_depth)
      : plan_(plan), mode_(mode), strict_(strict), max_depth_(max_depth), values_(tokens_, strict, max_depth) {}

  // Behind `payload` a zero byte must stand. False: error() says why, and `cells` and the plan's growth are to be
  // thrown away. The payload must not be empty.
  [[nodiscard]] bool read(std::string_view payload, PayloadCells& cells);
  [[nodiscard]] JsonError& error() noexcept { return tokens_.error(); }

 private:
  struct Frame {
    NodeId node;
    NodeId previous;           // the member before, kNoNode at first
    std::uint32_t open_token;  // where the container begins
    std::uint32_t index;       // of the element, in arrays
    char closing;
  };

  bool read_json(std::string_view payload, std::size_t offset);
  bool read_bare(std::string_view payload, std::size_t offset);
  [[nodiscard]] bool is_one_scalar();
  bool read_text(std::string_view payload, std::size_t offset);
  bool read_rows();
  bool read_element();
  [[nodiscard]] bool holds_scalars_only();

  bool read_object_row();
  bool read_exploded(CellRange shared);
  bool read_object(NodeId node, std::size_t depth);
  bool read_member();
  bool read_key(NodeId& child, std::string_view& key);
  bool read_known(NodeId child);
  bool read_unknown(std::string_view key);
  [[nodiscard]] bool descends(NodeId child);
  bool push(NodeId node);

  bool read_value(NodeId node);
  bool remember_explode(NodeId child);
  void supersede(NodeId child);
  void add_bare(const char* name, Cell cell);
  void begin_row() { row_ = plan_.next_row(); }
  void end_row(std::size_t begin) { cells_->rows.push_back({{begin, begin}, {begin, cells_->cells.size()}}); }
  [[nodiscard]] std::size_t depth_left() const noexcept { return max_depth_ - base_depth_ - frames_.size(); }

  ExtractionPlan& plan_;
  PayloadMode mode_;
  bool strict_;
  std::size_t max_depth_;
  JsonTokens tokens_;
  CellReader values_;
  PayloadCells* cells_ = nullptr;
  std::vector<Frame> frames_;
  std::size_t base_depth_ = 0;
  std::string key_;  // a key with escapes, read
  std::uint64_t row_ = 0;
  std::uint32_t explode_token_ = 0;  // where the array to explode begins in the current row; 0: it has none
  std::size_t explode_depth_ = 0;
  NodeId explode_node_ = kNoNode;
};

}  // namespace honeyframe
