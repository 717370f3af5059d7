#pragma once

// FittedColumn: a named column and the rules by which a JSON value fits it: which types it may still become, which
// strings count as numbers or as missing. What does not fit is left to the batch builder. One thread.

#include <algorithm>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "column_builder.h"
#include "event_time.h"
#include "payload_cells.h"

namespace honeyframe {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
};
using TextSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;

enum class Fit : std::uint8_t {
  fits,
  number,    // a string that spells a number, read as that
  missing,   // one of na_values: null
  conflict,  // nothing has been appended
};

// What the rules need to know beside the column. Shared by all columns of a builder.
struct FitRules {
  TextSet na_values;
  bool lenient = true;  // on_conflict="keep": strings that spell numbers are numbers, inexact integers may leave
};

class FittedColumn {
 public:
  // `fixed`: its type came with a schema and stays.
  FittedColumn(std::string column_name, DataType type, bool has_schema, EventTime event_time)
      : name(std::move(column_name)), builder(type), fixed(has_schema), time(std::move(event_time)) {}

  // Appends the cell as row `row`, or says that it does not fit. In `effects`: strings read as missing
  // values or numbers, and the integers of earlier rows that a change of type could not keep.
  struct Snapshot {
    ColumnBuilder builder;
    std::int64_t negative_from;
    std::int64_t text_from;
    bool may_be_missing;
  };
  struct Effects {
    std::uint64_t missing = 0;
    std::uint64_t numbers = 0;
    std::vector<ColumnBuilder::LostInteger> lost;
    std::optional<Snapshot> before;  // the column as it was before its type changed: the payload may be taken back
  };
  // The usual cell, of the column's own type in the next row; false, and nothing done, for any other.
  [[nodiscard]] bool fit_same(const PayloadCells& cells, const Cell& cell, std::int64_t row) {
    if (builder.length() != row) return false;
    switch (builder.id()) {
      case TypeId::float64:
        if (cell.kind != CellKind::float64) return false;
        builder.append_float64(cell.float64);
        return true;
      case TypeId::int64:
        if (cell.kind != CellKind::int64) return false;
        if (cell.int64 < 0) note_negative();
        builder.append_int64(cell.int64);
        return true;
      case TypeId::boolean:
        if (cell.kind != CellKind::boolean) return false;
        builder.append_boolean(cell.boolean);
        return true;
      case TypeId::string:
        if (cell.kind != CellKind::string || cell.escaped || may_be_missing_) return false;
        builder.append_bytes(cells.raw_string(cell));
        return true;
      case TypeId::null:
      case TypeId::uint64:
      case TypeId::timestamp:
      case TypeId::binary:
      case TypeId::list:
        break;
    }
    return false;
  }
  [[nodiscard]] Fit fit(const PayloadCells& cells, const Cell& cell, std::int64_t row, const FitRules& rules,
                        Effects& effects);
  // on_conflict="widen": the column becomes text and takes anything.
  void fit_as_text(const PayloadCells& cells, const Cell& cell, std::int64_t row, Effects& effects);
  // Called when the batch ends: what is text now stays text.
  void settle() noexcept {
    may_be_missing_ = false;
    text_from_ = kNever;
    if (negative_from_ != kNever) negative_from_ = kBefore;
    handed_out = true;
  }
  void restore(Snapshot&& before);
  // The rows from here on are taken back, and what they decided without a change of type.
  void truncate(std::int64_t rows);

  std::string name;
  ColumnBuilder builder;
  bool fixed;
  EventTime time;
  NodeId node = kNoNode;
  std::int32_t next = -1;   // another column of the same path
  bool handed_out = false;  // in a batch: it stays
  bool told_misfit = false;
  bool told_number = false;
  bool told_na = false;

 private:
  void about_to_change(Effects& effects) const;
  Fit fit_first(const PayloadCells& cells, const Cell& cell, const FitRules& rules, Effects& effects);
  Fit fit_number(const PayloadCells& cells, const Cell& cell, const FitRules& rules, Effects& effects);
  Fit fit_string(const PayloadCells& cells, const Cell& cell, const FitRules& rules, Effects& effects);
  Fit fit_list(const PayloadCells& cells, const Cell& cell, const FitRules& rules, Effects& effects);
  bool append_list(const PayloadCells& cells, const Cell& cell, ColumnBuilder& to, const FitRules& rules,
                   Effects& effects);
  bool append_item_string(ColumnBuilder& items, const PayloadCells& cells, const Cell& element, const FitRules& rules,
                          Effects& effects);
  bool append_scalar(ColumnBuilder& to, const PayloadCells& cells, const Cell& cell);
  void append_text(ColumnBuilder& to, const PayloadCells& cells, const Cell& cell);
  std::string_view content(const PayloadCells& cells, const Cell& cell);

  static constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();
  static constexpr std::int64_t kBefore = -1;

  void note_negative() noexcept { negative_from_ = std::min(negative_from_, builder.length()); }
  [[nodiscard]] bool only_na() const noexcept { return may_be_missing_ && text_from_ == kNever; }

  std::int64_t negative_from_ = kNever;  // the row of the first negative integer; kBefore: in an earlier batch
  bool may_be_missing_ = false;          // text, and in this batch the first of it is in na_values
  std::int64_t text_from_ = kNever;      // the row of the first that is not: until then it may become something else
  std::string scratch_;
};

}  // namespace honeyframe
