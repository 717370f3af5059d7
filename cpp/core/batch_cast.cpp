// cast() and cast_all() of record_batch.h: a batch brought to another schema, with nothing lost on the way.

#include <cstring>
#include <limits>
#include <memory>
#include <utility>

#include "cell_json.h"
#include "exact_number.h"
#include "record_batch.h"

namespace honeyframe {
namespace {

// A column under construction. Owned by one cast, used on its thread.
class ColumnWriter {
 public:
  explicit ColumnWriter(DataType type) : type_(type) {
    if (has_offsets()) append_bytes(offsets_, std::int32_t{0});
    if (type.id == TypeId::list) items_ = std::make_unique<ColumnWriter>(DataType{type.item, TypeId::null});
  }

  [[nodiscard]] DataType type() const { return type_; }
  [[nodiscard]] bool too_long() const { return too_long_ || (items_ && items_->too_long()); }
  [[nodiscard]] std::int64_t length() const { return length_; }
  [[nodiscard]] ColumnWriter& items() { return *items_; }

  void append_null() {
    ++null_count_;
    switch (type_.id) {
      case TypeId::null:
        break;
      case TypeId::boolean:
        push_bit(data_, length_, false);
        break;
      case TypeId::int64:
      case TypeId::uint64:
      case TypeId::float64:
      case TypeId::timestamp:
        append_bytes(data_, std::int64_t{0});
        break;
      case TypeId::string:
      case TypeId::binary:
        close_offset(data_.size());
        break;
      case TypeId::list:
        close_offset(static_cast<std::size_t>(items_->length()));
        break;
    }
    push_bit(validity_, length_++, false);
  }
  template <typename Number>
  void append_number(Number value) {
    append_bytes(data_, value);
    push_bit(validity_, length_++, true);
  }
  void append_text(std::string_view text) {
    data_.insert(data_.end(), text.begin(), text.end());
    close_offset(data_.size());
    push_bit(validity_, length_++, true);
  }
  // The items appended since the last list are this one's.
  void append_list() {
    close_offset(static_cast<std::size_t>(items_->length()));
    push_bit(validity_, length_++, true);
  }
  // Takes back everything from `length` on. For scalars: lists hold no lists.
  void truncate(std::int64_t length) {
    while (length_ > length) {
      --length_;
      if ((validity_[static_cast<std::size_t>(length_) / 8] >> (length_ % 8) & 1) == 0) --null_count_;
    }
    const auto rows = static_cast<std::size_t>(length);
    if (has_offsets()) {
      offsets_.resize((rows + 1) * sizeof(std::int32_t));
      std::int32_t end = 0;
      std::memcpy(&end, offsets_.data() + rows * sizeof end, sizeof end);
      data_.resize(static_cast<std::size_t>(end));
    } else {
      data_.resize(type_.id == TypeId::null ? 0 : type_.id == TypeId::boolean ? (rows + 7) / 8 : rows * 8);
    }
    validity_.resize((rows + 7) / 8);
  }

  Column finish() && {
    Column column;
    column.length = length_;
    column.null_count = null_count_;
    if (type_.id == TypeId::null) return column;
    if (null_count_ > 0) column.validity = std::make_shared<const Buffer>(std::move(validity_));
    if (has_offsets()) column.offsets = std::make_shared<const Buffer>(std::move(offsets_));
    if (items_) {
      column.child = std::make_shared<const Column>(std::move(*items_).finish());
    } else {
      column.data = std::make_shared<const Buffer>(std::move(data_));
    }
    return column;
  }

 private:
  [[nodiscard]] bool has_offsets() const {
    return type_.id == TypeId::string || type_.id == TypeId::binary || type_.id == TypeId::list;
  }
  template <typename T>
  static void append_bytes(Buffer& buffer, T value) {
    const std::size_t at = buffer.size();
    buffer.resize(at + sizeof value);
    std::memcpy(buffer.data() + at, &value, sizeof value);
  }
  static void push_bit(Buffer& bits, std::int64_t index, bool value) {
    const auto byte = static_cast<std::size_t>(index) / 8;
    const auto mask = static_cast<std::uint8_t>(1u << (index % 8));
    if (byte == bits.size()) bits.push_back(0);
    // Cleared first: truncate() leaves the last byte's upper bits as they were.
    bits[byte] = static_cast<std::uint8_t>(value ? bits[byte] | mask : bits[byte] & ~mask);
  }
  void close_offset(std::size_t end) {
    if (end > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
      too_long_ = true;  // the cast fails; until then, stay within the bounds
      end = 0;
      data_.clear();
    }
    append_bytes(offsets_, static_cast<std::int32_t>(end));
  }

