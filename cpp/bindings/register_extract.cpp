// Extraction of payloads one already holds, its options, and the record batches that come out: of extract() and of
// streams alike.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "arrow_capsules.h"
#include "arrow_import.h"
#include "bindings.h"
#include "extract_results.h"
#include "extraction.h"
#include "extractor.h"
#include "json_lines.h"
#include "payload_sequence.h"
#include "record_batch.h"

namespace honeyframe::bindings {
namespace {

// --- Options ---------------------------------------------------------------------------------------------------------

// The value that `word` stands for in `words`, or an error that lists them.
template <typename Value, std::size_t count>
Value parse_word(const char* option, std::string_view word,
                 const std::array<std::pair<std::string_view, Value>, count>& words) {
  std::string known;
  for (const auto& [name, value] : words) {
    if (name == word) return value;
    known += (known.empty() ? "\"" : ", \"") + std::string(name) + "\"";
  }
  raise(Status(ErrorCode::invalid_argument,
               std::string(option) + " must be one of " + known + "; found \"" + std::string(word) + "\""));
}

constexpr std::array<std::pair<std::string_view, OnConflict>, 4> kOnConflict{{{"keep", OnConflict::keep},
                                                                              {"widen", OnConflict::widen},
                                                                              {"raise", OnConflict::raise},
                                                                              {"quarantine", OnConflict::quarantine}}};
constexpr std::array<std::pair<std::string_view, PayloadMode>, 4> kPayloadMode{{{"auto", PayloadMode::automatic},
                                                                                {"json", PayloadMode::json},
                                                                                {"text", PayloadMode::text},
                                                                                {"raw", PayloadMode::raw}}};
constexpr std::array<std::pair<std::string_view, TimeUnit>, 5> kTimeUnit{{{"auto", TimeUnit::automatic},
                                                                          {"s", TimeUnit::seconds},
                                                                          {"ms", TimeUnit::milliseconds},
                                                                          {"us", TimeUnit::microseconds},
                                                                          {"ns", TimeUnit::nanoseconds}}};
constexpr std::array<std::pair<std::string_view, bool MetadataColumns::*>, 10> kMetadata{
    {{"topic", &MetadataColumns::topic},
     {"recv_time", &MetadataColumns::receive_time},
     {"retain", &MetadataColumns::retain},
     {"qos", &MetadataColumns::qos},
     {"dup", &MetadataColumns::dup},
     {"payload_index", &MetadataColumns::payload_index},
     {"spool_seq", &MetadataColumns::spool_sequence},
     {"user_properties", &MetadataColumns::user_properties},
     {"content_type", &MetadataColumns::content_type},
     {"response_topic", &MetadataColumns::response_topic}}};

MetadataColumns parse_metadata(const std::vector<std::string>& names) {
  MetadataColumns columns;
  columns.topic = columns.receive_time = columns.retain = false;
  for (const std::string& name : names) columns.*parse_word("metadata", name, kMetadata) = true;
  return columns;
}

using SchemaTuples = std::vector<std::tuple<std::string, std::string, std::string>>;

std::vector<ColumnSpec> parse_schema(const SchemaTuples& columns) {
  std::vector<ColumnSpec> specs;
  for (const auto& [name, path, type] : columns) {
    const Result<DataType> parsed = DataType::parse(type);
    if (!parsed.ok()) raise(Status(ErrorCode::invalid_schema, "column '" + name + "': " + parsed.status().message()));
    specs.push_back({name, path, parsed.value()});
  }
  return specs;
}

ExtractOptions make_options(const std::optional<SchemaTuples>& schema, std::vector<std::string> columns,
                            const std::string& on_conflict, const std::string& payload, bool strict, std::string sep,
                            std::string explode, std::size_t max_columns, std::size_t max_depth,
                            std::vector<std::string> na_values, const std::optional<std::string>& event_time,
                            const std::string& event_time_unit,
                            const std::vector<std::pair<std::int64_t, std::int32_t>>& zone,
                            const std::optional<std::string>& topic_template, const std::vector<std::string>& metadata,
                            std::size_t max_quarantine_messages, std::size_t max_quarantine_bytes,
                            const std::optional<std::string>& sequence, const std::string& sequence_by) {
  ExtractOptions options;
  if (schema) options.schema = parse_schema(*schema);
  options.columns = std::move(columns);
  options.on_conflict = parse_word("on_conflict", on_conflict, kOnConflict);
  options.payload = parse_word("payload", payload, kPayloadMode);
  options.strict = strict;
  options.separator = std::move(sep);
  options.explode = std::move(explode);
  options.max_columns = max_columns;
  options.max_depth = max_depth;
  options.na_values = std::move(na_values);
  const TimeUnit unit = parse_word("event_time_unit", event_time_unit, kTimeUnit);
  if (event_time) options.event_time = EventTimeOptions{*event_time, unit};
  for (const auto& [utc_seconds, offset_seconds] : zone) options.zone.push_back({utc_seconds, offset_seconds});
  if (topic_template) options.topic_template = unwrap(TopicTemplate::parse(*topic_template));
  options.metadata = parse_metadata(metadata);
  options.max_quarantine_messages = max_quarantine_messages;
  options.max_quarantine_bytes = max_quarantine_bytes;
  if (sequence) options.sequence = SequenceOptions{*sequence, sequence_by};
  raise_if_error(options.validate());
  return options;
}

void register_options(py::module_& module) {
  using namespace py::literals;
  const std::vector<std::string> none;
  const std::vector<std::string> metadata{"topic", "recv_time", "retain"};
  py::classh<ExtractOptions>(module, "ExtractOptions", py::is_final())
      .def(py::init(&make_options), py::kw_only(), "schema"_a = py::none(), "columns"_a = none,
           "on_conflict"_a = "keep", "payload"_a = "auto", "strict"_a = true, "sep"_a = ".", "explode"_a = "",
           "max_columns"_a = 1024, "max_depth"_a = 64, "na_values"_a = none, "event_time"_a = py::none(),
           "event_time_unit"_a = "auto", "zone"_a = std::vector<std::pair<std::int64_t, std::int32_t>>(),
           "topic_template"_a = py::none(), "metadata"_a = metadata, "max_quarantine_messages"_a = 10'000,
           "max_quarantine_bytes"_a = 16u << 20, "sequence"_a = py::none(), "sequence_by"_a = "");
  module.def("parse_type", [](const std::string& text) { return unwrap(DataType::parse(text)).to_string(); }, "text"_a);
}

// --- Batches ---------------------------------------------------------------------------------------------------------

void register_batches(py::module_& module) {
  using namespace py::literals;
  py::classh<Schema>(module, "ArrowSchemaHolder", py::is_final())
      .def("fields",
           [](const Schema& schema) {
             std::vector<std::pair<py::str, std::string>> fields;
             for (const Field& field : schema.fields)
               fields.emplace_back(to_python(field.name), field.type.to_string());
             return fields;
           })
      .def("__arrow_c_schema__", &schema_capsule)
      .def("__eq__", [](const Schema& schema, const py::object& other) {
        return py::isinstance<Schema>(other) && schema == py::cast<const Schema&>(other);
      });

  // `requested_schema` is a wish that the specification lets a producer ignore; honeyframe.Batch fulfils it.
  py::classh<RecordBatch>(module, "RecordBatch", py::is_final())
      .def_property_readonly("num_rows", &RecordBatch::rows)
      .def_property_readonly("num_messages", &RecordBatch::messages)
      .def_property_readonly("nbytes", &RecordBatch::bytes)
      .def("schema", &RecordBatch::schema)
      .def(
          "__arrow_c_array__",
          [](const RecordBatchPtr& batch, const py::object&) {
            return std::pair(schema_capsule(*batch->schema()), array_capsule(batch));
          },
          "requested_schema"_a = py::none())
      .def("__arrow_c_schema__", [](const RecordBatch& batch) { return schema_capsule(*batch.schema()); });
}

SchemaPtr unify_batches(const std::vector<RecordBatchPtr>& batches) {
  std::vector<SchemaPtr> schemas;
  for (const RecordBatchPtr& batch : batches) schemas.push_back(batch->schema());
  return unify(schemas);
}

std::vector<RecordBatchPtr> cast_batches(const std::vector<RecordBatchPtr>& batches, const SchemaPtr& schema) {
  Result<std::vector<RecordBatchPtr>> result = std::vector<RecordBatchPtr>();
  {
    const WithoutGil released;  // it may copy much
    result = cast_all(batches, schema);
  }
  return unwrap(std::move(result));
}

RecordBatchPtr empty_batch(const SchemaPtr& schema) {
  const auto nothing =
      std::make_shared<const RecordBatch>(std::make_shared<const Schema>(), std::vector<Column>(), 0, 0);
  return unwrap(cast(nothing, schema));
}

// What any `__arrow_c_array__` gives, copied.
RecordBatchPtr import_capsules(const py::capsule& schema, const py::capsule& array, std::uint64_t messages) {
  const auto* schema_struct = static_cast<ArrowSchema*>(PyCapsule_GetPointer(schema.ptr(), "arrow_schema"));
  if (schema_struct == nullptr) throw py::error_already_set();
  const auto* array_struct = static_cast<ArrowArray*>(PyCapsule_GetPointer(array.ptr(), "arrow_array"));
  if (array_struct == nullptr) throw py::error_already_set();
  return unwrap(import_batch(*schema_struct, *array_struct, messages));
}

py::object export_batches(const std::vector<RecordBatchPtr>& batches, const SchemaPtr& schema) {
  std::vector<RecordBatchPtr> cast = cast_batches(batches, schema);
  const SchemaPtr target = cast.empty() ? schema : cast.front()->schema();
  return stream_capsule(target, std::move(cast));
}

// --- Extraction ------------------------------------------------------------------------------------------------------

// Reads what `next_block` (which needs the GIL) gives, block by block: the GIL is free meanwhile, and Ctrl-C is seen in
// between.
template <typename NextBlock>
Extraction extract_blocks(const ExtractOptions& options, std::int64_t max_rows, NextBlock&& next_block) {
  ExtractionRun run = unwrap(ExtractionRun::open(options, max_rows));
  while (const std::shared_ptr<const MessageBlock> block = next_block()) {
    Status status;
    {
      const WithoutGil released;
      status = run.read(*block);
    }
    raise_if_error(status);
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  }
  return std::move(run).finish();
}

Extraction extract_payloads(const py::sequence& payloads, const ExtractOptions& options, const py::object& topics,
                            const py::object& receive_times_ns, const py::object& retain, const py::object& qos,
                            std::int64_t max_rows) {
  PayloadSequence sequence(payloads, {topics, receive_times_ns, retain, qos});
  return extract_blocks(options, max_rows, [&] { return sequence.next(); });
}

Extraction extract_json_lines(const py::object& path, const ExtractOptions& options, std::int64_t max_rows) {
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(path.ptr(), &encoded) == 0) throw py::error_already_set();
  const auto bytes = py::reinterpret_steal<py::bytes>(encoded);
  const auto unwrap_or_os_error = [&path](auto result) {
    if (const int code = result.ok() ? 0 : result.status().native_code(); code != 0) {
      errno = code;
      PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, path.ptr());
      throw py::error_already_set();
    }
    return unwrap(std::move(result));
  };
  JsonLines lines = unwrap_or_os_error(JsonLines::open(bytes));
  return extract_blocks(options, max_rows, [&] { return unwrap_or_os_error(lines.next()); });
}

