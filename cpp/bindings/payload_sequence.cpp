#include "payload_sequence.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "topic_filter.h"

namespace honeyframe::bindings {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxPayload = 268'435'455;  // MQTT 5.0, section 2.1.4

std::string type_name(py::handle value) {
  return py::cast<std::string>(py::type::of(value).attr("__name__"));
}

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
      throw py::type_error("payload " + std::to_string(index) + ": expected bytes or str, found " + type_name(payload));
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

PayloadSequence::PayloadSequence(const py::sequence& payloads, const PayloadMetadata& metadata)
    : payloads_(payloads),
      topics_(as_long_as(payloads_, metadata.topics, "topics")),
      receive_times_ns_(as_long_as(payloads_, metadata.receive_times_ns, "receive_times_ns")),
      retain_(as_long_as(payloads_, metadata.retain, "retain")),
      qos_(as_long_as(payloads_, metadata.qos, "qos")),
      dictionary_(std::make_shared<TopicDictionary>()) {}

std::uint32_t PayloadSequence::topic_id() {
  if (topics_.empty()) return dictionary_->intern("");
  const py::object item = topics_[next_];
  if (!py::isinstance<py::str>(item)) {
    throw py::type_error("topic " + std::to_string(next_) + ": expected str, found " + type_name(item));
  }
  const std::string topic = to_utf8(item);
  const std::size_t known = dictionary_->size();
  const std::uint32_t id = dictionary_->intern(topic);
  if (dictionary_->size() > known && !topic.empty()) raise_if_error(validate_topic_name(topic));
  return id;
}

MessageView PayloadSequence::metadata() const {
  MessageView message;
  if (!receive_times_ns_.empty()) message.receive_time_ns = py::cast<std::int64_t>(receive_times_ns_[next_]);
  if (!retain_.empty()) message.retain = py::cast<bool>(retain_[next_]);
  if (!qos_.empty()) message.qos = py::cast<std::uint8_t>(qos_[next_]);
  return message;
}

std::shared_ptr<const MessageBlock> PayloadSequence::next() {
  std::shared_ptr<MessageBlock> block;
  for (; next_ < payloads_.size(); ++next_) {
    const py::object item = payloads_[next_];
    const PayloadBytes payload(item, next_);
    const std::size_t size = payload.bytes().size();
    if (size > kMaxPayload) {
      raise(Status(ErrorCode::invalid_argument, "payload " + std::to_string(next_) + " has " + std::to_string(size) +
                                                    " bytes; an MQTT packet has at most 268,435,455"));
    }
    if (!block) block = std::make_shared<MessageBlock>(std::max(kBlockBytes, size + kPayloadPadding), dictionary_);
    MessageView message = metadata();
    message.payload = payload.bytes();
    if (!block->append(message, topic_id(), false)) break;  // full: the next one takes it
  }
  return block;
}

}  // namespace honeyframe::bindings
