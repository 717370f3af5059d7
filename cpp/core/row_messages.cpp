#include "row_messages.h"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "cell_json.h"
#include "utf8.h"

namespace honeyframe {
namespace {

// What reading adds to a frame: no part of a payload.
constexpr std::array<std::string_view, 13> kAdded{
    "_topic",     "_recv_time",       "_retain",       "_event_time",     "_qos",    "_dup",  "_payload_index",
    "_spool_seq", "_user_properties", "_content_type", "_response_topic", "_misfit", "_extra"};

bool contains(const auto& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Status no_column(std::string_view name) {
  return Status(ErrorCode::invalid_argument, "there is no column " + in_quotes(name) + " in these rows");
}

Result<std::vector<std::size_t>> chosen(const Schema& schema, const std::vector<std::string>& wanted,
                                        const std::string& separator) {
  std::vector<std::size_t> columns;
  for (const auto& name : wanted) {
    const std::string above = name + separator;
    bool found = false;
    for (std::size_t i = 0; i < schema.fields.size(); ++i) {
      const auto& field = schema.fields[i].name;
      if (field != name && (separator.empty() || !field.starts_with(above))) continue;
      found = true;
      if (std::find(columns.begin(), columns.end(), i) == columns.end()) columns.push_back(i);
    }
    if (!found) return no_column(name);
  }
  return columns;
}

std::vector<std::size_t> all_but(const Schema& schema, const std::vector<std::string>& of_topic) {
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < schema.fields.size(); ++i) {
    const auto& name = schema.fields[i].name;
    if (!contains(of_topic, name) && !contains(kAdded, name)) columns.push_back(i);
  }
  return columns;
}

}  // namespace

Result<RowTopic> RowMessages::topic_of(const RowOptions& options) {
  if (options.topic.empty() == options.topic_column.empty()) {
    return Status(ErrorCode::invalid_argument,
                  options.topic.empty() ? "there is no topic" : "topic and topic_column are both given")
        .with_hint("give topic=\"plant/{line}/set\", or topic_column= with the column that holds whole topics");
  }
  return options.topic.empty() ? Result<RowTopic>(RowTopic::from_column(options.topic_column))
                               : RowTopic::parse(options.topic);
}

Result<std::shared_ptr<const RowMessages>> RowMessages::plan(RowTopic topic, const Schema& schema,
                                                             const RowOptions& options, const RowForm& form) {
  auto messages = std::shared_ptr<RowMessages>(new RowMessages(std::move(topic)));
  auto of_topic = messages->topic_.find_columns(schema);
  if (!of_topic.ok()) return of_topic.status();
  messages->topic_columns_ = std::move(of_topic).value();
  if (!form.payload_column.empty()) {
    const int index = schema.index_of(form.payload_column);
    if (index < 0) return no_column(form.payload_column);
    const DataType type = schema.fields[static_cast<std::size_t>(index)].type;
    if (type.id != TypeId::binary && type.id != TypeId::string && type.id != TypeId::null) {
      return Status(ErrorCode::invalid_argument, "column " + in_quotes(form.payload_column) + " is " +
                                                     type.to_string() + "; a payload as it is must be binary or string")
          .with_hint("without payload_column the columns are sent as JSON");
    }
    messages->payload_column_ = static_cast<std::size_t>(index);
    return std::shared_ptr<const RowMessages>(std::move(messages));
  }
  std::vector<std::size_t> columns;
  if (options.columns) {
    auto wanted = chosen(schema, *options.columns, options.json.separator);
    if (!wanted.ok()) return wanted.status();
    columns = std::move(wanted).value();
  } else {
    columns = all_but(schema, messages->topic_.names());
  }
  auto json = RowJson::plan(schema, columns, form.raw_json, options.json);
  if (!json.ok()) return json.status();
  messages->json_ = std::move(json).value();
  return std::shared_ptr<const RowMessages>(std::move(messages));
}

std::string RowMessages::write(const RecordBatch& batch, std::int64_t row, std::string& topic,
                               std::string& payload) const {
  if (auto why = topic_.append(batch, topic_columns_, row, topic); !why.empty()) return why;
  if (payload_column_) {
    const auto& column = batch.columns()[*payload_column_];
    const auto& field = batch.schema()->fields[*payload_column_];
    if (field.type.id == TypeId::null || !is_valid(column, row)) return "column " + in_quotes(field.name) + " is null";
    payload += bytes_at(column, row);
    return {};
  }
  if (auto why = json_.append(batch, row, payload); !why.empty()) return why;
  if (!simdjson::validate_utf8(payload.data(), payload.size())) return "a text of the row is not UTF-8";
  return {};
}

}  // namespace honeyframe
