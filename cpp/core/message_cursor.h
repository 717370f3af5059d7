#pragma once

// MessageCursor: the consumer of a message queue that wants its messages one by one, as they are: to wait for one of
// them. Slow, and meant to be. Any thread, one at a time (others wait); close() and wake from any. In a child of fork()
// only the destructor may be called.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "message.h"
#include "message_queue.h"

namespace honeyframe {

// A message that is nobody else's.
struct OwnedMessage {
  std::string topic;
  std::string payload;
  std::int64_t receive_time_ns = 0;
  std::uint8_t qos = 0;
  bool retain = false;
  bool dup = false;
  MessageProperties properties;
};

class MessageCursor {
 public:
  explicit MessageCursor(std::shared_ptr<MessageQueue> queue) : queue_(std::move(queue)) {}

  enum class Found : std::uint8_t { message, nothing, ended };
  // The next one, within `wait`.
  [[nodiscard]] Found next(OwnedMessage& message, std::chrono::nanoseconds wait);
  void close() { queue_->close(); }
  // Why the queue was closed.
  [[nodiscard]] Status end_reason() const { return queue_->close_reason(); }
  [[nodiscard]] bool in_forked_child() const noexcept { return queue_->in_forked_child(); }

 private:
  const std::shared_ptr<MessageQueue> queue_;
  std::mutex mutex_;
  std::unique_ptr<MessageBlock> block_;  // guarded by mutex_, as is at_
  std::size_t at_ = 0;
};

}  // namespace honeyframe
