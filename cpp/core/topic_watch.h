#pragma once

// TopicWatch: the consumer of a message queue that keeps no message, but a TopicTable of what came. A thread of its own
// drains the queue, whatever the caller is doing: a notebook that draws a tree of a million topics must not keep the
// broker waiting. (A StreamReader with payload="raw" would copy each topic and payload into Arrow's columns first, only
// to be counted; here a message costs a look into an array by its topic's number.)
//
// Thread safe. No member needs the caller to hold, or not hold, the GIL. In a child of fork() no member may be called
// but in_forked_child() and the destructor.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "message_queue.h"
#include "record_batch.h"
#include "status.h"
#include "topic_table.h"
#include "topic_tree.h"

namespace honeyframe {

class TopicWatch {
 public:
  // Begins at once. After `most_messages` it closes the queue; 0: never. Errors: invalid_argument; internal, where the
  // thread cannot be started.
  static Result<std::shared_ptr<TopicWatch>> create(std::shared_ptr<MessageQueue> queue, TopicLimits limits,
                                                    std::uint64_t most_messages = 0);
  virtual ~TopicWatch() = default;

  // True once the queue is closed and all that was in it is counted; false after `wait`.
  [[nodiscard]] virtual bool wait_end(std::chrono::nanoseconds wait) = 0;
  // No more messages; what is queued is still counted.
  virtual void close() = 0;
  // Why the queue was closed, where it was not by close() or by `most_messages`.
  [[nodiscard]] virtual Status end_reason() const = 0;

  [[nodiscard]] virtual TopicTotals totals() const = 0;
  // Both copy under the lock: for a million topics some tenths of a second, for which the queue has room.
  [[nodiscard]] virtual std::vector<RecordBatchPtr> batches(std::int64_t now_ns) const = 0;
  [[nodiscard]] virtual std::vector<TopicNode> tree(std::size_t most_topics, std::int64_t now_ns) const = 0;
  [[nodiscard]] virtual bool in_forked_child() const noexcept = 0;
};

}  // namespace honeyframe
