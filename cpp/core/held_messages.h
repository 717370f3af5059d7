#pragma once

// HeldMessages: what a resumed session sends before anybody has subscribed. A broker starts on its backlog right after
// CONNACK, and a new process has no subscription yet: without a place to wait, the backlog would be acknowledged and
// lost.
//
// Bounded by messages and bytes. Not thread safe: the SubscriptionTable's mutex guards it.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "message.h"
#include "message_queue.h"

namespace honeyframe {

class HeldMessages {
 public:
  static constexpr std::size_t kMaxMessages = 10'000;
  static constexpr std::size_t kMaxBytes = 16u << 20;

  // A copy of it. False where there is no room, or no memory.
  bool hold(const MessageView& message) noexcept;
  // Moves what matches one of `filters` to `queue`, in the order in which it came; never waits. How many those were.
  std::size_t deliver(const std::vector<std::string>& filters, MessageQueue& queue);
  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  // Whether one of them has a QoS above 0.
  [[nodiscard]] bool is_acknowledgeable() const noexcept { return acknowledgeable_ > 0; }
  void clear() noexcept;

 private:
  struct Held {
    std::string topic;
    std::string payload;
    MessageProperties properties;
    bool has_properties;
    std::int64_t receive_time_ns;
    std::uint8_t qos;
    bool retain;
    bool dup;
    std::uint16_t packet_id;
  };
  [[nodiscard]] static std::size_t bytes_of(const MessageView& message) noexcept;

  std::deque<Held> messages_;
  std::size_t bytes_ = 0;            // of all that came; freed as a whole
  std::size_t acknowledgeable_ = 0;  // of messages_
};

}  // namespace honeyframe
