#include "payload_sequence.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "topic_filter.h"

namespace honeyframe::bindings {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxPayload = 268'435'455;  // MQTT 5.0, section 2.1.4

// The bytes of one payload, and what keeps them alive.
class PayloadBytes {
 public:
  PayloadBytes(py::handle payload, std::size_t index) {
    if (PyBytes_Check(payload.ptr())) {
      bytes_ = {PyBytes_AS_STRING(payload.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(payload.ptr()))};
    } else if (PyUnicode_Check(payload.ptr())) {
      encoded_ = to_utf8(py::reinterpret_borrow<py::str>(payload));
      bytes_ = encoded_;
    } else if (PyObject_GetBuffer(payload.ptr(), &buffer_, PyBUF_SIMPLE) == 0) {
      bytes_ = {static_cast<const char*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
    } else {
      PyErr_Clear();
      throw py::type_error("payload " + std::to_string(index) + ": expected bytes or str, found " +
                           py::cast<std::string>(py::type::of(payload).attr("__name__")));
    }
  }
  PayloadBytes(const PayloadBytes&) = delete;
  PayloadBytes& operator=(const PayloadBytes&) = delete;
  ~PayloadBytes() { PyBuffer_Release(&buffer_); }  // nothing where there is none

  [[nodiscard]] std::string_view bytes() const { return bytes_; }

 private:
  Py_buffer buffer_{};
  std::string encoded_;
  std::string_view bytes_;
};

py::tuple as_long_as(const py::tuple& payloads, const py::object& values, const char* name) {
  if (values.is_none()) return py::tuple();
  py::tuple items(values);
  if (items.size() != payloads.size()) {
    raise(Status(ErrorCode::invalid_argument, std::string(name) + " has " + std::to_string(items.size()) +
                                                  " entries for " + std::to_string(payloads.size()) + " payloads"));
  }
  return items;
}

}  // namespace

// Tuples: another thread may change a list while the GIL is released.
PayloadSequence::PayloadSequence(const py::sequence& payloads, const py::object& topics,
                                 const py::object& receive_times_ns)
    : payloads_(payloads),
      topics_(as_long_as(payloads_, topics, "topics")),
      receive_times_ns_(as_long_as(payloads_, receive_times_ns, "receive_times_ns")),
      dictionary_(std::make_shared<TopicDictionary>()) {}

std::uint32_t PayloadSequence::topic_id(std::size_t index) {
  if (topics_.empty()) return dictionary_->intern("");
  const py::object item = topics_[index];
  if (!py::isinstance<py::str>(item)) {
    throw py::type_error("topic " + std::to_string(index) + ": expected str, found " +
                         py::cast<std::string>(py::type::of(item).attr("__name__")));
  }
  const std::string topic = to_utf8(item);
  const std::size_t known = dictionary_->size();
  const std::uint32_t id = dictionary_->intern(topic);
  if (dictionary_->size() > known && !topic.empty()) raise_if_error(validate_topic_name(topic));
  return id;
}

std::shared_ptr<const MessageBlock> PayloadSequence::next() {
  std::shared_ptr<MessageBlock> block;
  for (; next_ < payloads_.size(); ++next_) {
    const py::object item = payloads_[next_];
    const PayloadBytes payload(item, next_);
    if (payload.bytes().size() > kMaxPayload) {
      raise(Status(ErrorCode::invalid_argument, "payload " + std::to_string(next_) + " has " +
                                                    std::to_string(payload.bytes().size()) +
                                                    " bytes; an MQTT packet has at most 268,435,455"));
    }
    if (!block) {
      block =
          std::make_shared<MessageBlock>(std::max(kBlockBytes, payload.bytes().size() + kPayloadPadding), dictionary_);
    }
    MessageView message;
    message.payload = payload.bytes();
    if (!receive_times_ns_.empty()) message.receive_time_ns = py::cast<std::int64_t>(receive_times_ns_[next_]);
    if (!block->append(message, topic_id(next_), false)) break;  // full: the next one takes it
  }
  return block;
}

}  // namespace honeyframe::bindings
