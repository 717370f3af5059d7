#include "record_batch_builder.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "cell_json.h"
#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::string_view kExtraColumn = "_extra";
constexpr DataType kText{TypeId::string, TypeId::null};

// A payload of a few megabytes can stand for terabytes: an exploded array repeats what is around it, a row of an array
// of rows has every column. Beyond these a payload is refused.
constexpr std::size_t kMaxPayloadValues = std::size_t{1} << 27;
constexpr std::size_t kMaxPayloadText = std::size_t{1} << 30;
constexpr std::size_t kMaxBatchText = std::numeric_limits<std::int32_t>::max();

std::size_t at(std::int32_t index) noexcept {
  return static_cast<std::size_t>(index);
}

}  // namespace

RecordBatchBuilder::RecordBatchBuilder(const ExtractOptions& options, ExtractionPlan& plan, ExtractCounters& counters)
    : on_conflict_(options.on_conflict),
      max_columns_(options.max_columns),
      plan_(plan),
      counters_(counters),
      metadata_(options) {
  rules_.na_values.insert(options.na_values.begin(), options.na_values.end());
  rules_.lenient = on_conflict_ == OnConflict::keep;
  zone_ = options.zone;
  index_of_.emplace(kMisfitColumn, kMisfit);
  index_of_.emplace(kExtraColumn, kExtra);
  for (const Field& field : metadata_.fields()) add_column(field.name, field.type, true);
  event_time_column_ = metadata_.event_time_column();
  if (event_time_column_ != kNone) columns_[at(event_time_column_)].time = EventTime(options.event_time->unit, zone_);
}

std::int32_t RecordBatchBuilder::add_column(std::string name, DataType type, bool fixed) {
  const auto index = static_cast<std::int32_t>(columns_.size());
  columns_.emplace_back(std::move(name), type, fixed, EventTime(TimeUnit::automatic, zone_));
  order_.push_back(index);
  index_of_.emplace(columns_.back().name, index);
  schema_.reset();
  return index;
}

Status RecordBatchBuilder::add_schema(const std::vector<ColumnSpec>& specs) {
  for (const ColumnSpec& spec : specs) {
    if (index_of_.contains(spec.name)) {
      return Status(ErrorCode::invalid_schema, "column " + in_quotes(spec.name) +
                                                   " is there already, in the schema, or as metadata or a topic level")
          .with_hint("Give the column another name and its path in `path`.");
    }
    const Result<std::vector<NodeId>> nodes = plan_.require(spec.path.empty() ? spec.name : spec.path);
    if (!nodes.ok()) return nodes.status();
    const std::int32_t index = add_column(spec.name, spec.type, true);
    // A dotted path may mean two nodes; other columns of the same path are chained behind the first.
    for (const NodeId node : nodes.value()) {
      PlanNode& end = plan_[node];
      end.wanted = true;
      end.reads_scalars = true;
      if (end.column == kNone) {
        end.column = index;
      } else {
        std::int32_t last = end.column;
        while (columns_[at(last)].next != kNone) last = columns_[at(last)].next;
        if (last != index) columns_[at(last)].next = index;
      }
    }
  }
  return Status();
}

// A column for what has come at `node`: by its dotted name, or by its JSON Pointer where another has that name.
std::int32_t RecordBatchBuilder::column_for(NodeId node) {
  if (plan_[node].column != kNone || !plan_[node].wanted) return plan_[node].column;
  if (payload_columns_ >= max_columns_) {
    if (!std::exchange(told_max_columns_, true)) {
      events_.push_back({"max_columns", plan_.dotted(node),
                         "there are " + std::to_string(max_columns_) + " columns; this and later ones go to _extra"});
    }
    overflowed_.push_back(node);
    return plan_[node].column = kOverflow;
  }
  const std::string wished = plan_.dotted(node);
  std::string name = free_name(node);
  if (name != wished) {
    ++counters_.name_collisions;
    events_.push_back({"name_collision", name, "the name " + in_quotes(wished) + " is taken"});
  }
  events_.push_back({"column_added", name, ""});
  ++payload_columns_;
  const std::int32_t index = add_column(std::move(name), {}, false);
  columns_[at(index)].node = node;
  return plan_[node].column = index;
}

