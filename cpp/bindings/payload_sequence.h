#pragma once

// PayloadSequence: Python's payloads (bytes, str, anything with a contiguous buffer) copied into message blocks, piece
// by piece. Holds references to Python objects: created, used and destroyed with the GIL held.

#include <cstdint>
#include <memory>

#include "bindings.h"
#include "message_block.h"

namespace honeyframe::bindings {

// What came with each payload: None, or as many entries as there are payloads.
struct PayloadMetadata {
  py::object topics;            // str
  py::object receive_times_ns;  // int
  py::object retain;            // bool
  py::object qos;               // int
};

class PayloadSequence {
 public:
  PayloadSequence(const py::sequence& payloads, const PayloadMetadata& metadata);

  // The next block of some 4 MiB, or null at the end. Raises TypeError for what is no payload, InvalidTopicError for
  // what is no topic name.
  std::shared_ptr<const MessageBlock> next();

 private:
  std::uint32_t topic_id();
  MessageView metadata() const;

  // Tuples, since another thread may change a list while the GIL is released; empty where there is nothing.
  py::tuple payloads_;
  py::tuple topics_;
  py::tuple receive_times_ns_;
  py::tuple retain_;
  py::tuple qos_;
  std::size_t next_ = 0;
  std::shared_ptr<TopicDictionary> dictionary_;
};

}  // namespace honeyframe::bindings
