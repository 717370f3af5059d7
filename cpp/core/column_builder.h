#pragma once

// ColumnBuilder: one column of the open batch, in Arrow's layout. Knows types and bytes, no JSON. Rows that nobody
// appends become null when a later one is, so a column costs nothing for the payloads that do not have it. One thread.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "data_type.h"
#include "record_batch.h"

namespace honeyframe {

// Bytes that grow by doubling and become a Buffer without a copy. The first allocation after take() is of the size the
// last batch needed.
class GrowingBuffer {
 public:
  // `count` more bytes, zeroed (but after room()); where they begin.
  std::uint8_t* grow(std::size_t count) {
    if (used_ + count > bytes_.size()) enlarge(count);
    std::uint8_t* const begin = bytes_.data() + used_;
    used_ += count;
    return begin;
  }
  template <typename T>
  void push(T value) {
    std::memcpy(grow(sizeof value), &value, sizeof value);
  }
  template <typename T>
  [[nodiscard]] T at(std::int64_t index) const noexcept {
    T value;
    std::memcpy(&value, bytes_.data() + static_cast<std::size_t>(index) * sizeof value, sizeof value);
    return value;
  }
  template <typename T>
  void set(std::int64_t index, T value) noexcept {
    std::memcpy(bytes_.data() + static_cast<std::size_t>(index) * sizeof value, &value, sizeof value);
  }
  // grow() in two steps: room for `most` bytes, of which keep() then takes `count`.
  std::uint8_t* room(std::size_t most) {
    if (used_ + most > bytes_.size()) enlarge(most);
    return bytes_.data() + used_;
  }
  void keep(std::size_t count) noexcept { used_ += count; }
  [[nodiscard]] std::uint8_t* data() noexcept { return bytes_.data(); }
  [[nodiscard]] const std::uint8_t* data() const noexcept { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return used_; }
  // Bytes given up are zeroed, as grow() promises.
  void shrink(std::size_t size) noexcept {
    if (size < used_) std::memset(bytes_.data() + size, 0, used_ - size);
    used_ = size < used_ ? size : used_;
  }
  [[nodiscard]] BufferPtr take();

 private:
  void enlarge(std::size_t count);

  Buffer bytes_;  // zeroed beyond used_
  std::size_t used_ = 0;
  std::size_t expected_ = 0;
};

class ColumnBuilder {
 public:
  explicit ColumnBuilder(DataType type);
  ~ColumnBuilder();
  ColumnBuilder(const ColumnBuilder& other);
  ColumnBuilder& operator=(const ColumnBuilder& other);
  ColumnBuilder(ColumnBuilder&&) noexcept;
  ColumnBuilder& operator=(ColumnBuilder&&) noexcept;

  [[nodiscard]] DataType type() const noexcept { return {type_, items_ ? items_->type_ : TypeId::null}; }
  [[nodiscard]] TypeId id() const noexcept { return type_; }
  [[nodiscard]] std::int64_t length() const noexcept { return length_; }
  [[nodiscard]] std::int64_t null_count() const noexcept { return null_count_; }
  [[nodiscard]] bool is_valid(std::int64_t row) const noexcept {
    return type_ != TypeId::null && (!has_validity_ || (validity_.data()[row / 8] >> (row % 8) & 1) != 0);
  }

  // Nulls up to `length` rows.
  void pad_to(std::int64_t length) {
    if (length > length_) append_nulls(length - length_);
  }
  void append_null() { append_nulls(1); }
  void append_nulls(std::int64_t count);

  // The value's type must be the column's.
  void append_int64(std::int64_t value) { append_word(value); }  // timestamps, too
  void append_uint64(std::uint64_t value) { append_word(value); }
  void append_float64(double value) { append_word(value); }
  void append_boolean(bool value);
  void append_bytes(std::string_view bytes) {
    char* const to = open_bytes(bytes.size());
    if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
    close_bytes(bytes.size());
  }
  // In two steps, for bytes that are not at hand in one piece: room for `most` bytes, then how many there were.
  [[nodiscard]] char* open_bytes(std::size_t most) { return reinterpret_cast<char*>(data_.room(most)); }
  void close_bytes(std::size_t size) {
    data_.keep(size);
    if (offsets_.size() == 0) push_offset(0);
    push_offset(data_.size());
    mark_valid();
  }
  // Values appended to items() since the last list are this one's.
  [[nodiscard]] ColumnBuilder& items() noexcept { return *items_; }
  void append_list();

  // Takes back the rows from `length` on, and what an append left behind that ran out of memory.
  void truncate(std::int64_t length);

  // An empty column of another type and as many nulls.
  void become(DataType type);
  // int64 or uint64 -> float64. A value that is no double exactly becomes null, and its row goes to `lost`.
  struct LostInteger {
    std::int64_t row;
    bool is_unsigned;
    std::int64_t value;  // its bits
  };
  void widen_to_float64(std::vector<LostInteger>& lost);
  [[nodiscard]] bool fits_float64() const noexcept;
  // int64 without negatives.
  void widen_to_uint64() noexcept { type_ = TypeId::uint64; }
  // The item type of a list: from null to any, from int64 to uint64 or float64, from uint64 to float64, where all fit.
  // False, and nothing done, for any other.
  [[nodiscard]] bool change_items(TypeId item);
  // To a string column: values as their JSON text, strings as they are.
  void widen_to_text();

  // The column, closed; the builder begins anew with the same type.
  [[nodiscard]] Column finish();

 private:
  template <typename T>
  void append_word(T value) {
    data_.push(value);
    mark_valid();
  }
  void mark_valid() {
    if (has_validity_) push_validity(true);
    ++length_;
  }
  void push_validity(bool valid);
  void begin_validity();
  void set_null(std::int64_t row);
  [[nodiscard]] bool has_offsets() const noexcept {
    return type_ == TypeId::string || type_ == TypeId::binary || type_ == TypeId::list;
  }
  void push_offset(std::size_t end) { offsets_.push(static_cast<std::int32_t>(end)); }

  TypeId type_;
  bool has_validity_ = false;  // the bitmap begins with the first null
  std::int64_t length_ = 0;
  std::int64_t null_count_ = 0;
  GrowingBuffer validity_;
  GrowingBuffer offsets_;
  GrowingBuffer data_;
  std::unique_ptr<ColumnBuilder> items_;
};

}  // namespace honeyframe