// Its column's name, or the one that it would get.
std::string RecordBatchBuilder::name_of(NodeId node) const {
  const std::int32_t column = plan_[node].column;
  return column >= 0 ? columns_[at(column)].name : free_name(node);
}

std::string RecordBatchBuilder::free_name(NodeId node) const {
  std::string name = plan_.dotted(node);
  if (index_of_.contains(name)) name = plan_.pointer(node);
  for (int i = 2; index_of_.contains(name); ++i) name = plan_.pointer(node) + "#" + std::to_string(i);
  return name;
}

bool RecordBatchBuilder::add(const PayloadCells& cells, const RowSource& source) {
  begin_payload();
  bool landed = false;
  try {
    landed = measure(cells, source);
    if (landed && !cells.rows.empty()) counters_.bad_property_texts += metadata_.begin(source);
    for (std::size_t i = 0; landed && i < cells.rows.size(); ++i) landed = add_row(cells, cells.rows[i], source);
  } catch (const std::bad_alloc&) {
    landed = false;
    refusal_ = {"no_memory", "out of memory", -1, "", "", ""};  // short enough to need none
  }
  if (!landed) roll_back();
  return landed;
}

// Whether the payload's rows stay within bounds; adds to text_bytes_ what they may bring.
bool RecordBatchBuilder::measure(const PayloadCells& cells, const RowSource& source) {
  const std::size_t rows = cells.rows.size();
  if (rows == 0) return true;
  const std::size_t row_text = MetadataWriter::text_bytes(source);
  // Its own new columns are paths of the plan by now.
  std::size_t values = rows * (columns_.size() + std::min(plan_.size(), max_columns_));
  std::size_t text = cells.payload_size + rows * row_text;
  std::size_t shared_text = 0;
  std::size_t shared_begin = std::numeric_limits<std::size_t>::max();
  for (const CellRow& row : cells.rows) {
    if (row.shared.begin == row.shared.end) continue;
    if (row.shared.begin != shared_begin) {
      shared_begin = row.shared.begin;
      shared_text = 0;
      for (std::size_t i = row.shared.begin; i < row.shared.end; ++i) shared_text += cells.cells[i].size;
    }
    text += shared_text;
    values += row.shared.end - row.shared.begin;
  }
  // Only a large payload can name much that does not fit: each of its values with a path of its own.
  if (cells.payload_size > kMaxPayloadText / (2 * kMaxPathBytes)) text += cells.cells.size() * kMaxPathBytes;
  if (values > kMaxPayloadValues || text > kMaxPayloadText || text_bytes() + text > kMaxBatchText) {
    refusal_ = {"too_large", "its " + std::to_string(rows) + " rows are more than one batch can hold", -1, "", "", ""};
    return false;
  }
  text_bytes_ += text;
  return true;
}

bool RecordBatchBuilder::add_row(const PayloadCells& cells, const CellRow& row, const RowSource& source) {
  metadata_.append(source, rows_, columns_);
  event_time_set_ = false;
  if (!add_cells(cells, row.shared) || !add_cells(cells, row.own)) return false;
  if (event_time_column_ != kNone && !event_time_set_) ++counters_.bad_event_times;
  ++rows_;
  ++counters_.rows;
  return true;
}

bool RecordBatchBuilder::add_cells(const PayloadCells& cells, CellRange range) {
  for (std::size_t i = range.begin; i < range.end; ++i) {
    if (!add_cell(cells, cells.cells[i])) return false;
  }
  return true;
}

bool RecordBatchBuilder::add_cell(const PayloadCells& cells, const Cell& cell) {
  const PlanNode& node = plan_[cell.node];
  if (node.column >= 0 && node.reads_scalars && !node.event_time) {  // most often
    FittedColumn& column = columns_[at(node.column)];
    if (column.next == kNone && column.fit_same(cells, cell, rows_)) return true;
  }
  if (cell.kind == CellKind::dropped) return true;
  if (cell.kind == CellKind::extra) {
    add_extra(plan_.exact_path(cell.node, cells.keys[cell.key]), cells.text(cell));
    return true;
  }
  if (cell.kind == CellKind::superseded) {
    ++counters_.duplicate_keys;
    const std::string name = name_of(cell.node);
    bool told = !told_paths_.insert(name).second;
    add_misfit(rows_, name, cells.text(cell), told);
    return true;
  }
  if (node.event_time) read_event_time(cells, cell);
  if (!node.wanted) return true;  // columns= has what is below it, or nothing of it: read for its time alone
  if (node.shape == NodeShape::object && !node.explode) {
    if (cell.kind == CellKind::null && !node.spelled_out) return true;
    if (!node.spelled_out) return add_misplaced(cells, cell);
  }
  std::int32_t index = node.column;
  if (index == kNone) index = column_for(cell.node);
  if (index == kOverflow) add_extra(plan_.exact_path(cell.node), json_text(cells, cell));
  if (cell.kind == CellKind::null) return true;
  for (; index >= 0; index = columns_[at(index)].next) {
    if (!add_value(cells, cell, index)) return false;
  }
  return true;
}

