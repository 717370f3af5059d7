// cast() and cast_all() of record_batch.h: a batch brought to another schema, with nothing lost on the way.

#include <limits>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "cell_json.h"
#include "column_builder.h"
#include "exact_number.h"
#include "record_batch.h"

namespace honeyframe {
namespace {

// Arrow's offsets are 32 bits wide.
constexpr std::size_t kMaxTextBytes = std::numeric_limits<std::int32_t>::max();

// One column on its way to another type, row by row.
class ColumnCast {
 public:
  explicit ColumnCast(DataType to) : out_(to) {}

  void append_nulls(std::int64_t count) { out_.append_nulls(count); }
  // Appends a cell; false, and nothing appended, where the type cannot hold it exactly. A null always fits.
  [[nodiscard]] bool append(const Column& column, DataType from, std::int64_t row) {
    return append(column, from, row, out_);
  }
  // Text beyond Arrow's limit was left out: the column is of no use.
  [[nodiscard]] bool too_long() const { return text_bytes_ > kMaxTextBytes; }
  [[nodiscard]] Column finish() { return out_.finish(); }

 private:
  bool append(const Column& column, DataType from, std::int64_t row, ColumnBuilder& to) {
    if (from.id == TypeId::null || !is_valid(column, row)) {
      to.append_null();
      return true;
    }
    switch (to.id()) {
      case TypeId::int64:
        return append_number<std::int64_t>(column, from, row, to);
      case TypeId::uint64:
        return append_number<std::uint64_t>(column, from, row, to);
      case TypeId::float64:
        return append_number<double>(column, from, row, to);
      case TypeId::string:
        return append_text(column, from, row, to);
      case TypeId::list:
        return from.id == TypeId::list && append_list(column, from, row, to);
      // These take only their own kind, and a column that keeps its type is shared, not cast.
      case TypeId::null:
      case TypeId::boolean:
      case TypeId::timestamp:
      case TypeId::binary:
        return false;
    }
    return false;
  }

  template <typename To>
  static bool append_number(const Column& column, DataType from, std::int64_t row, ColumnBuilder& to) {
    const std::optional<To> value = number_at<To>(column, from, row);
    if (!value) return false;
    if constexpr (std::is_same_v<To, std::int64_t>) to.append_int64(*value);
    if constexpr (std::is_same_v<To, std::uint64_t>) to.append_uint64(*value);
    if constexpr (std::is_same_v<To, double>) to.append_float64(*value);
    return true;
  }

  template <typename To>
  static std::optional<To> number_at(const Column& column, DataType from, std::int64_t row) {
    switch (from.id) {
      case TypeId::int64:
        return exactly<To>(value_at<std::int64_t>(column.data, row));
      case TypeId::uint64:
        return exactly<To>(value_at<std::uint64_t>(column.data, row));
      case TypeId::float64:
        return exactly<To>(value_at<double>(column.data, row));
      case TypeId::string:
        return number_from_text<To>(bytes_at(column, row));
      case TypeId::null:
      case TypeId::boolean:
      case TypeId::timestamp:
      case TypeId::binary:
      case TypeId::list:
        return std::nullopt;
    }
    return std::nullopt;
  }

  bool append_text(const Column& column, DataType from, std::int64_t row, ColumnBuilder& to) {
    text_.clear();
    append_cell_text(column, from, row, text_);
    text_bytes_ += text_.size();
    to.append_bytes(too_long() ? std::string_view() : text_);
    return true;
  }

  bool append_list(const Column& column, DataType from, std::int64_t row, ColumnBuilder& to) {
    const std::int64_t before = to.items().length();
    const auto end = value_at<std::int32_t>(column.offsets, row + 1);
    for (std::int64_t i = value_at<std::int32_t>(column.offsets, row); i < end; ++i) {
      if (!append(*column.child, {from.item, TypeId::null}, i, to.items())) {
        to.items().truncate(before);  // a list fits whole or not at all
        return false;
      }
    }
    to.append_list();
    return true;
  }

  ColumnBuilder out_;
  std::string text_;
  std::size_t text_bytes_ = 0;
};

Status too_long(const std::string& column) {
  return Status(ErrorCode::invalid_argument,
                "column '" + column + "': more than 2 GiB of text or list items in one batch")
      .with_hint("Use smaller batches: a smaller max_rows.");
}

// What did not fit, a row each: `"column":value` joined by commas. Empty until the first.
class Misfits {
 public:
  explicit Misfits(std::int64_t rows) : rows_(static_cast<std::size_t>(rows)) {}

