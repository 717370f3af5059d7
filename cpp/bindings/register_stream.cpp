// Queue, StreamReader, WindowTap: from the receive thread's messages to record batches in Python.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "bindings.h"
#include "extract_results.h"
#include "message_queue.h"
#include "queue_limits.h"
#include "stream_reader.h"

namespace honeyframe::bindings {
namespace {

// Every call but those that only let go: in a forked child a lock may be held for ever.
template <typename Object>
Object& of_this_process(Object& object) {
  if (object.in_forked_child()) {
    raise(Status(ErrorCode::forked, "this stream belongs to the process from which this one was forked")
              .with_hint("Open spools after the fork; to connect, start processes with \"spawn\"."));
  }
  return object;
}

// --- Queue -----------------------------------------------------------------------------------------------------------

constexpr std::array<std::pair<std::string_view, OverflowPolicy>, 4> kPolicies{
    {{"drop_oldest", OverflowPolicy::drop_oldest},
     {"drop_newest", OverflowPolicy::drop_newest},
     {"block", OverflowPolicy::block},
     {"latest", OverflowPolicy::latest}}};

OverflowPolicy parse_policy(const std::string& word) {
  for (const auto& [name, policy] : kPolicies) {
    if (name == word) return policy;
  }
  raise(Status(
      ErrorCode::invalid_argument,
      "overflow must be one of \"drop_oldest\", \"drop_newest\", \"block\", \"latest\"; found \"" + word + "\""));
}

// Python's integers have no bounds: what is negative or beyond the core's is named here.
std::size_t to_size(const py::int_& value, const char* name) {
  const std::size_t size = PyLong_AsSize_t(value.ptr());
  if (size == static_cast<std::size_t>(-1) && PyErr_Occurred() != nullptr) {
    PyErr_Clear();
    raise(Status(ErrorCode::invalid_argument,
                 std::string(name) + ": found " + py::cast<std::string>(py::str(value)) + ", expected 1 or more"));
  }
  return size;
}

}  // namespace

QueueLimits make_limits(const py::int_& max_messages, const py::int_& max_bytes, const py::int_& max_topics,
                        const py::int_& max_payload_bytes, const std::string& overflow, double block_timeout) {
  QueueLimits limits;
  limits.max_messages = to_size(max_messages, "max_messages");
  limits.max_bytes = to_size(max_bytes, "max_bytes");
  limits.max_topics = to_size(max_topics, "max_topics");
  limits.max_payload_bytes = to_size(max_payload_bytes, "max_payload_bytes");
  limits.policy = parse_policy(overflow);
  limits.block_timeout =
      std::chrono::duration_cast<std::chrono::milliseconds>(to_duration(block_timeout, "block_timeout"));
  raise_if_error(limits.validate());
  return limits;
}

namespace {

std::shared_ptr<MessageQueue> make_queue(const py::int_& max_messages, const py::int_& max_bytes,
                                         const py::int_& max_topics, const py::int_& max_payload_bytes,
                                         const std::string& overflow, double block_timeout, bool keep_properties) {
  QueueLimits limits = make_limits(max_messages, max_bytes, max_topics, max_payload_bytes, overflow, block_timeout);
  limits.keep_properties = keep_properties;
  return std::make_shared<MessageQueue>(limits);
}

const char* to_word(PushResult result) {
  switch (result) {
    case PushResult::stored:
      return "stored";
    case PushResult::dropped:
      return "dropped";
    case PushResult::rejected:
      return "rejected";
    case PushResult::closed:
      return "closed";
  }
  return "";
}

const char* push(MessageQueue& queue, const std::variant<py::str, py::bytes>& topic, const py::bytes& payload,
                 std::int64_t receive_time_ns, int qos, bool retain, bool dup,
                 std::vector<std::pair<std::string, std::string>> user_properties, std::string content_type,
                 std::string response_topic, std::uint16_t packet_id) {
  of_this_process(queue);
  if (qos < 0 || qos > 2) {
    raise(Status(ErrorCode::invalid_argument, "qos must be 0, 1 or 2; found " + std::to_string(qos)));
  }
  const std::string name = std::holds_alternative<py::str>(topic) ? to_utf8(std::get<py::str>(topic))
                                                                  : std::string(std::get<py::bytes>(topic));
  const MessageProperties properties{
      std::move(content_type), std::move(response_topic), {}, std::move(user_properties)};
  MessageView message;
  message.topic = name;
  message.payload = std::string_view(payload);
  message.receive_time_ns = receive_time_ns;
  message.qos = static_cast<std::uint8_t>(qos);
  message.retain = retain;
  message.dup = dup;
  message.properties = &properties;
  message.packet_id = packet_id;

  // `block` waits here, where Ctrl-C is seen, and not in push().
  (void)wait_interruptibly(queue.limits().block_timeout,
                           [&](std::chrono::nanoseconds slice) { return queue.wait_for_room(message, slice); });
  return to_word(queue.push(message, std::chrono::nanoseconds(0)));
}

py::dict counters_of(const StreamCounters& counters) {
  py::dict out;
  out["received"] = counters.received;
  out["delivered"] = counters.delivered;
  out["queued"] = counters.queued;
  out["in_batch"] = counters.in_batch;
  out["dropped"] = counters.dropped;
  out["superseded"] = counters.superseded;
  out["rejected"] = counters.rejected;
  out["quarantined"] = counters.quarantined;
  out["discarded_on_close"] = counters.discarded_on_close;
  out["received_bytes"] = counters.received_bytes;
  out["queued_bytes"] = counters.queued_bytes;
  out["held_bytes"] = counters.held_bytes;
  out["rows"] = counters.rows;
  out["blocked_ns"] = counters.blocked_ns;
  out["superseded_bytes"] = counters.superseded_bytes;
  out["duplicates"] = counters.duplicates;
  out["duplicate_packet_ids"] = counters.duplicate_packet_ids;
  out["spool_bytes"] = counters.spool_bytes;
  out["dropped_oldest"] = counters.loss.dropped_oldest;
  out["dropped_newest"] = counters.loss.dropped_newest;
  out["dropped_block_timeout"] = counters.loss.dropped_block_timeout;
  out["dropped_no_memory"] = counters.loss.dropped_no_memory;
  out["dropped_no_slot"] = counters.loss.dropped_no_slot;
  out["dropped_spool_failed"] = counters.loss.dropped_spool_failed;
  out["dropped_spool_damaged"] = counters.loss.dropped_spool_damaged;
  out["dropped_bytes"] = counters.loss.dropped_bytes;
  out["rejected_topic"] = counters.loss.rejected_topic;
  out["rejected_too_large"] = counters.loss.rejected_too_large;
  return out;
}

void register_queue(py::module_& module) {
  using namespace py::literals;
  const QueueLimits defaults;
  const std::vector<std::pair<std::string, std::string>> none;
  py::classh<MessageQueue>(module, "Queue")
      .def(py::init(&make_queue), py::kw_only(), "max_messages"_a = defaults.max_messages,
           "max_bytes"_a = defaults.max_bytes, "max_topics"_a = defaults.max_topics,
           "max_payload_bytes"_a = defaults.max_payload_bytes, "overflow"_a = "drop_oldest", "block_timeout"_a = 5.0,
           "keep_properties"_a = false)
      .def("push", &push, "topic"_a, "payload"_a, py::kw_only(), "receive_time_ns"_a = 0, "qos"_a = 0,
           "retain"_a = false, "dup"_a = false, "user_properties"_a = none, "content_type"_a = "",
           "response_topic"_a = "", "packet_id"_a = 0)
      .def(
          "close",
          [](MessageQueue& queue, const StreamReader* source) {
            if (queue.in_forked_child()) return;
            queue.close(source == nullptr ? Status() : source->end_reason());
          },
          "source"_a = py::none())
      .def("counters", [](MessageQueue& queue) { return counters_of(of_this_process(queue).counters()); });
}

// --- StreamReader ----------------------------------------------------------------------------------------------------

// The last reference may go in the middle of anything: the pump is awaited without the GIL.
std::shared_ptr<StreamReader> joining_without_gil(std::shared_ptr<StreamReader> reader) {
  StreamReader* const raw = reader.get();
  return {raw, [reader = std::move(reader)](StreamReader*) mutable {
            std::optional<WithoutGil> released;
            if (PyGILState_Check() != 0) released.emplace();
            reader.reset();
          }};
}

std::shared_ptr<StreamReader> make_reader(std::shared_ptr<MessageQueue> queue, const ExtractOptions& options) {
  of_this_process(*queue);
  return joining_without_gil(unwrap(StreamReader::create(std::move(queue), options)));
}

// None: nothing within `wait`.
RecordBatchPtr next(StreamReader& reader, std::int64_t max_rows, double max_seconds, double wait) {
  const BatchLimits limits{max_rows, to_duration(max_seconds, "max_seconds")};
  const std::chrono::nanoseconds timeout = to_duration(wait, "wait");

  Result<NextBatch> found = NextBatch();
  try {
    (void)wait_interruptibly(timeout, [&](std::chrono::nanoseconds slice) {
      found = reader.next(limits, slice);
      return !found.ok() || found->kind != NextKind::not_yet || found->woken;
    });
  } catch (const py::error_already_set&) {
    if (found.ok() && found->batch) reader.give_back(std::move(found->batch));  // Ctrl-C takes no batch with it
    throw;
  }

  const NextBatch result = unwrap(std::move(found));
  if (result.kind == NextKind::ended) {
    raise_if_error(reader.end_reason());
    throw py::stop_iteration();
  }
  return result.batch;
}

std::shared_ptr<WindowTap> open_window(StreamReader& reader, double seconds, const py::int_& max_rows,
                                       const py::int_& max_bytes) {
  WindowLimits limits;
  limits.duration = to_duration(seconds, "seconds");
  limits.max_rows = static_cast<std::int64_t>(std::min<std::size_t>(to_size(max_rows, "max_rows"), INT64_MAX));
  limits.max_bytes = to_size(max_bytes, "max_bytes");
  return unwrap(without_gil([&] { return reader.open_window(limits); }));
}

void register_reader(py::module_& module) {
  using namespace py::literals;
  const WindowLimits window;
  py::classh<StreamReader>(module, "StreamReader", py::is_final())
      .def(py::init(&make_reader), "queue"_a, "options"_a)
      .def("next", &next, "max_rows"_a, "max_seconds"_a, "wait"_a)
      .def("open_window", &open_window, "seconds"_a, py::kw_only(), "max_rows"_a = window.max_rows,
           "max_bytes"_a = window.max_bytes)
      .def("wake",
           [](StreamReader& reader) {
             if (!reader.in_forked_child()) reader.wake();
           })
      .def("close",
           [](StreamReader& reader) {
             if (!reader.in_forked_child()) reader.close();
           })
      .def("discard",
           [](StreamReader& reader) {
             if (!reader.in_forked_child()) without_gil([&] { reader.discard(); });
           })
      .def("counters", [](StreamReader& reader) { return counters_of(of_this_process(reader).counters()); })
      .def("extract_counters",
           [](StreamReader& reader) {
             of_this_process(reader);
             return extract_counters(without_gil([&] { return reader.extract_counters(); }));
           })
      .def("quarantine",
           [](StreamReader& reader) {
             of_this_process(reader);
             return quarantine_rows(without_gil([&] { return reader.quarantine(); }));
           })
      .def("take_events",
           [](StreamReader& reader) {
             of_this_process(reader);
             return event_rows(without_gil([&] { return reader.take_events(); }));
           })
      .def("ledger",
           [](StreamReader& reader) {
             of_this_process(reader);
             return ledger_rows(without_gil([&] { return reader.ledger(); }));
           })
      .def("schema", [](StreamReader& reader) {
        of_this_process(reader);
        return without_gil([&] { return reader.schema(); });
      });

  const auto parts = [](WindowTap::Snapshot snapshot) {
    return std::tuple(std::move(snapshot.batches), std::move(snapshot.schema), snapshot.evicted_rows);
  };
  py::classh<WindowTap>(module, "WindowTap", py::is_final())
      .def("snapshot", [parts](const WindowTap& tap) { return parts(without_gil([&] { return tap.snapshot(); })); })
      .def("take", [parts](WindowTap& tap) { return parts(without_gil([&] { return tap.take(); })); });
}

}  // namespace

void register_stream(py::module_& module) {
  register_queue(module);
  register_reader(module);
}

}  // namespace honeyframe::bindings
