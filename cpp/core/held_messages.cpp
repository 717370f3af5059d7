#include "held_messages.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

#include "message_block.h"
#include "receive_burst.h"
#include "topic_filter.h"

namespace honeyframe {

std::size_t HeldMessages::bytes_of(const MessageView& message) noexcept {
  return sizeof(Held) + message.topic.size() + message.payload.size() +
         (message.properties == nullptr ? 0 : MessageBlock::properties_bytes(*message.properties));
}

bool HeldMessages::hold(const MessageView& message) noexcept {
  const auto size = bytes_of(message);
  if (messages_.size() >= kMaxMessages || size > kMaxBytes - bytes_) return false;
  try {
    messages_.push_back({std::string(message.topic), std::string(message.payload),
                         message.properties == nullptr ? MessageProperties() : *message.properties,
                         message.properties != nullptr, message.receive_time_ns, message.qos, message.retain,
                         message.dup, message.packet_id});
  } catch (const std::bad_alloc&) {
    return false;
  }
  bytes_ += size;
  if (message.qos > 0) ++acknowledgeable_;
  return true;
}

std::size_t HeldMessages::deliver(const std::vector<std::string>& filters, MessageQueue& queue) {
  const ReceiveBurst::Scope burst;  // a spool writes them together
  std::deque<Held> others;
  std::size_t delivered = 0;
  for (auto& held : messages_) {
    const bool matches = std::any_of(filters.begin(), filters.end(), [&](const auto& filter) {
      return topic_matches(without_share(filter), held.topic);
    });
    if (!matches) {
      others.push_back(std::move(held));
      continue;
    }
    static_cast<void>(queue.push({held.topic, held.payload, held.receive_time_ns, held.qos, held.retain, held.dup,
                                  held.has_properties ? &held.properties : nullptr, held.packet_id},
                                 std::chrono::nanoseconds(0)));  // what it cannot store it counts
    ++delivered;
    if (held.qos > 0) --acknowledgeable_;
  }
  messages_ = std::move(others);
  if (messages_.empty()) bytes_ = 0;
  return delivered;
}

void HeldMessages::clear() noexcept {
  messages_.clear();
  bytes_ = acknowledgeable_ = 0;
}

}  // namespace honeyframe
