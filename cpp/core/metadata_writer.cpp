#include "metadata_writer.h"

#include <string>

#include "cell_json.h"
#include "utf8.h"

namespace honeyframe {
namespace {

// Appends it as a JSON string; true where it had to be made valid.
bool append_text(const std::string& text, std::string& json) {
  const bool valid = is_valid_utf8(text);
  append_json_string(valid ? text : to_valid_utf8(text), json);
  return !valid;
}

}  // namespace

MetadataWriter::MetadataWriter(const ExtractOptions& options) : wanted_(options.metadata) {
  const auto add = [this](bool wanted, std::string_view name, TypeId id) {
    if (wanted) fields_.push_back({std::string(name), {id, TypeId::null}});
  };
  add(wanted_.topic, "_topic", TypeId::string);
  add(wanted_.receive_time, "_recv_time", TypeId::timestamp);
  add(wanted_.retain, "_retain", TypeId::boolean);
  if (options.event_time) {
    event_time_column_ = static_cast<std::int32_t>(fields_.size());
    add(true, "_event_time", TypeId::timestamp);
  }
  if (options.topic_template) {
    for (const std::string& name : options.topic_template->names()) add(true, name, TypeId::string);
    levels_ = options.topic_template->names().size();
  }
  add(wanted_.qos, "_qos", TypeId::int64);
  add(wanted_.dup, "_dup", TypeId::boolean);
  add(wanted_.payload_index, "_payload_index", TypeId::int64);
  add(wanted_.spool_sequence, "_spool_seq", TypeId::int64);
  add(wanted_.user_properties, "_user_properties", TypeId::string);
  add(wanted_.content_type, "_content_type", TypeId::string);
  add(wanted_.response_topic, "_response_topic", TypeId::string);
}

std::uint64_t MetadataWriter::begin(const RowSource& source) {
  user_properties_.clear();
  content_type_ = response_topic_ = {};
  const MessageProperties* const properties = source.properties;
  if (properties == nullptr) return 0;
  std::uint64_t bad = 0;
  if (wanted_.user_properties) {
    user_properties_ += '[';
    for (const auto& [name, value] : properties->user_properties) {
      user_properties_ += user_properties_.size() > 1 ? ",[" : "[";
      if (append_text(name, user_properties_)) ++bad;
      user_properties_ += ',';
      if (append_text(value, user_properties_)) ++bad;
      user_properties_ += ']';
    }
    user_properties_ += ']';
  }
  const auto take = [&](bool wanted, const std::string& text, std::string_view& to) {
    if (!wanted) return;
    if (is_valid_utf8(text)) {
      to = text;
    } else {
      ++bad;
    }
  };
  take(wanted_.content_type, properties->content_type, content_type_);
  take(wanted_.response_topic, properties->response_topic, response_topic_);
  return bad;
}

void MetadataWriter::append(const RowSource& source, std::int64_t row, std::vector<FittedColumn>& columns) const {
  std::size_t column = 0;
  const auto next = [&]() -> ColumnBuilder& {
    ColumnBuilder& builder = columns[column++].builder;
    builder.pad_to(row);
    return builder;
  };
  if (wanted_.topic) next().append_bytes(source.topic);
  if (wanted_.receive_time) next().append_int64(source.receive_time_ns);
  if (wanted_.retain) next().append_boolean(source.retain);
  if (event_time_column_ >= 0) ++column;
  for (std::size_t i = 0; i < levels_; ++i) {
    if (source.levels != nullptr) {
      next().append_bytes((*source.levels)[i]);
    } else {
      ++column;
    }
  }
  if (wanted_.qos) next().append_int64(source.qos);
  if (wanted_.dup) next().append_boolean(source.dup);
  if (wanted_.payload_index) next().append_int64(static_cast<std::int64_t>(source.payload_index));
  if (wanted_.spool_sequence) {
    if (source.spool_sequence != 0) {
      next().append_int64(static_cast<std::int64_t>(source.spool_sequence));
    } else {
      ++column;
    }
  }
  if (source.properties == nullptr) return;  // nulls, which nobody writes
  if (wanted_.user_properties) next().append_bytes(user_properties_);
  if (wanted_.content_type) {
    ColumnBuilder& builder = next();
    if (!content_type_.empty()) builder.append_bytes(content_type_);
  }
  if (wanted_.response_topic) {
    ColumnBuilder& builder = next();
    if (!response_topic_.empty()) builder.append_bytes(response_topic_);
  }
}

std::size_t MetadataWriter::text_bytes(const RowSource& source) noexcept {
  std::size_t bytes = source.topic.size();
  if (source.properties == nullptr) return bytes;
  bytes += source.properties->content_type.size() + source.properties->response_topic.size();
  // A character may be written as an escape of six, a byte that is not UTF-8 as three.
  for (const auto& [name, value] : source.properties->user_properties) bytes += 6 * (name.size() + value.size()) + 8;
  return bytes;
}

}  // namespace honeyframe