void register_extraction(py::module_& module) {
  using namespace py::literals;
  py::classh<Extraction>(module, "Extraction", py::is_final())
      .def_readonly("batches", &Extraction::batches)
      .def_readonly("schema", &Extraction::schema)
      .def_property_readonly("counters",
                             [](const Extraction& extraction) { return extract_counters(extraction.counters); })
      .def_property_readonly("quarantine",
                             [](const Extraction& extraction) { return quarantine_rows(extraction.quarantine); })
      .def_property_readonly("events", [](const Extraction& extraction) { return event_rows(extraction.events); });
  constexpr std::int64_t kMaxRows = 1'000'000;
  module.def("extract_payloads", &extract_payloads, "payloads"_a, "options"_a, py::kw_only(), "topics"_a = py::none(),
             "receive_times_ns"_a = py::none(), "retain"_a = py::none(), "qos"_a = py::none(), "max_rows"_a = kMaxRows);
  module.def("extract_json_lines", &extract_json_lines, "path"_a, "options"_a, py::kw_only(), "max_rows"_a = kMaxRows);
  module.def("empty_batch", &empty_batch, "schema"_a);
  module.def("import_batch", &import_capsules, "schema"_a, "array"_a, "num_messages"_a = 0);
  module.def("unify_schemas", &unify_batches, "batches"_a);
  module.def("cast_batches", &cast_batches, "batches"_a, "schema"_a);
  module.def("export_stream", &export_batches, "batches"_a, "schema"_a);
}

}  // namespace

void register_extract(py::module_& module) {
  register_batches(module);
  register_options(module);
  register_extraction(module);
}

}  // namespace honeyframe::bindings
