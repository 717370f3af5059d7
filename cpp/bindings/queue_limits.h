#pragma once

// A queue's limits as Python gives them: for every kind of queue.

#include <string>

#include "bindings.h"
#include "message_queue.h"

namespace honeyframe::bindings {

// Raises InvalidArgumentError, naming the limit.
[[nodiscard]] QueueLimits make_limits(const py::int_& max_messages, const py::int_& max_bytes,
                                      const py::int_& max_topics, const py::int_& max_payload_bytes,
                                      const std::string& overflow, double block_timeout);

}  // namespace honeyframe::bindings
