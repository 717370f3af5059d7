// RowPublisher: batches of rows out to the broker.

#include <chrono>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.h"
#include "reason_codes.h"
#include "record_batch.h"
#include "row_publisher.h"
#include "session.h"

namespace honeyframe::bindings {
namespace {

using Clock = std::chrono::steady_clock;
using Properties = std::vector<std::pair<std::string, std::string>>;

std::shared_ptr<RowPublisher> publish_rows(Session& session, const py::str& topic, const py::str& topic_column,
                                           const std::optional<std::vector<py::str>>& columns, const py::str& sep,
                                           bool null_keys, int qos, bool retain, std::size_t max_inflight,
                                           const Properties& user_properties, const py::str& content_type,
                                           const py::str& response_topic, const py::bytes& correlation_data,
                                           std::optional<std::uint32_t> message_expiry) {
  RowPublishRequest request;
  request.rows.topic = to_utf8(topic);
  request.rows.topic_column = to_utf8(topic_column);
  if (columns) {
    request.rows.columns.emplace();
    for (const auto& name : *columns) request.rows.columns->push_back(to_utf8(name));
  }
  request.rows.json = {to_utf8(sep), null_keys};
  request.qos = qos;
  request.retain = retain;
  request.properties = {to_utf8(content_type), to_utf8(response_topic), std::string(std::string_view(correlation_data)),
                        user_properties};
  request.message_expiry_s = message_expiry;
  request.max_in_flight = max_inflight;

  raise_if_error(session.take_deferred_error());
  return unwrap(session.publish_rows(std::move(request)));
}

// Waits until `step` is true. Where rows wait and for `timeout` none of them is published or refused, it is stopped.
template <typename Step>
void wait_for_progress(RowPublisher& rows, double timeout, Step step) {
  const auto limit = to_duration(timeout, "timeout");
  const auto begin = Clock::now();
  wait_interruptibly(std::chrono::hours(24 * 3'650), [&](std::chrono::nanoseconds slice) {
    if (step(std::chrono::ceil<std::chrono::milliseconds>(slice))) return true;
    if (Clock::now() - std::max(begin, rows.last_progress()) < limit) return false;
    rows.stop(Status(ErrorCode::timeout,
                     "the broker acknowledged no row within " + std::to_string(limit.count() / 1'000'000) + " ms")
                  .with_hint("give it a longer timeout=, or look whether the connection is up"));
    return rows.wait_until_ended(kSignalSlice);
  });
}

void offer(RowPublisher& rows, const RecordBatchPtr& batch, const py::str& payload_column,
           const std::vector<py::str>& raw_json, const std::vector<std::pair<std::int64_t, py::str>>& faults,
           double timeout) {
  RowForm form;
  form.payload_column = to_utf8(payload_column);
  for (const auto& name : raw_json) form.raw_json.push_back(to_utf8(name));
  RowPublisher::Faults known;
  for (const auto& [row, why] : faults) known.emplace_back(row, to_utf8(why));

  wait_for_progress(rows, timeout, [&](std::chrono::milliseconds slice) { return rows.wait_for_room(slice); });
  raise_if_error(rows.offer(batch, form, std::move(known)));
}

void finish(RowPublisher& rows, double timeout) {
  rows.finish();
  wait_for_progress(rows, timeout, [&](std::chrono::milliseconds slice) { return rows.wait_until_ended(slice); });
}

void stop(RowPublisher& rows, const std::string& why) {
  const WithoutGil released;  // the control thread may be busy for a moment
  rows.stop(Status(ErrorCode::closed, why));
  static_cast<void>(rows.wait_until_ended(kSignalSlice));
}

std::string reason_of(const RowRefusal& refusal) {
  if (refusal.outcome != RowRefusal::Outcome::refused) return refusal.reason;
  return status_for_puback(refusal.reason_code.value_or(0x80), refusal.topic, refusal.reason).message();
}

py::list refusal_rows(const RowReport& report) {
  py::list rows;
  for (const auto& refusal : report.refusals) {
    const bool by_broker = refusal.outcome == RowRefusal::Outcome::refused;
    rows.append(py::make_tuple(refusal.row, to_python(refusal.topic), to_python(to_string(refusal.outcome)),
                               refusal.reason_code, to_python(by_broker ? refusal.reason : std::string()),
                               to_python(reason_of(refusal))));
  }
  return rows;
}

py::object error_of(const Status& status) {
  if (status.ok()) return py::none();
  try {
    raise(status);
  } catch (const py::error_already_set& error) {
    return error.value();
  }
}

}  // namespace

void register_publishing(py::module_& module) {
  using namespace py::literals;
  py::classh<RowPublisher>(module, "RowPublisher", py::is_final())
      .def("offer", &offer, "batch"_a, py::kw_only(), "payload_column"_a = "",
           "raw_json"_a = std::vector<std::string>(), "faults"_a = std::vector<std::pair<std::int64_t, std::string>>(),
           "timeout"_a = 10.0)
      .def("finish", &finish, "timeout"_a = 10.0)
      .def("stop", &stop, "why"_a)
      .def_property_readonly("ended", &RowPublisher::ended)
      .def_property_readonly("is_idle", &RowPublisher::is_idle)
      .def("report", [](const RowPublisher& rows) {
        const auto report = rows.report();
        return std::tuple(report.published, report.tried, refusal_rows(report), error_of(report.error));
      });
  module.def("publish_rows", &publish_rows, "session"_a, py::kw_only(), "topic"_a = "", "topic_column"_a = "",
             "columns"_a = py::none(), "sep"_a = ".", "null_keys"_a = false, "qos"_a = 1, "retain"_a = false,
             "max_inflight"_a = 0, "user_properties"_a = Properties(), "content_type"_a = "", "response_topic"_a = "",
             "correlation_data"_a = py::bytes(), "message_expiry"_a = py::none());
}

}  // namespace honeyframe::bindings
