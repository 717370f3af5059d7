#pragma once

// What the tests of SpoolQueue share: queues in a directory, their book, and a consumer.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "spool_for_tests.h"
#include "spool_queue.h"

namespace honeyframe::testing {

using namespace std::chrono_literals;

inline SpoolQueueOptions options_of(const std::string& path, std::uint64_t max_bytes = 1u << 30) {
  SpoolQueueOptions options;
  options.spool.path = path;
  options.spool.max_bytes = max_bytes;
  return options;
}

inline std::shared_ptr<SpoolQueue> queue_of(SpoolQueueOptions options,
                                            OverflowPolicy policy = OverflowPolicy::drop_oldest,
                                            std::chrono::milliseconds block_timeout = 30ms) {
  QueueLimits limits;
  limits.policy = policy;
  limits.block_timeout = block_timeout;
  auto queue = SpoolQueue::open(limits, std::move(options));
  EXPECT_TRUE(queue.ok()) << queue.status().message();
  return std::move(queue).value();
}

inline std::shared_ptr<SpoolQueue> queue_of(const std::string& path) {
  return queue_of(options_of(path));
}

inline void expect_exact(const MessageQueue& queue) {
  const StreamCounters c = queue.counters();
  EXPECT_EQ(c.received, c.delivered + c.queued + c.in_batch + c.dropped + c.superseded + c.rejected + c.quarantined +
                            c.discarded_on_close);
  EXPECT_EQ(c.dropped, c.loss.dropped_oldest + c.loss.dropped_newest + c.loss.dropped_block_timeout +
                           c.loss.dropped_no_memory + c.loss.dropped_spool_failed + c.loss.dropped_spool_damaged);
}

// Takes what is there, and settles it as delivered; the payloads.
inline std::vector<std::string> deliver_all(SpoolQueue& queue) {
  std::vector<std::string> payloads;
  while (auto block = queue.take(0ms)) {
    for (std::size_t i = 0; i < block->size(); ++i) payloads.emplace_back(block->payload((*block)[i]));
    EXPECT_TRUE(queue.settle_delivered(block->size(), block->size()));
    queue.recycle(std::move(block));
  }
  return payloads;
}

inline std::vector<std::string> kinds(SpoolQueue& queue) {
  std::vector<std::string> kinds;
  for (const auto& event : queue.take_events()) kinds.push_back(event.kind);
  return kinds;
}

}  // namespace honeyframe::testing
