#pragma once

// MessageBlock: many messages in one contiguous arena. The receive thread appends, the consumer reads, never both: a
// block is handed over whole, under the queue's lock. Every capacity is reserved at construction, so append() allocates
// nothing (but for kept properties).

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "message.h"

namespace honeyframe {

// Zeroed bytes after each payload: simdjson reads past the end, and stale bytes there can change its answer.
inline constexpr std::size_t kPayloadPadding = 64;

// Interns topics: a message stores four bytes, not its topic. Written by the receive thread alone (under the queue's
// lock); blocks share it, so their ids stay valid after the queue has started a new dictionary. The consumer reads
// topics without the lock while new ones are interned: hence texts and their table never move.
class TopicDictionary {
 public:
  TopicDictionary();

  // The id of `topic`; ids count up from 0.
  [[nodiscard]] std::uint32_t intern(std::string_view topic);
  // Remembers what it found last: a message is asked for several times, and the next one is often of the same topic.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view topic);
  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  // Memory of the texts and their table, estimated from above.
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }
  // What intern() adds to bytes() for a topic that is new.
  [[nodiscard]] static std::size_t cost(std::string_view topic) noexcept;
  // bytes() of an empty one.
  [[nodiscard]] static std::size_t empty_bytes() noexcept;
  // Process-wide unique, so that caches keyed by topic id know when ids start anew.
  [[nodiscard]] std::uint64_t generation() const noexcept { return generation_; }
  // Any thread that got `id` from a block.
  [[nodiscard]] std::string_view topic(std::uint32_t id) const noexcept;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> ids_;
  // Chunk k has kFirstChunk << k entries: it grows without moving what is there.
  static constexpr std::size_t kFirstChunk = 16;
  std::array<std::unique_ptr<std::string_view[]>, 29> chunks_;
  std::string_view last_topic_;  // in ids_; without data before the first
  std::uint32_t last_id_ = 0;
  std::size_t bytes_ = empty_bytes();
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
  // An arena for `arena_bytes` of payloads and their paddings (below 4 GiB), and room for `max_messages`, by default as
  // many as the arena can hold.
  MessageBlock(std::size_t arena_bytes, std::shared_ptr<TopicDictionary> topics, std::size_t max_messages = 0);

  [[nodiscard]] bool fits(std::size_t payload_size) const noexcept;
  // False where the payload and its padding do not fit: the queue then opens the next block.
  [[nodiscard]] bool append(const MessageView& message, std::uint32_t topic_id, bool keep_properties);
  // Empties it for reuse with another dictionary.
  void reset(std::shared_ptr<TopicDictionary> topics) noexcept;

  // Of messages from a spool, which have consecutive numbers in a block; 0: they come from elsewhere.
  void set_first_sequence(std::uint64_t sequence) noexcept { first_sequence_ = sequence; }
  [[nodiscard]] std::uint64_t first_sequence() const noexcept { return first_sequence_; }

  [[nodiscard]] std::size_t size() const noexcept { return messages_.size(); }
  // What the block occupies, used or not: the number the queue's byte bound counts.
  [[nodiscard]] std::size_t capacity_bytes() const noexcept;
  // capacity_bytes() of an empty block built with these arguments.
  [[nodiscard]] static std::size_t capacity_bytes(std::size_t arena_bytes, std::size_t max_messages) noexcept;
  [[nodiscard]] static std::size_t properties_bytes(const MessageProperties& properties) noexcept;
  [[nodiscard]] std::size_t arena_bytes() const noexcept { return arena_capacity_; }
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
  std::size_t properties_bytes_ = 0;
  std::size_t max_messages_;
  std::uint64_t first_sequence_ = 0;
  std::vector<StoredMessage> messages_;
  std::vector<MessageProperties> properties_;
  std::shared_ptr<TopicDictionary> topics_;
};

}  // namespace honeyframe
