#pragma once

// MessageQueue: the boundary between the receive thread and the consumer, and the book in which every message of a
// stream is accounted for. SpoolQueue and SpoolSource have theirs on the disk.
//
//   receive thread --push()--> [block][block][block] --take()--> consumer
//                                 ^------------- recycle() ---------'
//
// Bounded by messages and by bytes: what is held counts (the blocks' capacities, spare blocks, the topics), not what is
// filled. Producer: Paho's receive thread, which never allocates per message here, never parses and, but for the
// bounded wait of `block`, never waits. Consumer: one at a time. Thread safe; all members are guarded by mutex_.

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "duplicate_watch.h"
#include "latest_slots.h"
#include "ledger.h"
#include "message.h"
#include "message_block.h"
#include "process_owned.h"
#include "status.h"

namespace honeyframe {

enum class OverflowPolicy : std::uint8_t {
  drop_oldest,  // evicts whole blocks from the head
  drop_newest,  // refuses what arrives
  block,   // waits up to block_timeout for room, then refuses what arrives until there is room; TCP slows the broker
           // meanwhile
  latest,  // keeps the newest unread message of each topic, of at most max_topics
};

struct QueueLimits {
  static constexpr std::size_t kMinBytes = 64u << 10;
  static constexpr std::size_t kMaxPayloadBytes = 268'435'455;  // MQTT 5.0, 2.1.4: no packet is larger

  std::size_t max_messages = 1'000'000;
  std::size_t max_bytes = 64u << 20;
  std::size_t max_topics =
      100'000;  // distinct topics before the dictionary is started anew; it is, too, at max_bytes / 16. `latest`: slots
  std::size_t max_payload_bytes = 16u << 20;  // larger ones are rejected, and counted
  OverflowPolicy policy = OverflowPolicy::drop_oldest;
  std::chrono::milliseconds block_timeout{5'000};
  bool keep_properties = false;

  // Errors: invalid_argument, naming the limit, what it was and what it may be.
  [[nodiscard]] Status validate() const;
};

enum class PushResult : std::uint8_t { stored, dropped, rejected, closed };

// Why a message was dropped or rejected: every loss has a name.
struct LossCounters {
  std::uint64_t dropped_oldest = 0;
  std::uint64_t dropped_newest = 0;
  std::uint64_t dropped_block_timeout = 0;
  std::uint64_t dropped_no_memory = 0;
  std::uint64_t dropped_no_slot = 0;        // `latest`: max_topics others had something unread
  std::uint64_t dropped_spool_failed = 0;   // the spool could not be written, and there was nothing to give up for it
  std::uint64_t dropped_spool_damaged = 0;  // was in the spool, and can no longer be read there
  std::uint64_t dropped_bytes = 0;
  std::uint64_t rejected_topic = 0;      // not UTF-8, NUL or wildcard in a topic name (MQTT 5.0, 4.7.3)
  std::uint64_t rejected_too_large = 0;  // over max_payload_bytes, or over max_bytes all by itself
};

using LossReason = std::uint64_t LossCounters::*;
// As the ledger names it.
[[nodiscard]] std::string_view to_word(LossReason reason) noexcept;

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
  std::uint64_t queued_bytes = 0;    // capacity of the blocks queued
  std::uint64_t held_bytes = 0;      // queued_bytes, spare blocks and topics: never above max_bytes
  std::uint64_t rows = 0;            // delivered rows: a message may yield none, one or many
  std::uint64_t blocked_ns = 0;
  std::uint64_t superseded_bytes = 0;
  // Not in the sum: they are among the others.
  std::uint64_t duplicates = 0;            // with the DUP flag
  std::uint64_t duplicate_packet_ids = 0;  // of those: this stream has seen the packet id before
  std::uint64_t spool_bytes = 0;           // on the disk, of a stream that is spooled
  LossCounters loss;
};

class MessageQueue : public std::enable_shared_from_this<MessageQueue> {
 public:
  // Limits that validate() refuses are raised to the smallest it accepts.
  explicit MessageQueue(QueueLimits limits);
  virtual ~MessageQueue() = default;
  MessageQueue(const MessageQueue&) = delete;
  MessageQueue& operator=(const MessageQueue&) = delete;

  // Receive thread. noexcept: an allocation failure is a counted drop. `closed`: not counted, unless close() came while
  // it waited for room.
  PushResult push(const MessageView& message) noexcept;
  // For producers that look for signals while they wait: `block` waits for `patience` in push(), and returns from
  // wait_for_room() once push() would not wait at all (room, closed, or stalled already).
  virtual PushResult push(const MessageView& message, std::chrono::nanoseconds patience) noexcept;
  [[nodiscard]] virtual bool wait_for_room(const MessageView& message, std::chrono::nanoseconds wait);

  // Consumer. The oldest block, whole, or null when there is none within `wait`, after a wake(), or when the queue is
  // closed and empty. Its messages move from `queued` to `in_batch`.
  [[nodiscard]] virtual std::unique_ptr<MessageBlock> take(std::chrono::nanoseconds wait);
  // Consumer. A block that was read, for reuse. Giving it back saves the next allocation, no more. Null is ignored.
  virtual void recycle(std::unique_ptr<MessageBlock> block);