bool RecordBatchBuilder::add_value(const PayloadCells& cells, const Cell& cell, std::int32_t index) {
  FittedColumn& column = columns_[at(index)];
  const DataType before = column.builder.type();
  const TimeUnit unit_before = column.time.unit();
  changing_ = at(index);
  const Fit fit = column.fit(cells, cell, rows_, rules_, effects_);
  remember_change();
  if (column.builder.type() != before) report_change(column, before);
  if (column.time.unit() != unit_before) {
    events_.push_back({"event_time_unit", column.name, std::string(to_string(column.time.unit()))});
  }
  if (fit == Fit::fits && effects_.missing == 0 && effects_.numbers == 0 && effects_.lost.empty()) return true;
  report_effects(column);
  if (fit != Fit::conflict) return true;
  switch (on_conflict_) {
    case OnConflict::widen:
      if (!column.fixed && column.builder.length() <= rows_) {
        const DataType narrow = column.builder.type();
        column.fit_as_text(cells, cell, rows_, effects_);
        remember_change();
        report_change(column, narrow);
        return true;
      }
      break;
    case OnConflict::keep:
      break;
    case OnConflict::raise:
    case OnConflict::quarantine:
      return refuse(cells, cell, column.name, column.builder.type().to_string());
  }
  add_misfit(rows_, column.name, json_text(cells, cell), column.told_misfit);
  return true;
}

// A scalar or a list where objects have been: their members are the columns.
bool RecordBatchBuilder::add_misplaced(const PayloadCells& cells, const Cell& cell) {
  const std::string name = name_of(cell.node);
  switch (on_conflict_) {
    case OnConflict::raise:
    case OnConflict::quarantine:
      return refuse(cells, cell, name, "an object");
    case OnConflict::keep:
      break;
    case OnConflict::widen: {
      const std::int32_t index = column_for(cell.node);
      if (index < 0) break;
      plan_[cell.node].spelled_out = true;
      FittedColumn& column = columns_[at(index)];
      changing_ = at(index);
      column.fit_as_text(cells, cell, rows_, effects_);
      remember_change();
      report_change(column, {});
      return true;
    }
  }
  bool told = !told_paths_.insert(name).second;
  add_misfit(rows_, name, json_text(cells, cell), told);
  return true;
}

void RecordBatchBuilder::read_event_time(const PayloadCells& cells, const Cell& cell) {
  if (cell.kind == CellKind::null || event_time_set_) return;
  FittedColumn& column = columns_[at(event_time_column_)];
  const TimeUnit before = column.time.unit();
  FittedColumn::Effects effects;
  event_time_set_ = column.fit(cells, cell, rows_, rules_, effects) == Fit::fits;
  if (column.time.unit() != before) {
    events_.push_back({"event_time_unit", column.name, std::string(to_string(column.time.unit()))});
  }
}

bool RecordBatchBuilder::refuse(const PayloadCells& cells, const Cell& cell, std::string_view column,
                                std::string expected) {
  refusal_.reason = "does_not_fit";
  refusal_.column = column;
  refusal_.expected = std::move(expected);
  refusal_.found = std::string(describe(cell.kind)) + " " + in_quotes(cells.text(cell), 60);
  refusal_.message = "column " + in_quotes(column) + ": expected " + refusal_.expected + ", found " + refusal_.found;
  refusal_.position = static_cast<std::int64_t>(cell.begin);
  return false;
}

