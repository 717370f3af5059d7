// TopicWatch and MessageCursor: a queue's messages counted by topic, or one by one.

#include <cstdint>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

#include "bindings.h"
#include "message_cursor.h"
#include "topic_watch.h"

namespace honeyframe::bindings {
namespace {

// Every call but those that only let go: in a forked child a lock may be held for ever.
template <typename Object>
Object& of_this_process(Object& object) {
  if (object.in_forked_child()) {
    raise(Status(ErrorCode::forked, "this belongs to the process from which this one was forked")
              .with_hint("Start processes with \"spawn\", or connect in the child alone."));
  }
  return object;
}

std::shared_ptr<TopicWatch> make_watch(std::shared_ptr<MessageQueue> queue, std::size_t max_topics,
                                       std::size_t max_bytes, std::size_t max_payload_bytes,
                                       std::uint64_t most_messages) {
  TopicLimits limits;
  limits.max_topics = max_topics;
  limits.max_bytes = max_bytes;
  limits.max_payload_bytes = max_payload_bytes;
  of_this_process(*queue);
  return unwrap(TopicWatch::create(std::move(queue), limits, most_messages));
}

bool wait_end(TopicWatch& watch, double wait) {
  of_this_process(watch);
  const bool ended = wait_interruptibly(to_duration(wait, "wait"),
                                        [&](std::chrono::nanoseconds slice) { return watch.wait_end(slice); });
  if (ended) raise_if_error(watch.end_reason());
  return ended;
}

py::dict totals_of(const TopicTotals& totals) {
  py::dict out;
  out["topics"] = totals.topics;
  out["messages"] = totals.messages;
  out["bytes"] = totals.bytes;
  out["unplaced_messages"] = totals.unplaced_messages;
  out["unplaced_bytes"] = totals.unplaced_bytes;
  out["unplaced_topics"] = totals.unplaced_topics;
  out["shortened_payloads"] = totals.shortened_payloads;
  out["held_bytes"] = totals.held_bytes;
  return out;
}

py::list tree_rows(const std::vector<TopicNode>& tree) {
  py::list rows;
  for (const TopicNode& node : tree) {
    rows.append(py::make_tuple(node.path, node.depth, node.is_topic, node.topics, node.shown, node.messages, node.live,
                               node.bytes, node.last_ns, node.retained, node.silent, node.payload_size,
                               node.last_payload));
  }
  return rows;
}

// None: nothing within `wait`.
std::optional<py::tuple> next_message(MessageCursor& cursor, double wait) {
  of_this_process(cursor);
  OwnedMessage message;
  MessageCursor::Found found = MessageCursor::Found::nothing;
  (void)wait_interruptibly(to_duration(wait, "wait"), [&](std::chrono::nanoseconds slice) {
    found = cursor.next(message, slice);
    return found != MessageCursor::Found::nothing;
  });
  switch (found) {
    case MessageCursor::Found::nothing:
      return std::nullopt;
    case MessageCursor::Found::ended:
      raise_if_error(cursor.end_reason());
      throw py::stop_iteration();
    case MessageCursor::Found::message:
      break;
  }
  py::list user_properties;
  for (const auto& [name, value] : message.properties.user_properties) {
    user_properties.append(py::make_tuple(to_python(name), to_python(value)));
  }
  return py::make_tuple(message.topic, py::bytes(message.payload), message.receive_time_ns, message.qos, message.retain,
                        message.dup, std::move(user_properties), to_python(message.properties.content_type),
                        to_python(message.properties.response_topic), py::bytes(message.properties.correlation_data));
}

}  // namespace

void register_watch(py::module_& module) {
  using namespace py::literals;
  const TopicLimits limits;
  py::classh<TopicWatch>(module, "TopicWatch", py::is_final())
      .def(py::init(&make_watch), "queue"_a, py::kw_only(), "max_topics"_a = limits.max_topics,
           "max_bytes"_a = limits.max_bytes, "max_payload_bytes"_a = limits.max_payload_bytes, "most_messages"_a = 0)
      .def("wait_end", &wait_end, "wait"_a)
      .def("close",
           [](TopicWatch& watch) {
             if (!watch.in_forked_child()) watch.close();
           })
      .def("totals",
           [](const TopicWatch& watch) {
             of_this_process(watch);
             return totals_of(without_gil([&] { return watch.totals(); }));
           })
      .def(
          "batches",
          [](const TopicWatch& watch, std::int64_t now_ns) {
            of_this_process(watch);
            return without_gil([&] { return watch.batches(now_ns); });
          },
          "now_ns"_a)
      .def(
          "tree",
          [](const TopicWatch& watch, std::size_t most_topics, std::int64_t now_ns) {
            of_this_process(watch);
            return tree_rows(without_gil([&] { return watch.tree(most_topics, now_ns); }));
          },
          "most_topics"_a, "now_ns"_a);

  py::classh<MessageCursor>(module, "MessageCursor", py::is_final())
      .def(py::init([](std::shared_ptr<MessageQueue> queue) {
             of_this_process(*queue);
             return std::make_shared<MessageCursor>(std::move(queue));
           }),
           "queue"_a)
      .def("next", &next_message, "wait"_a)
      .def("close", [](MessageCursor& cursor) {
        if (!cursor.in_forked_child()) cursor.close();
      });
}

}  // namespace honeyframe::bindings