  // Consumer. Moves messages out of `in_batch`; after discard() there are none, and the call does nothing.
  void settle_quarantined(std::uint64_t messages);
  // False where they were discarded meanwhile: then they must not be handed out.
  bool settle_delivered(std::uint64_t messages, std::uint64_t rows);
  // Extracted already, then evicted by the policy before anyone took them (a tapped stream whose batches nobody reads).
  void settle_dropped(std::uint64_t messages, std::uint64_t payload_bytes);

  // No more pushes; what is queued stays readable. Wakes every waiter. `why` where it is not by the consumer's wish: of
  // several the first stays.
  virtual void close(Status why = {});
  // close(), and what is still queued or in a batch counts as discarded_on_close. Call once nobody will read any more.
  virtual void discard();
  // What push() has put off (consumer_wakes.h).
  void wake_consumer() noexcept;
  // Makes a waiting take(), or else the next one, return null early (signals, taps starting).
  void wake();

  [[nodiscard]] bool closed() const;
  // close()'s: what the consumer is to be told once it has read all. Ok while open.
  [[nodiscard]] Status close_reason() const;
  // Closed, and nothing left to take.
  [[nodiscard]] virtual bool drained() const;
  [[nodiscard]] virtual StreamCounters counters() const;
  // What was dropped, rejected and sent again, by episode.
  [[nodiscard]] std::vector<LedgerRow> ledger() const;
  // What a push has stored outlives this process.
  [[nodiscard]] virtual bool is_spooled() const noexcept { return false; }
  // Session. From the one to the other messages may arrive for it, closed or not.
  virtual void subscribed() noexcept {}
  virtual void unsubscribed() noexcept {}
  [[nodiscard]] const QueueLimits& limits() const noexcept { return limits_; }
  // True where no other member but the destructor may be called: a lock may be held by a thread that this process does
  // not have.
  [[nodiscard]] bool in_forked_child() const noexcept { return not_empty_.in_forked_child(); }

 protected:  // for the queues that lie in a spool, which keep the same book
  using Lock = std::unique_lock<std::mutex>;

  PushResult store(const MessageView& message, std::chrono::nanoseconds patience, Lock& lock);
  [[nodiscard]] std::size_t bytes_alone(const MessageView& message) const noexcept;
  PushResult store_latest(const MessageView& message);
  PushResult reject(const MessageView& message, LossReason reason);
  PushResult drop(const MessageView& message, LossReason reason);
  void look_for_repetition(const MessageView& message) noexcept;
  void note_message(LedgerEvent event, std::string_view word, const MessageView& message) noexcept;
  // Of messages whose topics are not at hand, now.
  void note_loss(LossReason reason, std::uint64_t messages, std::uint64_t payload_bytes) noexcept;
  void note_evicted(const MessageBlock& block) noexcept;
  void note_batch_loss(std::uint64_t messages, std::uint64_t payload_bytes) noexcept;
  // True once `message` can be stored within the limits; gives up spares and an unused dictionary for it, but no
  // message.
  bool make_room(const MessageView& message);
  [[nodiscard]] bool must_wake_now() noexcept;
  bool sleep_until_room(const MessageView& message, std::chrono::nanoseconds wait, Lock& lock);
  void open_block(std::size_t payload_size);
  [[nodiscard]] std::unique_ptr<MessageBlock> new_block(std::size_t payload_size);
  [[nodiscard]] std::size_t dictionary_bytes() const noexcept;
  void start_dictionary();
  std::unique_ptr<MessageBlock> pop_oldest();
  std::unique_ptr<MessageBlock> pop_latest();
  [[nodiscard]] bool nothing_queued() const noexcept;
  void evict_oldest();
  void keep_spare(std::unique_ptr<MessageBlock> block);
  std::uint64_t leave_batch(std::uint64_t messages);
  [[nodiscard]] bool needs_block(std::size_t payload_size) const noexcept;
  [[nodiscard]] std::size_t block_bytes(std::size_t payload_size) const noexcept;
  [[nodiscard]] std::size_t kept_properties_bytes(const MessageView& message) const noexcept;
  [[nodiscard]] bool is_oversize(std::size_t payload_size) const noexcept;
  [[nodiscard]] std::size_t held_bytes() const noexcept;

  const QueueLimits limits_;
  const std::size_t block_arena_bytes_;
  const std::size_t block_messages_;
  mutable std::mutex mutex_;
  ProcessOwned<std::condition_variable> not_empty_;
  ProcessOwned<std::condition_variable> not_full_;
  std::deque<std::unique_ptr<MessageBlock>> blocks_;
  std::vector<std::unique_ptr<MessageBlock>> spares_;
  // From the one the oldest block uses to the current one.
  std::deque<std::shared_ptr<TopicDictionary>> dictionaries_;
  std::size_t retired_topic_bytes_ = 0;  // of all dictionaries but the current one
  std::unique_ptr<LatestSlots> latest_;  // for `latest`, in place of blocks_
  DuplicateWatch repeated_;
  Ledger ledger_;
  StreamCounters counters_;
  bool consumer_sleeps_ = false;  // and has not been told to wake: one notify a sleep
  bool wake_put_off_ = false;     // to the end of a burst
  bool producer_sleeps_ = false;
  bool stalled_ = false;  // `block` has timed out, and there was no room since
  bool woken_ = false;
  bool closed_ = false;
  bool discarded_ = false;
  Status close_reason_;
};

}  // namespace honeyframe
