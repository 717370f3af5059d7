#pragma once

// SideColumn: `_misfit` and `_extra`, the string columns that hold what the others cannot: in each row that needs it, a
// JSON object of names and values. Collected beside the batch while it is open, because a value may leave its column
// after its row has been written. One thread.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "record_batch.h"

namespace honeyframe {

class SideColumn {
 public:
  // `json`: the text of a JSON value. Several under one name in one row become an array of them.
  void add(std::int64_t row, std::string_view name, std::string_view json);

  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  // No less than finish() will write.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  // Of an entry, valid until the next add(): its name, and the text of its value.
  [[nodiscard]] std::pair<std::string_view, std::string_view> entry(std::size_t index) const noexcept {
    const Entry& entry = entries_[index];
    return {*plain_names_[entry.name], std::string_view(values_).substr(entry.begin, entry.size)};
  }
  // Takes back all but the first `size` entries.
  void truncate(std::size_t size);

  // A string column of `rows` rows; begins anew.
  [[nodiscard]] Column finish(std::int64_t rows);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  struct Entry {
    std::int64_t row;
    std::uint32_t name;
    std::size_t begin;
    std::size_t size;
  };

  std::vector<Entry> entries_;
  std::string values_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> name_ids_;
  std::vector<std::string> names_;               // as JSON: quoted, with the colon
  std::vector<const std::string*> plain_names_;  // keys of name_ids_
  std::size_t bytes_ = 0;
};

}  // namespace honeyframe
