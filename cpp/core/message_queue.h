#pragma once

// MessageQueue: the boundary between the receive thread and the consumer, and the book in which every message of a
// stream is accounted for.
//
//   receive thread --push()--> [block][block][block] --take()--> consumer
//
// Bounded by messages and by bytes (a block's capacity counts, not what it holds). Producer: Paho's receive thread,
// which never allocates per message here, never parses and, but for the bounded wait of `block`, never waits.
// Consumer: one at a time. Thread safe; all members are guarded by mutex_.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>

#include "message.h"
#include "message_block.h"

namespace honeyframe {

enum class OverflowPolicy : std::uint8_t {
  drop_oldest,  // evicts whole blocks from the head
  drop_newest,  // refuses what arrives
  block,        // waits up to block_timeout for room, then refuses what arrives; TCP slows the broker meanwhile
};

struct QueueLimits {
  std::size_t max_messages = 1'000'000;
  std::size_t max_bytes = 64u << 20;
  std::size_t max_topics = 100'000;  // distinct topics before the dictionary is started anew
  std::size_t max_payload_bytes = 16u << 20;  // larger ones are rejected, and counted
  OverflowPolicy policy = OverflowPolicy::drop_oldest;
  std::chrono::milliseconds block_timeout{5'000};
  bool keep_properties = false;
};

enum class PushResult : std::uint8_t { stored, dropped, rejected, closed };

// Why a message was dropped or rejected: every loss has a name.
struct LossCounters {
  std::uint64_t dropped_oldest = 0;
  std::uint64_t dropped_newest = 0;
  std::uint64_t dropped_block_timeout = 0;
  std::uint64_t dropped_bytes = 0;
  std::uint64_t rejected_topic = 0;      // not UTF-8, NUL or wildcard in a topic name (MQTT 5.0, 4.7.3)
  std::uint64_t rejected_too_large = 0;  // over max_payload_bytes
};

// Promise 1. In messages, exact at any moment:
//   received = delivered + queued + in_batch + dropped + superseded + rejected + quarantined + discarded_on_close
struct StreamCounters {
  std::uint64_t received = 0;
  std::uint64_t delivered = 0;
  std::uint64_t queued = 0;
  std::uint64_t in_batch = 0;  // taken from the queue, not yet handed to the caller
  std::uint64_t dropped = 0;
  std::uint64_t superseded = 0;
  std::uint64_t rejected = 0;
  std::uint64_t quarantined = 0;
  std::uint64_t discarded_on_close = 0;
  std::uint64_t received_bytes = 0;  // payload bytes
  std::uint64_t queued_bytes = 0;    // capacity of the blocks held
  std::uint64_t rows = 0;            // delivered rows: a message may yield none, one or many
  std::uint64_t blocked_ns = 0;
  LossCounters loss;
};

class MessageQueue {
 public:
  explicit MessageQueue(QueueLimits limits);

  // Receive thread. noexcept: an allocation failure is a counted drop.
  PushResult push(const MessageView& message) noexcept;

  // Consumer. The oldest block, whole, or null when there is none within `wait` (or the queue is closed and empty).
  // Its messages move from `queued` to `in_batch`.
  [[nodiscard]] std::shared_ptr<const MessageBlock> take(std::chrono::nanoseconds wait);

  // Consumer. Moves messages out of `in_batch`.
  void settle_quarantined(std::uint64_t messages);
  void settle_delivered(std::uint64_t messages, std::uint64_t rows);
  // Extracted already, then evicted by the policy before anyone took them (a tapped stream whose batches nobody reads).
  void settle_dropped(std::uint64_t messages, std::uint64_t payload_bytes);

  // No more pushes; what is queued stays readable. Wakes every waiter.
  void close();
  // What is still queued or in a batch now counts as discarded_on_close. Call once nobody will read any more.
  void discard();
  // Makes a waiting take() return null early (signals, taps starting).
  void wake();

  [[nodiscard]] bool closed() const;
  // Closed, and nothing left to take.
  [[nodiscard]] bool drained() const;
  [[nodiscard]] StreamCounters counters() const;
  [[nodiscard]] const QueueLimits& limits() const noexcept { return limits_; }

 private:
  const QueueLimits limits_;
  mutable std::mutex mutex_;
  std::condition_variable not_empty_;
  std::condition_variable not_full_;
  std::deque<std::shared_ptr<MessageBlock>> blocks_;
  std::shared_ptr<TopicDictionary> topics_;
  StreamCounters counters_;
  std::uint64_t wake_count_ = 0;
  bool closed_ = false;
};

}  // namespace honeyframe
