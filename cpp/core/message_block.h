#pragma once

// MessageBlock: many messages in one contiguous arena. The receive thread appends, the consumer reads, never both:
// a block is handed over whole, under the queue's lock. No allocation per message once its vectors have grown.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "message.h"

namespace honeyframe {

// Zeroed bytes after each payload: simdjson reads past the end, and stale bytes there can change its answer.
inline constexpr std::size_t kPayloadPadding = 64;

// Interns topics: a message stores four bytes, not its topic. Written by the receive thread alone (under the queue's
// lock); blocks share it, so their ids stay valid after the queue has started a new dictionary.
class TopicDictionary {
 public:
  // The id of `topic`; ids count up from 0.
  [[nodiscard]] std::uint32_t intern(std::string_view topic);
  [[nodiscard]] std::size_t size() const noexcept { return topics_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  // Process-wide unique, so that caches keyed by topic id know when ids start anew.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }

  TopicDictionary();

 private:
  friend class MessageBlock;
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> ids_;
  std::vector<const std::string*> topics_;
  std::size_t bytes_ = 0;
  std::uint64_t generation_;
};

struct StoredMessage {
  std::int64_t receive_time_ns;
  std::uint32_t payload_offset;
  std::uint32_t payload_size;
  std::uint32_t topic_id;
  std::uint32_t properties_index;  // kNoProperties where there are none
  std::uint8_t qos;
  bool retain;
  bool dup;
};

inline constexpr std::uint32_t kNoProperties = 0xFFFFFFFF;

class MessageBlock {
 public:
  MessageBlock(std::size_t capacity_bytes, std::shared_ptr<TopicDictionary> topics);

  // False where the payload (and its padding) does not fit: the queue then opens the next block.
  [[nodiscard]] bool append(const MessageView& message, std::uint32_t topic_id, bool keep_properties);

  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  // What the block occupies, used or not: the number the queue's byte bound counts.
  [[nodiscard]] std::size_t capacity_bytes() const noexcept;
  [[nodiscard]] std::size_t payload_bytes() const noexcept { return payload_bytes_; }

  [[nodiscard]] const StoredMessage& operator[](std::size_t index) const noexcept { return messages_[index]; }
  // At least kPayloadPadding zero bytes follow it.
  [[nodiscard]] std::string_view payload(const StoredMessage& message) const noexcept;
  [[nodiscard]] std::string_view topic(const StoredMessage& message) const noexcept;
  // Null where the message had none, or the stream did not ask for them.
  [[nodiscard]] const MessageProperties* properties(const StoredMessage& message) const noexcept;
  [[nodiscard]] const TopicDictionary& topics() const noexcept { return *topics_; }

 private:
  std::unique_ptr<char[]> arena_;
  std::size_t arena_capacity_;
  std::size_t arena_used_ = 0;
  std::size_t payload_bytes_ = 0;
  std::vector<StoredMessage> messages_;
  std::vector<MessageProperties> properties_;
  std::shared_ptr<TopicDictionary> topics_;
};

}  // namespace honeyframe
