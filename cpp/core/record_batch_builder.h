#pragma once

// RecordBatchBuilder: the open batch. Takes the cells of one payload and lands its rows in every column or in none.
// Knows columns, their names and what happens to a value that does not fit; no JSON syntax. Owned by one Extractor,
// used on its thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "extract_counters.h"
#include "extract_options.h"
#include "extraction_plan.h"
#include "fitted_column.h"
#include "metadata_writer.h"
#include "payload_cells.h"
#include "record_batch.h"
#include "side_column.h"

namespace honeyframe {

class RecordBatchBuilder {
 public:
  // `plan` has the nodes of the schema; their columns are made here. Both outlive the builder.
  RecordBatchBuilder(const ExtractOptions& options, ExtractionPlan& plan, ExtractCounters& counters);

  // Errors: invalid_schema (paths), as the plan finds them.
  [[nodiscard]] Status add_schema(const std::vector<ColumnSpec>& specs);

  // Why a payload did not land: a value that does not fit its column, rows beyond all measure, no memory for them.
  struct Refusal {
    const char* reason = nullptr;
    std::string message;
    std::int64_t position = -1;
    std::string column, expected, found;
  };
  // All rows of a payload. False: none of them, see refusal(). Without cells: one row of nulls.
  [[nodiscard]] bool add(const PayloadCells& cells, const RowSource& source);
  [[nodiscard]] const Refusal& refusal() const noexcept { return refusal_; }

  [[nodiscard]] std::int64_t rows() const noexcept { return rows_; }
  // No text column is longer than this many bytes.
  [[nodiscard]] std::size_t text_bytes() const noexcept { return text_bytes_ + misfit_.bytes() + extra_.bytes(); }
  [[nodiscard]] RecordBatchPtr finish(std::uint64_t messages, std::uint64_t payload_bytes);
  // Of the batch that finish() would give now.
  [[nodiscard]] SchemaPtr schema() const { return make_schema(); }
  [[nodiscard]] std::vector<ExtractEvent>& events() noexcept { return events_; }
  // Calls tell(name, json) for each value that the last payload added to `_misfit`.
  template <typename Tell>
  void tell_new_misfits(Tell&& tell) const {
    for (std::size_t i = mark_.misfits; i < misfit_.size(); ++i) {
      const auto [name, json] = misfit_.entry(i);
      tell(name, json);
    }
  }

 private:
  static constexpr std::int32_t kNone = -1;
  static constexpr std::int32_t kOverflow = -2;  // PlanNode::column of a path beyond max_columns

  static constexpr std::int32_t kMisfit = -1;  // in order_
  static constexpr std::int32_t kExtra = -2;

  std::int32_t add_column(std::string name, DataType type, bool fixed);
  std::int32_t column_for(NodeId node);

  bool add_row(const PayloadCells& cells, const CellRow& row, const RowSource& source);
  bool add_cells(const PayloadCells& cells, CellRange range);
  bool add_cell(const PayloadCells& cells, const Cell& cell);
  bool add_value(const PayloadCells& cells, const Cell& cell, std::int32_t index);
  bool add_misplaced(const PayloadCells& cells, const Cell& cell);
  void read_event_time(const PayloadCells& cells, const Cell& cell);
  bool refuse(const PayloadCells& cells, const Cell& cell, std::string_view column, std::string expected);
  void add_misfit(std::int64_t row, std::string_view name, std::string_view json, bool& told);
  void add_extra(std::string_view name, std::string_view json);
  void report_change(FittedColumn& column, DataType before);
  void report_effects(FittedColumn& column);
  [[nodiscard]] bool is_superfluous(std::int32_t index, std::size_t& text) const;
  void withdraw_superfluous();
  [[nodiscard]] std::string name_of(NodeId node) const;
  [[nodiscard]] std::string free_name(NodeId node) const;
  [[nodiscard]] std::string_view json_text(const PayloadCells& cells, const Cell& cell);
  bool measure(const PayloadCells& cells, const RowSource& source);
  [[nodiscard]] SchemaPtr make_schema() const;

  void begin_payload();
  void remember_change();
  void roll_back();
  void untell(const ExtractEvent& event);

  const OnConflict on_conflict_;
  const std::size_t max_columns_;
  ExtractionPlan& plan_;
  ExtractCounters& counters_;
  FitRules rules_;
  std::vector<ZoneTransition> zone_;
  std::vector<FittedColumn> columns_;
  std::unordered_map<std::string, std::int32_t> index_of_;  // by name, `_misfit` and `_extra` included
  std::size_t payload_columns_ = 0;
  MetadataWriter metadata_;
  std::int32_t event_time_column_ = kNone;
  bool event_time_set_ = false;  // in the current row
  bool told_max_columns_ = false;
  TextSet told_paths_;  // paths without a column of which a misfit has been told

  std::int64_t rows_ = 0;
  std::size_t text_bytes_ = 0;
  SideColumn misfit_;
  SideColumn extra_;
  std::vector<std::int32_t> order_;  // of the columns in a batch; kMisfit and kExtra from when they were first needed
  SchemaPtr schema_;                 // null: to be made again
  std::vector<ExtractEvent> events_;
  Refusal refusal_;
  FittedColumn::Effects effects_;
  std::string scratch_;

  struct Mark {
    std::int64_t rows;
    std::size_t columns, order, payload_columns, misfits, extras, events, text_bytes;
    ExtractCounters counters;
  };
  Mark mark_{};
  std::vector<std::pair<std::size_t, FittedColumn::Snapshot>> changed_;
  std::size_t changing_ = 0;        // the column whose state effects_.before is
  std::vector<NodeId> overflowed_;  // by this payload: kOverflow
};

}  // namespace honeyframe
