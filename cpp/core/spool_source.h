#pragma once

// SpoolSource: a queue that nobody pushes to: its messages are those of a spool, whoever writes it, from any sequence
// on. Its book begins with what it reads: received = in_batch + … ; what is still in the spool is not in it.
//
// It ends at the spool's end, or follows it: then it looks for more every kLook, since the writer may be another
// process. Threads as MessageQueue; take() is the consumer's.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "message_queue.h"
#include "spool_events.h"
#include "spool_feed.h"
#include "status.h"

namespace honeyframe {

struct SpoolSourceOptions {
  std::string path;
  std::uint64_t from = 0;  // the first sequence that is wanted; 0: the oldest
  bool from_end = false;   // what is written from now on
  bool follow = false;
};

class SpoolSource final : public MessageQueue {
 public:
  static constexpr std::chrono::milliseconds kLook{50};

  // Errors: spool_failed.
  static Result<std::shared_ptr<SpoolSource>> open(QueueLimits limits, const SpoolSourceOptions& options);

  using MessageQueue::push;
  PushResult push(const MessageView&, std::chrono::nanoseconds) noexcept override { return PushResult::closed; }
  [[nodiscard]] bool wait_for_room(const MessageView&, std::chrono::nanoseconds) override { return true; }
  [[nodiscard]] std::unique_ptr<MessageBlock> take(std::chrono::nanoseconds wait) override;
  void recycle(std::unique_ptr<MessageBlock> block) override { feed_.recycle(std::move(block)); }
  [[nodiscard]] bool drained() const override { return closed(); }

  [[nodiscard]] std::vector<SpoolEvent> take_events() { return events_.take(); }

 private:
  SpoolSource(QueueLimits limits, std::unique_ptr<SpoolReader> reader, bool follow);
  [[nodiscard]] std::unique_ptr<MessageBlock> read_on();
  void settle_missing(std::uint64_t missing) noexcept;
  void tell_damages(std::uint64_t missing) noexcept;
  void tell_torn_end() noexcept;
  std::unique_ptr<MessageBlock> fail(const Status& why);

  SpoolFeed feed_;  // consumer
  SpoolEvents events_;
  const bool follow_;
};

}  // namespace honeyframe
