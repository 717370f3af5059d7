#pragma once

// PayloadSequence: Python's payloads (bytes, str, anything with a contiguous buffer) copied into message blocks, piece
// by piece. Holds references to Python objects: created, used and destroyed with the GIL held.

#include <cstdint>
#include <memory>

#include "bindings.h"
#include "message_block.h"

namespace honeyframe::bindings {

class PayloadSequence {
 public:
  // `topics` and `receive_times_ns` are None or as long as `payloads`.
  PayloadSequence(const py::sequence& payloads, const py::object& topics, const py::object& receive_times_ns);

  // The next block of some 4 MiB, or null at the end. Raises TypeError for what is no payload, InvalidTopicError for
  // what is no topic name.
  std::shared_ptr<const MessageBlock> next();

 private:
  std::uint32_t topic_id(std::size_t index);

  py::tuple payloads_;
  py::tuple topics_;  // empty where there are none
  py::tuple receive_times_ns_;
  std::size_t next_ = 0;
  std::shared_ptr<TopicDictionary> dictionary_;
};

}  // namespace honeyframe::bindings
