#pragma once

// SpoolQueue: a MessageQueue whose messages lie in a spool. A message is appended to the spool before it is
// acknowledged: by push(), or, on a thread that ends its read bursts (receive_burst.h), by commit(), with all of the
// burst in one write and, where that is asked for, one sync. take() reads them back from there. It keeps the same book;
// what it holds in memory is a batch of at most 256 KiB, and the block in hand.
//
//   receive thread --push(), commit()--> SpoolWriter ==> segments ==> SpoolFeed --take()--> consumer
//
// Full is: max_bytes of the spool, or no room on the disk. Then what the consumer has been handed goes first, segment
// by segment. Where that is not enough, the policy decides: drop_oldest gives up whole segments that nobody has read,
// drop_newest refuses what arrives, block waits for the consumer, once a stall. What is refused is acknowledged all the
// same, counted, and told once an episode.
//
// Locks: producer_mutex_ (writer_; one push at a time) before mutex_ (the book; from where to where may be read).

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "message_queue.h"
#include "receive_burst.h"
#include "spool_events.h"
#include "spool_feed.h"
#include "spool_writer.h"
#include "status.h"

namespace honeyframe {

struct SpoolQueueOptions {
  SpoolOptions spool;
  // Where take() begins: with this sequence, 0: with the oldest there is. Empty: with what arrives from now on.
  std::optional<std::uint64_t> from;
};

class SpoolQueue final : public MessageQueue, public BurstCommit {
 public:
  // Of `limits`, max_messages and max_bytes do not bound it. Errors: invalid_argument, spool_failed, spool_in_use.
  static Result<std::shared_ptr<SpoolQueue>> open(QueueLimits limits, SpoolQueueOptions options);

  using MessageQueue::push;
  PushResult push(const MessageView& message, std::chrono::nanoseconds patience) noexcept override;
  void commit() noexcept override;
  [[nodiscard]] bool wait_for_room(const MessageView& message, std::chrono::nanoseconds wait) override;
  [[nodiscard]] std::unique_ptr<MessageBlock> take(std::chrono::nanoseconds wait) override;
  void recycle(std::unique_ptr<MessageBlock> block) override;
  // The spool itself is let go once no subscription can push any more.
  void close(Status why = {}) override;
  // What was not read counts as discarded by this stream; it stays in the spool.
  void discard() override;
  [[nodiscard]] bool drained() const override;
  [[nodiscard]] StreamCounters counters() const override;
  [[nodiscard]] bool is_spooled() const noexcept override { return true; }
  void subscribed() noexcept override { ++subscriptions_; }
  void unsubscribed() noexcept override;

  // The first sequence that this stream writes itself: all below are of earlier runs.
  [[nodiscard]] std::uint64_t first_sequence() const noexcept { return live_; }
  // How many of those there are, damaged ones among them.
  [[nodiscard]] std::uint64_t earlier_messages() const noexcept { return count_from(earlier_, 0); }
  [[nodiscard]] std::vector<SpoolEvent> take_events() { return events_.take(); }

 private:
  [[nodiscard]] static std::uint64_t count_from(const std::vector<SpoolWriter::Numbers>& ranges,
                                                std::uint64_t first) noexcept;
  SpoolQueue(QueueLimits limits, std::unique_ptr<SpoolWriter> writer, std::unique_ptr<SpoolReader> reader,
             std::uint64_t from, bool is_slow);

  [[nodiscard]] const char* fault_of(const MessageView& message, LossReason& reason);
  [[nodiscard]] bool put_off(const MessageView& message);
  void commit_batch(std::chrono::nanoseconds patience) noexcept;
  PushResult settle_stored(const MessageView& message);
  PushResult settle_put_off(const MessageView& message);
  void settle_committed();
  void settle_lost(const SpoolRecord& record, LossReason reason);
  void settle_lost_batch() noexcept;
  PushResult settle_refused(const MessageView& message, bool rejected, LossReason reason);
  [[nodiscard]] LossReason tell_refused(SpoolWriter::Outcome why);
  [[nodiscard]] bool make_room(SpoolWriter::Outcome why, std::chrono::nanoseconds patience);
  [[nodiscard]] bool wait_until_read(std::uint64_t end, std::chrono::nanoseconds patience);
  [[nodiscard]] bool is_read(std::uint64_t end) const;
  [[nodiscard]] std::uint64_t first_in_hand() const;
  void give_up_oldest(const SpoolWriter::Segment& segment, SpoolWriter::Outcome why);
  void settle_given_up(const SpoolWriter::Segment& segment);
  void tell_full(SpoolWriter::Outcome why, const std::string& what);
  void tell_sync_error(int error);
  void tell_opened();
  void tell_damages(std::uint64_t missing);
  [[nodiscard]] Result<SpoolFeed::Fed> read(std::uint64_t from, std::uint64_t until);
  std::unique_ptr<MessageBlock> fail_read(const Status& why);
  bool sleep_until_readable(Lock& lock, std::chrono::nanoseconds wait);
  std::uint64_t settle_taken(const SpoolFeed::Fed& fed, std::uint64_t from, std::uint64_t until);
  void note_taken(std::uint64_t count);
  void let_go() noexcept;

  std::mutex producer_mutex_;
  std::unique_ptr<SpoolWriter> writer_;  // guarded by producer_mutex_; null once let go
  TopicDictionary known_topics_;         // the same: those that were checked
  bool stalled_here_ = false;            // the same: `block` has timed out, and there was no room since
  bool sync_error_told_ = false;         // the same
  bool put_off_ = false;                 // the same: commit() will come
  bool commits_ = false;                 // the same: it is at it
  SpoolFeed feed_;                       // consumer
  SpoolEvents events_;
  std::atomic<int> subscriptions_{0};
  const std::uint64_t live_;
  const std::vector<SpoolWriter::Numbers> earlier_;
  const bool wakes_at_once_;  // each message takes the disk's time: a burst of them is no short moment
  // Guarded by mutex_:
  std::uint64_t expected_;  // the sequence that take() reads next
  struct Taken {
    std::uint64_t end = 0;  // behind its last message
    std::uint64_t messages = 0;
  };
  std::deque<Taken> taken_;               // blocks, from the oldest of which a message is in a batch
  std::uint64_t end_;                     // behind the last one it may read
  std::uint64_t payload_bytes_read_ = 0;  // of this run's messages: taken, or given up
  std::uint64_t spool_bytes_ = 0;
  bool has_uncommitted_ = false;
  bool read_failed_ = false;
};

}  // namespace honeyframe