// Its text as JSON: what stands in the payload, but for a payload that is no JSON itself.
std::string_view RecordBatchBuilder::json_text(const PayloadCells& cells, const Cell& cell) {
  if (cell.kind != CellKind::text) return cells.text(cell);
  scratch_.clear();
  append_json_string(cells.text(cell), scratch_);
  return scratch_;
}

void RecordBatchBuilder::add_misfit(std::int64_t row, std::string_view name, std::string_view json, bool& told) {
  misfit_.add(row, name, json);
  ++counters_.misfits;
  if (std::exchange(told, true)) return;
  events_.push_back({"misfit", std::string(name), std::string(json.substr(0, 80))});
}

void RecordBatchBuilder::add_extra(std::string_view name, std::string_view json) {
  extra_.add(rows_, name, json);
  ++counters_.extras;
}

void RecordBatchBuilder::report_change(FittedColumn& column, DataType before) {
  const DataType now = column.builder.type();
  if (now == before) return;
  schema_.reset();
  if (before.id == TypeId::null || (before.id == TypeId::list && before.item == TypeId::null && now.id == before.id)) {
    return;
  }
  events_.push_back({"column_widened", column.name, before.to_string() + " -> " + now.to_string()});
}

void RecordBatchBuilder::report_effects(FittedColumn& column) {
  counters_.na_strings += effects_.missing;
  counters_.numbers_from_strings += effects_.numbers;
  if (effects_.numbers > 0 && !std::exchange(column.told_number, true)) {
    events_.push_back({"number_from_string", column.name, ""});
  }
  if (effects_.missing > 0 && !std::exchange(column.told_na, true)) {
    events_.push_back({"na_string", column.name, ""});
  }
  for (const ColumnBuilder::LostInteger& lost : effects_.lost) {
    add_misfit(lost.row, column.name,
               lost.is_unsigned ? std::to_string(static_cast<std::uint64_t>(lost.value)) : std::to_string(lost.value),
               column.told_misfit);
  }
  effects_.missing = effects_.numbers = 0;
  effects_.lost.clear();
}

void RecordBatchBuilder::begin_payload() {
  overflowed_.clear();
  changed_.clear();
  mark_ = {rows_,         columns_.size(), order_.size(), payload_columns_, misfit_.size(),
           extra_.size(), events_.size(),  text_bytes_,   counters_};
}

// Of the column that has been fitted last: what it was before.
void RecordBatchBuilder::remember_change() {
  if (!effects_.before) return;
  changed_.reserve(changed_.size() == changed_.capacity() ? 2 * changed_.size() + 8 : 0);  // may run out of memory here
  changed_.emplace_back(changing_, std::move(*effects_.before));
  effects_.before.reset();
}

// What comes out is what was there before the payload. Needs no memory.
void RecordBatchBuilder::roll_back() {
  rows_ = mark_.rows;
  if (effects_.before) columns_[changing_].restore(std::move(*effects_.before));
  effects_.before.reset();
  effects_.missing = effects_.numbers = 0;
  effects_.lost.clear();
  for (; !changed_.empty(); changed_.pop_back()) {
    columns_[changed_.back().first].restore(std::move(changed_.back().second));
  }
  while (columns_.size() > mark_.columns) {
    if (columns_.back().node != kNoNode) plan_[columns_.back().node].column = kNone;
    index_of_.erase(columns_.back().name);
    columns_.pop_back();
  }
  order_.resize(mark_.order);
  for (FittedColumn& column : columns_) column.truncate(rows_);
  for (const NodeId node : overflowed_) plan_[node].column = kNone;
  for (std::size_t i = mark_.events; i < events_.size(); ++i) untell(events_[i]);
  payload_columns_ = mark_.payload_columns;
  misfit_.truncate(mark_.misfits);
  extra_.truncate(mark_.extras);
  events_.resize(mark_.events);
  text_bytes_ = mark_.text_bytes;
  counters_ = mark_.counters;
  schema_.reset();
}

