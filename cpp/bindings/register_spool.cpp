// SpoolQueue and SpoolSource: queues whose messages lie in a spool.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.h"
#include "queue_limits.h"
#include "spool_queue.h"
#include "spool_source.h"

namespace honeyframe::bindings {
namespace {

constexpr std::array<std::pair<std::string_view, SyncMode>, 3> kModes{
    {{"process", SyncMode::process}, {"interval", SyncMode::interval}, {"always", SyncMode::always}}};

SyncMode parse_mode(const std::string& word) {
  for (const auto& [name, mode] : kModes) {
    if (name == word) return mode;
  }
  raise(Status(ErrorCode::invalid_argument,
               "sync must be one of \"process\", \"interval\", \"always\"; found \"" + word + "\""));
}

std::shared_ptr<SpoolQueue> make_spool_queue(const std::string& path, std::optional<std::uint64_t> from,
                                             const std::string& sync, double sync_interval,
                                             std::uint64_t spool_max_bytes, std::uint64_t segment_bytes,
                                             const py::int_& max_messages, const py::int_& max_bytes,
                                             const py::int_& max_topics, const py::int_& max_payload_bytes,
                                             const std::string& overflow, double block_timeout) {
  const QueueLimits limits =
      make_limits(max_messages, max_bytes, max_topics, max_payload_bytes, overflow, block_timeout);
  SpoolQueueOptions options;
  options.spool.path = path;
  options.spool.sync = parse_mode(sync);
  options.spool.sync_interval =
      std::chrono::ceil<std::chrono::milliseconds>(to_duration(sync_interval, "sync_interval"));
  options.spool.max_bytes = spool_max_bytes;
  options.spool.segment_bytes = segment_bytes;
  options.from = from;

  Result<std::shared_ptr<SpoolQueue>> queue = Status(ErrorCode::internal, "not opened");
  {
    const WithoutGil released;  // the last segment is read to its end
    queue = SpoolQueue::open(limits, std::move(options));
  }
  return unwrap(std::move(queue));
}

std::shared_ptr<SpoolSource> make_spool_source(const std::string& path, std::uint64_t from, bool from_end, bool follow,
                                               const py::int_& max_messages, const py::int_& max_bytes,
                                               const py::int_& max_topics, const py::int_& max_payload_bytes,
                                               const std::string& overflow, double block_timeout) {
  const QueueLimits limits =
      make_limits(max_messages, max_bytes, max_topics, max_payload_bytes, overflow, block_timeout);

  Result<std::shared_ptr<SpoolSource>> queue = Status(ErrorCode::internal, "not opened");
  {
    const WithoutGil released;
    queue = SpoolSource::open(limits, {path, from, from_end, follow});
  }
  return unwrap(std::move(queue));
}

std::vector<std::tuple<std::string, std::int64_t, py::str>> to_rows(std::vector<SpoolEvent> events) {
  std::vector<std::tuple<std::string, std::int64_t, py::str>> rows;
  for (auto& event : events) rows.emplace_back(std::move(event.kind), event.time_ns, to_python(event.detail));
  return rows;
}

}  // namespace

void register_spool(py::module_& module) {
  using namespace py::literals;
  const QueueLimits limits;
  const SpoolOptions spool;
  py::classh<SpoolQueue, MessageQueue>(module, "SpoolQueue", py::is_final())
      .def(py::init(&make_spool_queue), "path"_a, py::kw_only(), "from_"_a = py::none(), "sync"_a = "process",
           "sync_interval"_a = 0.1, "spool_max_bytes"_a = spool.max_bytes, "segment_bytes"_a = spool.segment_bytes,
           "max_messages"_a = limits.max_messages, "max_bytes"_a = limits.max_bytes, "max_topics"_a = limits.max_topics,
           "max_payload_bytes"_a = limits.max_payload_bytes, "overflow"_a = "drop_oldest", "block_timeout"_a = 5.0)
      .def_property_readonly("first_sequence", &SpoolQueue::first_sequence)
      .def_property_readonly("earlier_messages", &SpoolQueue::earlier_messages)
      .def("take_events", [](SpoolQueue& queue) { return to_rows(queue.take_events()); });
  py::classh<SpoolSource, MessageQueue>(module, "SpoolSource", py::is_final())
      .def(py::init(&make_spool_source), "path"_a, py::kw_only(), "from_"_a = 0, "from_end"_a = false,
           "follow"_a = false, "max_messages"_a = limits.max_messages, "max_bytes"_a = limits.max_bytes,
           "max_topics"_a = limits.max_topics, "max_payload_bytes"_a = limits.max_payload_bytes,
           "overflow"_a = "drop_oldest", "block_timeout"_a = 5.0)
      .def("take_events", [](SpoolSource& source) { return to_rows(source.take_events()); });
}

}  // namespace honeyframe::bindings