  DataType type_;
  std::int64_t length_ = 0;
  std::int64_t null_count_ = 0;
  Buffer validity_;
  Buffer offsets_;
  Buffer data_;
  std::unique_ptr<ColumnWriter> items_;
  bool too_long_ = false;
};

template <typename To>
bool cast_to_number(const Column& column, DataType from, std::int64_t row, ColumnWriter& to) {
  std::optional<To> value;
  switch (from.id) {
    case TypeId::int64:
      value = exactly<To>(value_at<std::int64_t>(column.data, row));
      break;
    case TypeId::uint64:
      value = exactly<To>(value_at<std::uint64_t>(column.data, row));
      break;
    case TypeId::float64:
      value = exactly<To>(value_at<double>(column.data, row));
      break;
    case TypeId::string:
      value = number_from_text<To>(bytes_at(column, row));
      break;
    case TypeId::null:
    case TypeId::boolean:
    case TypeId::timestamp:
    case TypeId::binary:
    case TypeId::list:
      break;
  }
  if (value) to.append_number(*value);
  return value.has_value();
}

bool cast_cell(const Column& column, DataType from, std::int64_t row, ColumnWriter& to);

bool cast_list(const Column& column, DataType from, std::int64_t row, ColumnWriter& to) {
  const std::int64_t before = to.items().length();
  const auto end = value_at<std::int32_t>(column.offsets, row + 1);
  for (std::int64_t i = value_at<std::int32_t>(column.offsets, row); i < end; ++i) {
    if (!cast_cell(*column.child, {from.item, TypeId::null}, i, to.items())) {
      to.items().truncate(before);  // a list fits whole or not at all
      return false;
    }
  }
  to.append_list();
  return true;
}

bool cast_to_text(const Column& column, DataType from, std::int64_t row, ColumnWriter& to) {
  std::string text;
  append_cell_text(column, from, row, text);
  to.append_text(text);
  return true;
}

// Appends one cell to `to`, or returns false and leaves `to` as it was. A null always fits.
bool cast_cell(const Column& column, DataType from, std::int64_t row, ColumnWriter& to) {
  if (from.id == TypeId::null || !is_valid(column, row)) {
    to.append_null();
    return true;
  }
  switch (to.type().id) {
    case TypeId::null:
      return false;
    case TypeId::int64:
      return cast_to_number<std::int64_t>(column, from, row, to);
    case TypeId::uint64:
      return cast_to_number<std::uint64_t>(column, from, row, to);
    case TypeId::float64:
      return cast_to_number<double>(column, from, row, to);
    case TypeId::string:
      return cast_to_text(column, from, row, to);
    case TypeId::list:
      return from.id == TypeId::list && cast_list(column, from, row, to);
    case TypeId::boolean:
    case TypeId::timestamp:
    case TypeId::binary:
      return false;  // they take only their own kind, and a column that keeps its type is shared, not cast
  }
  return false;
}

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
    ColumnWriter writer({TypeId::string, TypeId::null});
    for (std::size_t row = 0; row < rows_; ++row) {
      const bool is_set = is_valid(existing, static_cast<std::int64_t>(row));
      const std::string_view before = is_set ? bytes_at(existing, static_cast<std::int64_t>(row)) : std::string_view();
      if (!members_[row].empty()) {
        writer.append_text(joined(before, members_[row]));
      } else if (is_set) {
        writer.append_text(before);
      } else {
        writer.append_null();
      }
    }
    if (writer.too_long()) return too_long(std::string(kMisfitColumn));
    return std::move(writer).finish();
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
  ColumnWriter writer(target.type);
  for (std::int64_t row = 0; row < rows; ++row) {
    if (source == nullptr) {
      writer.append_null();
    } else if (!cast_cell(*source, from, row, writer)) {
      writer.append_null();
      misfits.add(target.name, *source, from, row);
    }
  }
  if (writer.too_long()) return too_long(target.name);
  return std::move(writer).finish();
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
    if (column.ok()) columns.push_back(std::move(column).value());
    return column.status();
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