// What a refused payload would have told is news again, and the unit of time it decided is open again.
void RecordBatchBuilder::untell(const ExtractEvent& event) {
  if (event.kind == "max_columns") told_max_columns_ = false;
  if (event.kind == "misfit") told_paths_.erase(event.column);
  const auto found = index_of_.find(event.column);
  if (found == index_of_.end() || found->second < 0) return;
  FittedColumn& column = columns_[at(found->second)];
  if (event.kind == "event_time_unit") column.time = EventTime(TimeUnit::automatic, zone_);
  if (event.kind == "misfit") column.told_misfit = false;
  if (event.kind == "na_string") column.told_na = false;
  if (event.kind == "number_from_string") column.told_number = false;
}

SchemaPtr RecordBatchBuilder::make_schema() const {
  auto schema = std::make_shared<Schema>();
  const auto add = [&schema, this](std::int32_t index) {
    if (index >= 0) {
      const FittedColumn& column = columns_[at(index)];
      schema->fields.push_back({column.name, column.builder.type()});
    } else {
      schema->fields.push_back({std::string(index == kMisfit ? kMisfitColumn : kExtraColumn), kText});
    }
  };
  const auto is_placed = [this](std::int32_t index) {
    return std::find(order_.begin(), order_.end(), index) != order_.end();
  };
  bool any_misfit = !misfit_.empty();
  std::size_t text = text_bytes();
  for (const std::int32_t index : order_) {
    if (is_superfluous(index, text)) {
      any_misfit = true;
    } else {
      add(index);
    }
  }
  if (any_misfit && !is_placed(kMisfit)) add(kMisfit);
  if (!extra_.empty() && !is_placed(kExtra)) add(kExtra);
  return schema;
}

// A column that only empty lists have made, in this batch, before objects came to its path: it is not to be seen. (But
// where `_misfit` has no room for them. `text`: what all that are superfluous may bring there.)
bool RecordBatchBuilder::is_superfluous(std::int32_t index, std::size_t& text) const {
  if (index < 0 || on_conflict_ == OnConflict::widen) return false;
  const FittedColumn& column = columns_[at(index)];
  if (column.handed_out || column.node == kNoNode || column.builder.type() != DataType{TypeId::list, TypeId::null} ||
      plan_[column.node].shape != NodeShape::object) {
    return false;
  }
  std::string entry;
  append_json_string(column.name, entry);
  entry += R"({:[]},)";
  const std::size_t bytes = static_cast<std::size_t>(column.builder.length()) * entry.size();
  if (text + bytes > kMaxBatchText) return false;
  text += bytes;
  return true;
}

// The empty lists are misfits then, as those are that come after an object.
void RecordBatchBuilder::withdraw_superfluous() {
  std::size_t text = text_bytes();
  const auto withdraw = [this, &text](std::int32_t index) {
    if (!is_superfluous(index, text)) return false;
    FittedColumn& column = columns_[at(index)];
    bool told = !told_paths_.insert(column.name).second;
    for (std::int64_t row = 0; row < column.builder.length(); ++row) {
      if (column.builder.is_valid(row)) add_misfit(row, column.name, "[]", told);
    }
    column.builder = ColumnBuilder({});
    index_of_.erase(column.name);
    plan_[std::exchange(column.node, kNoNode)].column = kNone;
    --payload_columns_;
    schema_.reset();
    return true;
  };
  order_.erase(std::remove_if(order_.begin(), order_.end(), withdraw), order_.end());
}

RecordBatchPtr RecordBatchBuilder::finish(std::uint64_t messages, std::uint64_t payload_bytes) {
  withdraw_superfluous();
  for (const auto& [side, index] : {std::pair(&misfit_, kMisfit), std::pair(&extra_, kExtra)}) {
    if (side->empty() || std::find(order_.begin(), order_.end(), index) != order_.end()) continue;
    order_.push_back(index);
    schema_.reset();
  }
  if (!schema_) schema_ = make_schema();
  std::vector<Column> columns;
  columns.reserve(order_.size());
  for (const std::int32_t index : order_) {
    if (index < 0) {
      columns.push_back((index == kMisfit ? misfit_ : extra_).finish(rows_));
      continue;
    }
    FittedColumn& column = columns_[at(index)];
    column.builder.pad_to(rows_);
    columns.push_back(column.builder.finish());
    column.settle();
  }
  auto batch = std::make_shared<RecordBatch>(schema_, std::move(columns), std::exchange(rows_, 0), messages);
  batch->set_payload_bytes(payload_bytes);
  text_bytes_ = 0;
  return batch;
}

}  // namespace honeyframe