  [[nodiscard]] bool any() const { return !members_.empty(); }
  void add(std::string_view name, const Column& column, DataType type, std::int64_t row) {
    if (members_.empty()) members_.resize(rows_);
    std::string& members = members_[static_cast<std::size_t>(row)];
    if (!members.empty()) members += ',';
    append_json_string(name, members);
    members += ':';
    append_cell_json(column, type, row, members);
  }
  // The `_misfit` column: what `existing`, a string column, says, and ours.
  [[nodiscard]] Result<Column> join(const Column& existing) const {
    ColumnBuilder out({TypeId::string, TypeId::null});
    std::size_t text_bytes = 0;
    for (std::size_t row = 0; row < rows_; ++row) {
      const bool is_set = is_valid(existing, static_cast<std::int64_t>(row));
      if (!is_set && members_[row].empty()) {
        out.append_null();
        continue;
      }
      const std::string_view before = is_set ? bytes_at(existing, static_cast<std::int64_t>(row)) : std::string_view();
      const std::string text = members_[row].empty() ? std::string(before) : joined(before, members_[row]);
      text_bytes += text.size();
      if (text_bytes > kMaxTextBytes) return too_long(std::string(kMisfitColumn));
      out.append_bytes(text);
    }
    return out.finish();
  }

 private:
  static std::string joined(std::string_view before, std::string_view members) {
    std::string object = "{";
    if (before.size() >= 2 && before.front() == '{' && before.back() == '}') {
      object += before.substr(1, before.size() - 2);
    } else if (!before.empty()) {
      append_json_string(kMisfitColumn, object);  // not an object of ours: kept as it is, under the column's name
      object += ':';
      append_json_string(before, object);
    }
    if (object.size() > 1) object += ',';
    object += members;
    return object += '}';
  }

  std::size_t rows_;
  std::vector<std::string> members_;
};

Result<Column> cast_column(const Field& target, const Column* source, DataType from, std::int64_t rows,
                           Misfits& misfits) {
  if (source != nullptr && from == target.type) return *source;
  ColumnCast cast(target.type);
  if (source == nullptr) cast.append_nulls(rows);
  for (std::int64_t row = 0; source != nullptr && row < rows; ++row) {
    if (cast.append(*source, from, row)) continue;
    cast.append_nulls(1);
    misfits.add(target.name, *source, from, row);
  }
  if (cast.too_long()) return too_long(target.name);
  return cast.finish();
}

// The column of `batch` named as `target`, cast.
Result<Column> cast_column(const RecordBatch& batch, const Field& target, Misfits& misfits) {
  const int index = batch.schema()->index_of(target.name);
  if (index < 0) return cast_column(target, nullptr, {}, batch.rows(), misfits);
  const auto position = static_cast<std::size_t>(index);
  return cast_column(target, &batch.columns()[position], batch.schema()->fields[position].type, batch.rows(), misfits);
}

}  // namespace

Result<RecordBatchPtr> cast(const RecordBatchPtr& batch, const SchemaPtr& target) {
  if (*batch->schema() == *target) return batch;
  auto schema = std::make_shared<Schema>(*target);
  int misfit = schema->index_of(kMisfitColumn);
  if (misfit >= 0 && schema->fields[static_cast<std::size_t>(misfit)].type.id != TypeId::string) {
    return Status(ErrorCode::invalid_schema,
                  "column '_misfit' must be a string column: it holds what does not fit the others");
  }
  Misfits misfits(batch->rows());
  std::vector<Column> columns;
  const auto add_column = [&](const Field& field) {
    Result<Column> column = cast_column(*batch, field, misfits);
    if (!column.ok()) return column.status();
    columns.push_back(std::move(column).value());
    return Status();
  };
  for (const Field& field : schema->fields) {
    if (Status status = add_column(field); !status.ok()) return status;
  }
  if (misfits.any() && misfit < 0) {
    misfit = static_cast<int>(schema->fields.size());
    schema->fields.push_back({std::string(kMisfitColumn), {TypeId::string, TypeId::null}});
    if (Status status = add_column(schema->fields.back()); !status.ok()) return status;
  }
  if (misfits.any()) {
    Column& column = columns[static_cast<std::size_t>(misfit)];
    Result<Column> joined = misfits.join(column);
    if (!joined.ok()) return joined.status();
    column = std::move(joined).value();
  }
  auto result = std::make_shared<RecordBatch>(std::move(schema), std::move(columns), batch->rows(), batch->messages());
  result->set_payload_bytes(batch->payload_bytes());
  return RecordBatchPtr(std::move(result));
}

Result<std::vector<RecordBatchPtr>> cast_all(const std::vector<RecordBatchPtr>& batches, SchemaPtr target) {
  std::vector<RecordBatchPtr> results;
  for (const RecordBatchPtr& batch : batches) {
    Result<RecordBatchPtr> result = cast(batch, target);
    if (!result.ok()) return result.status();
    results.push_back(std::move(result).value());
    // The first misfit may widen the target; what was cast before gets the column below, as nulls.
    target = results.back()->schema();
  }
  for (RecordBatchPtr& result : results) {
    Result<RecordBatchPtr> again = cast(result, target);
    if (!again.ok()) return again.status();
    result = std::move(again).value();
  }
  return results;
}

}  // namespace honeyframe
