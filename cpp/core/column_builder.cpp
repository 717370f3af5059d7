#include "column_builder.h"

#include <algorithm>
#include <utility>

#include "cell_json.h"
#include "exact_number.h"

namespace honeyframe {

void GrowingBuffer::enlarge(std::size_t count) {
  bytes_.resize(std::max({used_ + count, bytes_.size() * 2, expected_, std::size_t{256}}));
}

BufferPtr GrowingBuffer::take() {
  expected_ = used_ + used_ / 8;
  bytes_.resize(used_);
  used_ = 0;
  return std::make_shared<const Buffer>(std::exchange(bytes_, Buffer()));
}

ColumnBuilder::ColumnBuilder(DataType type) : type_(type.id) {
  if (type.id == TypeId::list) items_ = std::make_unique<ColumnBuilder>(DataType{type.item, TypeId::null});
}
ColumnBuilder::~ColumnBuilder() = default;
ColumnBuilder::ColumnBuilder(ColumnBuilder&&) noexcept = default;
ColumnBuilder& ColumnBuilder::operator=(ColumnBuilder&&) noexcept = default;

ColumnBuilder::ColumnBuilder(const ColumnBuilder& other)
    : type_(other.type_),
      has_validity_(other.has_validity_),
      length_(other.length_),
      null_count_(other.null_count_),
      validity_(other.validity_),
      offsets_(other.offsets_),
      data_(other.data_),
      items_(other.items_ ? std::make_unique<ColumnBuilder>(*other.items_) : nullptr) {}

ColumnBuilder& ColumnBuilder::operator=(const ColumnBuilder& other) {
  if (this != &other) *this = ColumnBuilder(other);
  return *this;
}

void ColumnBuilder::push_validity(bool valid) {
  if (length_ % 8 == 0) validity_.grow(1);
  if (valid) validity_.data()[length_ / 8] |= static_cast<std::uint8_t>(1u << (length_ % 8));
}

void ColumnBuilder::begin_validity() {
  const auto bytes = static_cast<std::size_t>((length_ + 7) / 8);
  if (bytes > 0) std::memset(validity_.grow(bytes), 0xFF, bytes);
  has_validity_ = true;
  if (bytes == 0) return;
  if (length_ % 8 != 0) validity_.data()[bytes - 1] = static_cast<std::uint8_t>((1u << (length_ % 8)) - 1);
}

void ColumnBuilder::set_null(std::int64_t row) {
  if (!has_validity_) begin_validity();
  validity_.data()[row / 8] &= static_cast<std::uint8_t>(~(1u << (row % 8)));
  ++null_count_;
}

void ColumnBuilder::append_nulls(std::int64_t count) {
  const std::int64_t length = length_ + count;
  switch (type_) {
    case TypeId::null:
      null_count_ += count;
      length_ = length;
      return;
    case TypeId::boolean:
      data_.grow(static_cast<std::size_t>((length + 7) / 8) - data_.size());
      break;
    case TypeId::int64:
    case TypeId::uint64:
    case TypeId::float64:
    case TypeId::timestamp:
      data_.grow(static_cast<std::size_t>(count) * 8);
      break;
    case TypeId::string:
    case TypeId::binary:
    case TypeId::list: {
      if (offsets_.size() == 0) push_offset(0);
      const auto end = offsets_.at<std::int32_t>(length_);
      for (std::int64_t i = 0; i < count; ++i) offsets_.push(end);
      break;
    }
  }
  if (!has_validity_) begin_validity();
  validity_.grow(static_cast<std::size_t>((length + 7) / 8) - validity_.size());
  null_count_ += count;
  length_ = length;
}

void ColumnBuilder::append_boolean(bool value) {
  if (length_ % 8 == 0) data_.grow(1);
  if (value) data_.data()[length_ / 8] |= static_cast<std::uint8_t>(1u << (length_ % 8));
  mark_valid();
}

void ColumnBuilder::append_list() {
  if (offsets_.size() == 0) push_offset(0);
  push_offset(static_cast<std::size_t>(items_->length_));
  mark_valid();
}

void ColumnBuilder::truncate(std::int64_t length) {
  length = std::min(length, length_);
  if (type_ == TypeId::null) {
    null_count_ = length_ = length;
    return;
  }
  for (std::int64_t row = length; row < length_; ++row) null_count_ -= is_valid(row) ? 0 : 1;
  length_ = length;
  const auto clear_behind = [length](GrowingBuffer& bits) {
    bits.shrink(static_cast<std::size_t>((length + 7) / 8));
    if (length % 8 != 0) bits.data()[length / 8] &= static_cast<std::uint8_t>((1u << (length % 8)) - 1);
  };
  if (has_validity_) clear_behind(validity_);
  if (has_offsets()) {
    offsets_.shrink((static_cast<std::size_t>(length) + 1) * sizeof(std::int32_t));
    const std::int32_t end = offsets_.size() == 0 ? 0 : offsets_.at<std::int32_t>(length);
    if (items_) {
      items_->truncate(end);
    } else {
      data_.shrink(static_cast<std::size_t>(end));
    }
  } else if (type_ == TypeId::boolean) {
    clear_behind(data_);
  } else {
    data_.shrink(static_cast<std::size_t>(length) * 8);
  }
}

void ColumnBuilder::become(DataType type) {
  ColumnBuilder other(type);
  other.pad_to(length_);
  *this = std::move(other);
}

bool ColumnBuilder::fits_float64() const noexcept {
  for (std::int64_t row = 0; row < length_; ++row) {
    if (!is_valid(row)) continue;
    const bool exact = type_ == TypeId::uint64 ? exactly<double>(data_.at<std::uint64_t>(row)).has_value()
                                               : exactly<double>(data_.at<std::int64_t>(row)).has_value();
    if (!exact) return false;
  }
  return true;
}

void ColumnBuilder::widen_to_float64(std::vector<LostInteger>& lost) {
  const bool is_unsigned = type_ == TypeId::uint64;
  type_ = TypeId::float64;
  for (std::int64_t row = 0; row < length_; ++row) {
    if (!is_valid(row)) continue;
    const auto bits = data_.at<std::int64_t>(row);
    const std::optional<double> value =
        is_unsigned ? exactly<double>(static_cast<std::uint64_t>(bits)) : exactly<double>(bits);
    if (!value) {
      lost.push_back({row, is_unsigned, bits});
      set_null(row);
    }
    data_.set(row, value.value_or(0.0));
  }
}

bool ColumnBuilder::change_items(TypeId item) {
  const TypeId now = items_->type_;
  if (now == TypeId::null) {
    items_->become({item, TypeId::null});
  } else if (now == TypeId::int64 && item == TypeId::uint64) {
    items_->widen_to_uint64();
  } else if ((now == TypeId::int64 || now == TypeId::uint64) && item == TypeId::float64) {
    std::vector<LostInteger> none;
    items_->widen_to_float64(none);
  } else {
    return false;
  }
  return true;
}

void ColumnBuilder::widen_to_text() {
  const DataType from = type();
  const Column column = finish();
  *this = ColumnBuilder({TypeId::string, TypeId::null});
  std::string text;
  for (std::int64_t row = 0; row < column.length; ++row) {
    if (from.id == TypeId::null || !honeyframe::is_valid(column, row)) {
      append_null();
      continue;
    }
    text.clear();
    append_cell_text(column, from, row, text);
    append_bytes(text);
  }
}

Column ColumnBuilder::finish() {
  Column column;
  column.length = std::exchange(length_, 0);
  column.null_count = std::exchange(null_count_, 0);
  if (type_ == TypeId::null) return column;
  if (std::exchange(has_validity_, false)) {
    BufferPtr validity = validity_.take();
    if (column.null_count > 0) column.validity = std::move(validity);
  }
  if (has_offsets()) {
    if (offsets_.size() == 0) push_offset(0);
    column.offsets = offsets_.take();
  }
  if (items_) {
    column.child = std::make_shared<const Column>(items_->finish());
  } else {
    column.data = data_.take();
  }
  return column;
}

}  // namespace honeyframe
