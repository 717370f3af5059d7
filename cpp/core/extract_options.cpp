#include "extract_options.h"

#include <algorithm>
#include <unordered_set>

#include "extraction_plan.h"
#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::size_t kDeepest = 4096;

// Names of columns end at a NUL where Arrow's C interface takes them.
bool has_nul(std::string_view text) noexcept {
  return text.find('\0') != std::string_view::npos;
}

Status validate_columns(const std::vector<ColumnSpec>& specs, const ExtractOptions& options) {
  if (specs.empty()) return Status(ErrorCode::invalid_schema, "the schema has no columns");
  std::unordered_set<std::string_view> names;
  for (const ColumnSpec& spec : specs) {
    if (spec.name.empty()) return Status(ErrorCode::invalid_schema, "a column of the schema has no name");
    if (!is_valid_utf8(spec.name) || !is_valid_utf8(spec.path)) {
      return Status(ErrorCode::invalid_schema, "column " + in_quotes(spec.name) + ": name and path must be UTF-8");
    }
    if (has_nul(spec.name)) {
      return Status(ErrorCode::invalid_schema, "column " + in_quotes(spec.name) + ": a name must not hold a NUL")
          .with_hint("Give the column another name and its path in `path`, where a NUL may stand.");
    }
    if (!names.insert(spec.name).second) {
      return Status(ErrorCode::invalid_schema, "column " + in_quotes(spec.name) + " is in the schema twice");
    }
    if (spec.type.id == TypeId::null || (spec.type.id == TypeId::list && spec.type.item == TypeId::null)) {
      return Status(ErrorCode::invalid_schema, "column " + in_quotes(spec.name) + " has no type");
    }
    if (options.payload == PayloadMode::raw && spec.type.id != TypeId::binary) {
      return Status(ErrorCode::invalid_schema,
                    "column " + in_quotes(spec.name) + ": with payload=\"raw\" there are bytes only, type binary")
          .with_hint("payload=\"text\" reads text, \"json\" or \"auto\" read JSON.");
    }
    const std::string& path = spec.path.empty() ? spec.name : spec.path;
    if (auto keys = ExtractionPlan::split_path(path, options.separator); !keys.ok()) return keys.status();
  }
  return Status();
}

Status validate_zone(const std::vector<ZoneTransition>& zone) {
  constexpr std::int32_t kDay = 86'400;
  for (std::size_t i = 0; i < zone.size(); ++i) {
    if (i > 0 && zone[i].utc_seconds <= zone[i - 1].utc_seconds) {
      return Status(ErrorCode::invalid_argument, "the zone's transitions must be sorted by time, each once");
    }
    if (zone[i].offset_seconds <= -kDay || zone[i].offset_seconds >= kDay) {
      return Status(ErrorCode::invalid_argument, "a zone's offset must be less than a day");
    }
  }
  return Status();
}

Status validate_sequence(const SequenceOptions& sequence, const ExtractOptions& options) {
  if (sequence.path.empty()) return Status(ErrorCode::invalid_argument, "sequence= is empty");
  if (auto keys = ExtractionPlan::split_path(sequence.path, options.separator); !keys.ok()) return keys.status();
  if (sequence.by.empty()) return Status();
  const std::vector<std::string> none;
  const std::vector<std::string>& names = options.topic_template ? options.topic_template->names() : none;
  if (std::find(names.begin(), names.end(), sequence.by) != names.end()) return Status();
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + in_quotes(name);
  return Status(ErrorCode::invalid_argument, "sequence_by= is " + in_quotes(sequence.by) + ", but " +
                                                 (known.empty() ? "there is no topic template with named levels"
                                                                : "the template's levels are " + known))
      .with_hint("It is a level of the topic, as in \"plant/{line}/telemetry\"; without it each topic is a publisher.");
}

}  // namespace

Status ExtractOptions::validate() const {
  if (separator.empty() || !is_valid_utf8(separator)) {
    return Status(ErrorCode::invalid_argument, "sep must be at least one character of UTF-8");
  }
  if (has_nul(separator)) return Status(ErrorCode::invalid_argument, "sep must not hold a NUL");
  if (max_columns < 1) return Status(ErrorCode::invalid_argument, "max_columns must be at least 1");
  if (max_depth < 1 || max_depth > kDeepest) {
    return Status(ErrorCode::invalid_argument, "max_depth must lie between 1 and " + std::to_string(kDeepest));
  }
  if (schema && !columns.empty()) {
    return Status(ErrorCode::invalid_argument, "schema= and columns= exclude each other")
        .with_hint("A schema reads its own columns only; leave columns= out.");
  }
  for (const std::string& column : columns) {
    if (column.empty() || !is_valid_utf8(column)) {
      return Status(ErrorCode::invalid_argument, "columns= holds a name that is empty or not UTF-8");
    }
    if (has_nul(column)) {
      return Status(ErrorCode::invalid_argument, "columns= holds a NUL, in " + in_quotes(column))
          .with_hint("In names a NUL is spelled as JSON does it, \\u0000.");
    }
  }
  const bool no_parsing = payload == PayloadMode::text || payload == PayloadMode::raw;
  if (no_parsing && (!explode.empty() || event_time || sequence)) {
    return Status(ErrorCode::invalid_argument,
                  "explode=, event_time= and sequence= need JSON; payload=\"text\" and \"raw\" do no parsing");
  }
  if (!explode.empty()) {
    if (auto keys = ExtractionPlan::split_path(explode, separator); !keys.ok()) return keys.status();
  }
  if (event_time) {
    if (event_time->path.empty()) return Status(ErrorCode::invalid_argument, "event_time= is empty");
    if (auto keys = ExtractionPlan::split_path(event_time->path, separator); !keys.ok()) return keys.status();
  }
  if (sequence) {
    if (Status status = validate_sequence(*sequence, *this); !status.ok()) return status;
  }
  if (Status status = validate_zone(zone); !status.ok()) return status;
  return schema ? validate_columns(*schema, *this) : Status();
}

}  // namespace honeyframe
