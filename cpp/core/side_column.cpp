#include "side_column.h"

#include <algorithm>
#include <utility>

#include "cell_json.h"
#include "column_builder.h"

namespace honeyframe {

void SideColumn::add(std::int64_t row, std::string_view name, std::string_view json) {
  auto found = name_ids_.find(name);
  if (found == name_ids_.end()) {
    std::string quoted;
    append_json_string(name, quoted);
    names_.push_back(quoted += ':');
    plain_names_.resize(names_.size());
    found = name_ids_.emplace(name, static_cast<std::uint32_t>(names_.size() - 1)).first;
    plain_names_.back() = &found->first;
  }
  const std::size_t begin = values_.size();
  values_ += json;
  entries_.push_back({row, found->second, begin, json.size()});
  bytes_ += names_[found->second].size() + json.size() + 4;  // braces or brackets, and a comma
}

void SideColumn::truncate(std::size_t size) {
  while (entries_.size() > size) {
    const Entry& last = entries_.back();
    bytes_ -= names_[last.name].size() + last.size + 4;
    values_.resize(last.begin);
    entries_.pop_back();
  }
}

Column SideColumn::finish(std::int64_t rows) {
  // Within a row, names stay in order of their first entry; equal names come together.
  std::stable_sort(entries_.begin(), entries_.end(),
                   [](const Entry& a, const Entry& b) { return a.row != b.row ? a.row < b.row : a.name < b.name; });
  ColumnBuilder column({TypeId::string, TypeId::null});
  std::string object;
  for (std::size_t i = 0; i < entries_.size();) {
    const std::int64_t row = entries_[i].row;
    object = '{';
    while (i < entries_.size() && entries_[i].row == row) {
      std::size_t same = i;
      while (same < entries_.size() && entries_[same].row == row && entries_[same].name == entries_[i].name) ++same;
      if (object.size() > 1) object += ',';
      object += names_[entries_[i].name];
      if (same - i > 1) object += '[';
      for (const std::size_t first = i; i < same; ++i) {
        if (i > first) object += ',';
        object.append(values_, entries_[i].begin, entries_[i].size);
        if (i > first && i + 1 == same) object += ']';
      }
    }
    object += '}';
    column.pad_to(row);
    column.append_bytes(object);
  }
  column.pad_to(rows);
  entries_.clear();
  values_.clear();
  name_ids_.clear();
  names_.clear();
  plain_names_.clear();
  bytes_ = 0;
  return column.finish();
}

}  // namespace honeyframe
