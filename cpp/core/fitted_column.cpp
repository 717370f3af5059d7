#include "fitted_column.h"

#include <algorithm>
#include <utility>

#include "exact_number.h"
#include "json_number.h"
#include "json_text.h"

namespace honeyframe {
namespace {

constexpr std::uint32_t kNumbers = kind_bit(CellKind::int64) | kind_bit(CellKind::uint64) |
                                   kind_bit(CellKind::float64) | kind_bit(CellKind::big_integer);

bool is_numeric(TypeId id) noexcept {
  return id == TypeId::int64 || id == TypeId::uint64 || id == TypeId::float64;
}

bool is_number(CellKind kind) noexcept {
  return (kind_bit(kind) & kNumbers) != 0;
}

// `cell`, a string, as the number it spells; CellKind::string where it spells none.
Cell number_in(const PayloadCells& cells, const Cell& cell) {
  Cell result = cell;
  if (cell.kind != CellKind::string || cell.escaped || cell.size < 3) return result;
  const std::string_view raw = cells.raw_string(cell);
  const JsonNumber number = read_number(raw.data());  // the closing quote follows
  if (number.end != raw.data() + raw.size()) return result;
  switch (number.kind) {
    case NumberKind::int64:
      result.kind = CellKind::int64;
      break;
    case NumberKind::uint64:
      result.kind = CellKind::uint64;
      break;
    case NumberKind::float64:
      result.kind = CellKind::float64;
      break;
    case NumberKind::big_integer:
      result.kind = CellKind::big_integer;
      break;
    case NumberKind::out_of_range:
    case NumberKind::invalid:
      return result;
  }
  result.uint64 = number.uint64;
  ++result.begin;
  result.size -= 2;
  return result;
}

// The type of a list of numbers of these kinds; TypeId::null where no one type holds them all.
TypeId type_of_numbers(std::uint32_t kinds, bool any_negative) noexcept {
  if ((kinds & (kind_bit(CellKind::float64) | kind_bit(CellKind::big_integer))) != 0) return TypeId::float64;
  if ((kinds & kind_bit(CellKind::uint64)) == 0) return TypeId::int64;
  return any_negative ? TypeId::null : TypeId::uint64;
}

}  // namespace

std::string_view FittedColumn::content(const PayloadCells& cells, const Cell& cell) {
  if (cell.kind == CellKind::text) return cells.text(cell);
  const std::string_view raw = cells.raw_string(cell);
  if (!cell.escaped) return raw;
  scratch_.resize(raw.size());
  scratch_.resize(unescape(raw, scratch_.data()));
  return scratch_;
}

// Strings as they are, anything else as its JSON text.
void FittedColumn::append_text(ColumnBuilder& to, const PayloadCells& cells, const Cell& cell) {
  if (cell.kind != CellKind::string) {
    to.append_bytes(cells.text(cell));
  } else if (!cell.escaped) {
    to.append_bytes(cells.raw_string(cell));
  } else {
    const std::string_view raw = cells.raw_string(cell);
    to.close_bytes(unescape(raw, to.open_bytes(raw.size())));
  }
}

// Appends where the value, exactly, is one of the column's type; false, and nothing done, where it is not.
bool FittedColumn::append_scalar(ColumnBuilder& to, const PayloadCells& cells, const Cell& cell) {
  const auto append = [&to](auto value, auto method) {
    if (value) (to.*method)(*value);
    return value.has_value();
  };
  switch (to.id()) {
    case TypeId::null:
    case TypeId::list:
      return false;
    case TypeId::boolean:
      if (cell.kind != CellKind::boolean) return false;
      to.append_boolean(cell.boolean);
      return true;
    case TypeId::int64:
      if (cell.kind == CellKind::int64) {
        if (cell.int64 < 0) note_negative();
        to.append_int64(cell.int64);
        return true;
      }
      // 21.0 where a schema says int64.
      return fixed && cell.kind == CellKind::float64 &&
             append(exactly<std::int64_t>(cell.float64), &ColumnBuilder::append_int64);
    case TypeId::uint64:
      if (cell.kind == CellKind::uint64) return append(std::optional(cell.uint64), &ColumnBuilder::append_uint64);
      if (cell.kind == CellKind::int64) {
        return append(exactly<std::uint64_t>(cell.int64), &ColumnBuilder::append_uint64);
      }
      return fixed && cell.kind == CellKind::float64 &&
             append(exactly<std::uint64_t>(cell.float64), &ColumnBuilder::append_uint64);
    case TypeId::float64:
      if (cell.kind == CellKind::float64) return append(std::optional(cell.float64), &ColumnBuilder::append_float64);
      if (cell.kind == CellKind::int64) return append(exactly<double>(cell.int64), &ColumnBuilder::append_float64);
      if (cell.kind == CellKind::uint64) return append(exactly<double>(cell.uint64), &ColumnBuilder::append_float64);
      return cell.kind == CellKind::big_integer &&
             append(exact_double(cells.text(cell)), &ColumnBuilder::append_float64);
    case TypeId::string:
      if (cell.kind == CellKind::bytes) return false;
      append_text(to, cells, cell);
      return true;
    case TypeId::timestamp:
      if (cell.kind == CellKind::string || cell.kind == CellKind::text) {
        return append(time.read_text(content(cells, cell)), &ColumnBuilder::append_int64);
      }
      return is_number(cell.kind) && append(time.read_epoch(cells.text(cell)), &ColumnBuilder::append_int64);
    case TypeId::binary:
      if (cell.kind != CellKind::string && cell.kind != CellKind::text && cell.kind != CellKind::bytes) return false;
      to.append_bytes(cell.kind == CellKind::string ? content(cells, cell) : cells.text(cell));
      return true;
  }
  return false;
}

Fit FittedColumn::fit(const PayloadCells& cells, const Cell& cell, std::int64_t row, const FitRules& rules,
                      Effects& effects) {
  builder.pad_to(row);
  if (builder.length() > row) return Fit::conflict;  // another path to this column came first
  const TypeId id = builder.id();
  if (id == TypeId::null) return fit_first(cells, cell, rules, effects);
  if (id == TypeId::string && only_na() && !fixed) {
    if (cell.kind == CellKind::string || cell.kind == CellKind::text) {
      if (!rules.na_values.contains(content(cells, cell))) text_from_ = row;
    } else if (is_number(cell.kind) || cell.kind == CellKind::boolean || cell.kind == CellKind::list) {
      // One "N/A" before the first temperature does not turn temperatures into text.
      const auto read = static_cast<std::uint64_t>(builder.length() - builder.null_count());
      about_to_change(effects);
      builder.become({});
      may_be_missing_ = false;
      const Fit fit = fit_first(cells, cell, rules, effects);
      effects.missing += read;
      return fit;
    } else {
      text_from_ = row;  // an object, a number out of range: the text there is now must stay
    }
  }
  if (id == TypeId::list) {
    if (cell.kind == CellKind::list) return fit_list(cells, cell, rules, effects);
    if (cell.kind == CellKind::json && builder.type().item == TypeId::null && !fixed) {
      about_to_change(effects);
      builder.widen_to_text();  // so far there were only empty lists
      append_text(builder, cells, cell);
      return Fit::fits;
    }
  } else if (append_scalar(builder, cells, cell)) {
    return Fit::fits;
  }
  if (cell.kind == CellKind::string || cell.kind == CellKind::text) return fit_string(cells, cell, rules, effects);
  return is_numeric(id) && is_number(cell.kind) ? fit_number(cells, cell, rules, effects) : Fit::conflict;
}

// The first value of a column decides its type.
Fit FittedColumn::fit_first(const PayloadCells& cells, const Cell& cell, const FitRules& rules, Effects& effects) {
  about_to_change(effects);
  TypeId id = TypeId::string;
  switch (cell.kind) {
    case CellKind::boolean:
      id = TypeId::boolean;
      break;
    case CellKind::int64:
      id = TypeId::int64;
      break;
    case CellKind::uint64:
      id = TypeId::uint64;
      break;
    case CellKind::float64:
      id = TypeId::float64;
      break;
    case CellKind::bytes:
      id = TypeId::binary;
      break;
    case CellKind::string:
      may_be_missing_ = rules.na_values.contains(content(cells, cell));
      text_from_ = kNever;
      break;
    case CellKind::list:
      builder.become({TypeId::list, TypeId::null});
      if (fit_list(cells, cell, rules, effects) == Fit::fits) return Fit::fits;
      break;  // no one type for its items: text
    case CellKind::json:
    case CellKind::text:
      break;
    case CellKind::null:
    case CellKind::big_integer:
    case CellKind::out_of_range:
    case CellKind::superseded:
    case CellKind::extra:
    case CellKind::dropped:
      return Fit::conflict;
  }
  builder.become({id, TypeId::null});
  return append_scalar(builder, cells, cell) ? Fit::fits : Fit::conflict;
}

// A number that the numeric column cannot hold as it is.
Fit FittedColumn::fit_number(const PayloadCells& cells, const Cell& cell, const FitRules& rules, Effects& effects) {
  const TypeId id = builder.id();
  if (append_scalar(builder, cells, cell)) return Fit::fits;
  if (fixed) return Fit::conflict;
  if (id == TypeId::int64 && cell.kind == CellKind::uint64 && negative_from_ == kNever) {
    about_to_change(effects);
    builder.widen_to_uint64();
  } else if ((id == TypeId::int64 || id == TypeId::uint64) && cell.kind == CellKind::float64 &&
             (rules.lenient || builder.fits_float64())) {
    about_to_change(effects);
    builder.widen_to_float64(effects.lost);
  } else {
    return Fit::conflict;
  }
  return append_scalar(builder, cells, cell) ? Fit::fits : Fit::conflict;
}

Fit FittedColumn::fit_string(const PayloadCells& cells, const Cell& cell, const FitRules& rules, Effects& effects) {
  if (rules.na_values.contains(content(cells, cell))) {
    builder.append_null();
    ++effects.missing;
    return Fit::missing;
  }
  if (!is_numeric(builder.id()) || !rules.lenient) return Fit::conflict;
  const Cell number = number_in(cells, cell);
  if (number.kind == CellKind::string) return Fit::conflict;
  if (fit_number(cells, number, rules, effects) != Fit::fits) return Fit::conflict;
  ++effects.numbers;
  return Fit::number;
}

// A list fits whole or not at all; its item type widens as a column's does, while every item there is stays exact.
Fit FittedColumn::fit_list(const PayloadCells& cells, const Cell& cell, const FitRules& rules, Effects& effects) {
  const TypeId now = builder.type().item;
  const std::uint32_t kinds = cell.kinds & ~kind_bit(CellKind::null);
  TypeId item = now;
  if (kinds != 0 && !fixed && now != TypeId::string) {
    const std::uint32_t strings = kind_bit(CellKind::string);
    bool any_negative = negative_from_ != kNever;
    bool only_strings = true;
    for (std::uint32_t i = 0; i < cell.items.count; ++i) {
      const Cell& element = cells.items[cell.items.begin + i];
      any_negative = any_negative || (element.kind == CellKind::int64 && element.int64 < 0);
      only_strings = only_strings && (element.kind == CellKind::string || element.kind == CellKind::null);
    }
    if (now == TypeId::null && only_strings) {
      item = TypeId::string;
    } else if ((kinds & ~strings) == kind_bit(CellKind::boolean)) {
      item = TypeId::boolean;
    } else if ((kinds & kNumbers) != 0) {
      item = type_of_numbers(kinds, any_negative);
      if (now == TypeId::float64 || (now == TypeId::uint64 && item == TypeId::int64)) item = now;
    }
    const bool was_integer = now == TypeId::int64 || now == TypeId::uint64;
    if (now != TypeId::null && item != now) {
      const bool widens = was_integer && (item == TypeId::float64 || (now == TypeId::int64 && item == TypeId::uint64));
      if (!widens || (item == TypeId::float64 && !builder.items().fits_float64())) return Fit::conflict;
    }
  }
  if (item == TypeId::null && kinds != 0) return Fit::conflict;
  // Tried on a list of its own where the type changes: the column stays as it is if an item does not fit.
  if (item == now) {
    if (!append_list(cells, cell, builder, rules, effects)) return Fit::conflict;
  } else {
    ColumnBuilder trial({TypeId::list, item});
    Effects unused;
    if (!append_list(cells, cell, trial, rules, unused)) return Fit::conflict;
    about_to_change(effects);
    if (!builder.change_items(item) || !append_list(cells, cell, builder, rules, effects)) return Fit::conflict;
  }
  return Fit::fits;
}

bool FittedColumn::append_list(const PayloadCells& cells, const Cell& cell, ColumnBuilder& to, const FitRules& rules,
                               Effects& effects) {
  ColumnBuilder& items = to.items();
  const std::int64_t before = items.length();
  const std::int64_t negative_before = negative_from_;
  const std::uint64_t missing_before = effects.missing;
  const std::uint64_t numbers_before = effects.numbers;
  for (std::uint32_t i = 0; i < cell.items.count; ++i) {
    const Cell& element = cells.items[cell.items.begin + i];
    if (element.kind == CellKind::null) {
      items.append_null();
    } else if (!append_scalar(items, cells, element) && !append_item_string(items, cells, element, rules, effects)) {
      items.truncate(before);
      negative_from_ = negative_before;
      effects.missing = missing_before;
      effects.numbers = numbers_before;
      return false;
    }
  }
  to.append_list();
  return true;
}

// A string among numbers or booleans: missing, or a number.
bool FittedColumn::append_item_string(ColumnBuilder& items, const PayloadCells& cells, const Cell& element,
                                      const FitRules& rules, Effects& effects) {
  if (element.kind != CellKind::string) return false;
  if (rules.na_values.contains(content(cells, element))) {
    items.append_null();
    ++effects.missing;
    return true;
  }
  if (!rules.lenient || !is_numeric(items.id())) return false;
  const Cell number = number_in(cells, element);
  if (number.kind == CellKind::string || !append_scalar(items, cells, number)) return false;
  ++effects.numbers;
  return true;
}

void FittedColumn::about_to_change(Effects& effects) const {
  if (!effects.before) effects.before = Snapshot{builder, negative_from_, text_from_, may_be_missing_};
}

void FittedColumn::restore(Snapshot&& before) {
  builder = std::move(before.builder);
  negative_from_ = before.negative_from;
  text_from_ = before.text_from;
  may_be_missing_ = before.may_be_missing;
}

void FittedColumn::truncate(std::int64_t rows) {
  builder.truncate(rows);
  if (negative_from_ >= rows) negative_from_ = kNever;
  if (text_from_ >= rows) text_from_ = kNever;
}

void FittedColumn::fit_as_text(const PayloadCells& cells, const Cell& cell, std::int64_t row, Effects& effects) {
  about_to_change(effects);
  if (builder.id() != TypeId::string) builder.widen_to_text();
  may_be_missing_ = false;
  builder.pad_to(row);
  append_text(builder, cells, cell);
}

}  // namespace honeyframe
