#include "message_queue.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>
#include <thread>

#include "allocation_counter.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

MessageView message(std::string_view topic, std::string_view payload) {
  MessageView view;
  view.topic = topic;
  view.payload = payload;
  return view;
}

QueueLimits limits_of(OverflowPolicy policy, std::size_t max_messages = 1'000'000, std::size_t max_bytes = 1u << 20) {
  QueueLimits limits;
  limits.policy = policy;
  limits.max_messages = max_messages;
  limits.max_bytes = max_bytes;
  limits.block_timeout = 20ms;
  return limits;
}

std::uint64_t accounted(const StreamCounters& c) {
  return c.delivered + c.queued + c.in_batch + c.dropped + c.superseded + c.rejected + c.quarantined +
         c.discarded_on_close;
}

std::uint64_t named_losses(const LossCounters& loss) {
  return loss.dropped_oldest + loss.dropped_newest + loss.dropped_block_timeout + loss.dropped_no_memory +
         loss.dropped_no_slot;
}

void expect_exact(const MessageQueue& queue) {
  const StreamCounters c = queue.counters();
  EXPECT_EQ(c.received, accounted(c));
  EXPECT_EQ(c.dropped, named_losses(c.loss));
  EXPECT_EQ(c.rejected, c.loss.rejected_topic + c.loss.rejected_too_large);
  EXPECT_LE(c.queued, queue.limits().max_messages);
  EXPECT_LE(c.queued_bytes, c.held_bytes);
  EXPECT_LE(c.held_bytes, queue.limits().max_bytes);
}

TEST(QueueLimits, EachLimitIsCheckedByName) {
  EXPECT_TRUE(QueueLimits().validate().ok());
  const auto refused = [](auto change) {
    QueueLimits limits;
    change(limits);
    return limits.validate().message();
  };
  EXPECT_NE(refused([](QueueLimits& l) { l.max_messages = 0; }).find("max_messages"), std::string::npos);
  EXPECT_NE(refused([](QueueLimits& l) { l.max_bytes = 1000; }).find("max_bytes: found 1000"), std::string::npos);
  EXPECT_NE(refused([](QueueLimits& l) { l.max_topics = 0; }).find("max_topics"), std::string::npos);
  EXPECT_NE(refused([](QueueLimits& l) { l.max_payload_bytes = 1u << 30; }).find("max_payload_bytes"),
            std::string::npos);
  EXPECT_NE(refused([](QueueLimits& l) { l.block_timeout = -1ms; }).find("block_timeout"), std::string::npos);
}

TEST(MessageQueue, HandsOverWholeBlocksInOrder) {
  MessageQueue queue{QueueLimits()};
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(queue.push(message("t/" + std::to_string(i % 3), std::to_string(i))), PushResult::stored);
  }
  EXPECT_EQ(queue.counters().queued, 100U);
  const auto block = queue.take(0ns);
  ASSERT_NE(block, nullptr);
  ASSERT_EQ(block->size(), 100U);
  EXPECT_EQ(block->payload((*block)[99]), "99");
  EXPECT_EQ(block->topic((*block)[98]), "t/2");
  EXPECT_EQ(queue.counters().queued, 0U);
  EXPECT_EQ(queue.counters().in_batch, 100U);
  EXPECT_EQ(queue.counters().queued_bytes, 0U);
  queue.settle_quarantined(1);
  queue.settle_delivered(99, 200);
  EXPECT_EQ(queue.counters().in_batch, 0U);
  EXPECT_EQ(queue.counters().delivered, 99U);
  EXPECT_EQ(queue.counters().quarantined, 1U);
  EXPECT_EQ(queue.counters().rows, 200U);
  EXPECT_EQ(queue.take(0ns), nullptr);
  expect_exact(queue);
}

TEST(MessageQueue, PushAllocatesNothingForAMessage) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_oldest));
  const std::string payload(100, 'x');
  const auto fill = [&](int count) {
    for (int i = 0; i < count; ++i) ASSERT_EQ(queue.push(message("plant/a/telemetry", payload)), PushResult::stored);
  };
  fill(100'000);  // full: from here on blocks are evicted and reused
  const std::uint64_t before_eviction = testing::allocations_of_this_thread();
  fill(100'000);
  const std::uint64_t during_eviction = testing::allocations_of_this_thread() - before_eviction;
  EXPECT_LT(during_eviction, 50U);  // the deque of blocks gets a node once in a while

  const std::uint64_t before = testing::allocations_of_this_thread();
  for (int i = 0; i < 1'000; ++i) {  // a consumer that gives its blocks back
    fill(10);
    while (auto block = queue.take(0ns)) {
      queue.settle_delivered(block->size(), block->size());
      queue.recycle(std::move(block));
    }
  }
  EXPECT_LT(testing::allocations_of_this_thread() - before, 50U);
  expect_exact(queue);
}

TEST(MessageQueue, DropOldestEvictsAtMostASixteenthOfTheBound) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_oldest, 1'600));
  for (int i = 0; i < 1'600; ++i) ASSERT_EQ(queue.push(message("t", std::to_string(i))), PushResult::stored);
  EXPECT_EQ(queue.counters().dropped, 0U);
  ASSERT_EQ(queue.push(message("t", "1600")), PushResult::stored);
  const StreamCounters counters = queue.counters();
  EXPECT_GT(counters.dropped, 0U);
  EXPECT_LE(counters.dropped, 100U);
  EXPECT_EQ(counters.loss.dropped_oldest, counters.dropped);
  const auto block = queue.take(0ns);
  EXPECT_EQ(block->payload((*block)[0]), std::to_string(counters.dropped));  // the oldest are the ones that went
  expect_exact(queue);
}

TEST(MessageQueue, ABoundOfOneMessageKeepsTheNewest) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_oldest, 1));
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(queue.push(message("t", std::to_string(i))), PushResult::stored);
    expect_exact(queue);
  }
  const auto block = queue.take(0ns);
  ASSERT_EQ(block->size(), 1U);
  EXPECT_EQ(block->payload((*block)[0]), "9");
  EXPECT_EQ(queue.counters().dropped, 9U);
}

TEST(MessageQueue, DropNewestRefusesWhatArrives) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_newest, 10));
  for (int i = 0; i < 10; ++i) ASSERT_EQ(queue.push(message("t", "abc")), PushResult::stored);
  EXPECT_EQ(queue.push(message("t", "abc")), PushResult::dropped);
  EXPECT_EQ(queue.counters().loss.dropped_newest, 1U);
  EXPECT_EQ(queue.counters().loss.dropped_bytes, 3U);
  queue.settle_delivered(queue.take(0ns)->size(), 0);
  EXPECT_EQ(queue.push(message("t", "abc")), PushResult::stored);
  expect_exact(queue);
}

TEST(MessageQueue, BlockWaitsOnceThenDropsUntilThereIsRoom) {
  MessageQueue queue(limits_of(OverflowPolicy::block, 1));
  ASSERT_EQ(queue.push(message("t", "1")), PushResult::stored);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(queue.push(message("t", "2")), PushResult::dropped);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
  EXPECT_GE(queue.counters().blocked_ns, 20'000'000U);
  const std::uint64_t blocked = queue.counters().blocked_ns;
  EXPECT_EQ(queue.push(message("t", "3")), PushResult::dropped);
  EXPECT_EQ(queue.counters().blocked_ns, blocked);  // no second wait in the same stall
  EXPECT_EQ(queue.counters().loss.dropped_block_timeout, 2U);
  queue.settle_delivered(queue.take(0ns)->size(), 1);
  EXPECT_EQ(queue.push(message("t", "4")), PushResult::stored);
  EXPECT_EQ(queue.push(message("t", "5")), PushResult::dropped);
  EXPECT_GT(queue.counters().blocked_ns, blocked);  // a new stall, a new wait
  expect_exact(queue);
}

TEST(MessageQueue, BlockGoesOnAsSoonAsThereIsRoom) {
  QueueLimits limits = limits_of(OverflowPolicy::block, 1);
  limits.block_timeout = 10s;
  MessageQueue queue(limits);
  ASSERT_EQ(queue.push(message("t", "1")), PushResult::stored);
  std::thread consumer([&] {
    std::this_thread::sleep_for(20ms);
    queue.settle_delivered(queue.take(0ns)->size(), 1);
  });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(queue.push(message("t", "2")), PushResult::stored);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  consumer.join();
  expect_exact(queue);
}

TEST(MessageQueue, AProducerMayWaitForRoomInSlices) {
  MessageQueue queue(limits_of(OverflowPolicy::block, 1));
  EXPECT_TRUE(queue.wait_for_room(message("t", "1"), 0ns));
  ASSERT_EQ(queue.push(message("t", "1"), 0ns), PushResult::stored);
  EXPECT_FALSE(queue.wait_for_room(message("t", "2"), 5ms));
  EXPECT_EQ(queue.counters().received, 1U);  // only push() decides
  EXPECT_EQ(queue.push(message("t", "2"), 0ns), PushResult::dropped);
  EXPECT_TRUE(queue.wait_for_room(message("t", "3"), 1h));  // stalled: push() would not wait
  queue.close();
  EXPECT_TRUE(queue.wait_for_room(message("t", "3"), 1h));
  EXPECT_EQ(queue.counters().loss.dropped_block_timeout, 1U);
  expect_exact(queue);
}

TEST(MessageQueue, CloseDuringABlockedPushAccountsForTheMessageInHand) {
  QueueLimits limits = limits_of(OverflowPolicy::block, 1);
  limits.block_timeout = 10s;
  MessageQueue queue(limits);
  ASSERT_EQ(queue.push(message("t", "1")), PushResult::stored);
  std::thread closer([&] {
    std::this_thread::sleep_for(20ms);
    queue.close();
  });
  EXPECT_EQ(queue.push(message("t", "2")), PushResult::closed);
  closer.join();
  EXPECT_EQ(queue.counters().discarded_on_close, 1U);
  expect_exact(queue);
}

TEST(MessageQueue, BadTopicNamesAreRejectedAndCounted) {
  MessageQueue queue{QueueLimits()};
  const std::string with_nul("a\0b", 3);
  for (const std::string& topic :
       {std::string(), std::string("a/+"), std::string("#"), with_nul, std::string("\xC3(")}) {
    EXPECT_EQ(queue.push(message(topic, "{}")), PushResult::rejected);
  }
  EXPECT_EQ(queue.counters().loss.rejected_topic, 5U);
  EXPECT_EQ(queue.counters().queued, 0U);
  expect_exact(queue);
}

TEST(MessageQueue, LargePayloadsGetABlockOfTheirOwnOrAreRejected) {
  QueueLimits limits = limits_of(OverflowPolicy::drop_oldest);
  limits.max_payload_bytes = 600'000;
  MessageQueue queue(limits);
  const std::string large(500'000, 'x');
  ASSERT_EQ(queue.push(message("t", "small")), PushResult::stored);
  ASSERT_EQ(queue.push(message("t", large)), PushResult::stored);
  ASSERT_EQ(queue.push(message("t", "after")), PushResult::stored);
  expect_exact(queue);
  EXPECT_EQ(queue.push(message("t", std::string(600'001, 'x'))), PushResult::rejected);
  EXPECT_EQ(queue.counters().loss.rejected_too_large, 1U);
  EXPECT_EQ(queue.take(0ns)->size(), 1U);
  const auto block = queue.take(0ns);
  ASSERT_EQ(block->size(), 1U);
  EXPECT_EQ(block->payload((*block)[0]), large);
  EXPECT_EQ(queue.take(0ns)->size(), 1U);
}

TEST(MessageQueue, APayloadThatNoEvictionWouldMakeRoomForIsTooLarge) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_oldest, 1'000, 64u << 10));
  ASSERT_EQ(queue.push(message("t", "kept")), PushResult::stored);
  EXPECT_EQ(queue.push(message("t", std::string(64u << 10, 'x'))), PushResult::rejected);
  EXPECT_EQ(queue.counters().loss.rejected_too_large, 1U);
  EXPECT_EQ(queue.counters().queued, 1U);
  // Just below the bound: everything else makes way, the topics included.
  for (int i = 0; i < 20; ++i) ASSERT_EQ(queue.push(message("t/" + std::to_string(i), "x")), PushResult::stored);
  EXPECT_EQ(queue.push(message("t", std::string(64'000, 'x'))), PushResult::stored);
  EXPECT_EQ(queue.counters().queued, 1U);
  expect_exact(queue);
}

TEST(MessageQueue, MemoryStaysWithinTheBoundWhateverArrives) {
  for (const OverflowPolicy policy : {OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest}) {
    QueueLimits limits = limits_of(policy, 1'000'000, 256u << 10);
    limits.keep_properties = true;
    const std::string bytes(60'000, 'x');
    const std::int64_t before = testing::live_bytes();
    std::int64_t most = 0;
    MessageQueue queue(limits);
    MessageProperties properties;
    properties.user_properties = {{"key", std::string(300, 'v')}};
    std::uint64_t random = 88172645463325252U;
    for (int i = 0; i < 20'000; ++i) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      const std::string topic = std::string(1 + random % 1'500, 't') + std::to_string(random % 5'000);
      const std::size_t size = random % 100 == 0 ? random % 60'000 : random % 300;
      MessageView view = message(topic, std::string_view(bytes).substr(0, size));
      if (random % 3 == 0) view.properties = &properties;
      (void)queue.push(view);
      if (random % 50 == 0) {
        if (auto block = queue.take(0ns)) {
          queue.settle_delivered(block->size(), 0);
          queue.recycle(std::move(block));
        }
      }
      if (i % 16 == 0) expect_exact(queue);
      most = std::max(most, testing::live_bytes() - before);
    }
    constexpr std::int64_t kFrame = 16 << 10;  // the deques, the ledger, this test's own strings
    EXPECT_LE(most, (256 << 10) + kFrame);     // as malloc sees it
    expect_exact(queue);
    EXPECT_GT(queue.counters().dropped, 0U);
    EXPECT_GT(queue.counters().held_bytes, (256u << 10) * 3 / 4);  // and the bound is used, not merely kept
  }
}

TEST(MessageQueue, TheDictionaryStartsAnewAtMaxTopics) {
  QueueLimits limits = limits_of(OverflowPolicy::drop_oldest);
  limits.max_topics = 10;
  MessageQueue queue(limits);
  for (int i = 0; i < 25; ++i) ASSERT_EQ(queue.push(message("t/" + std::to_string(i), "x")), PushResult::stored);
  std::uint64_t last_generation = 0;
  int next = 0;
  while (const auto block = queue.take(0ns)) {
    EXPECT_NE(block->topics().generation(), last_generation);
    last_generation = block->topics().generation();
    EXPECT_LE(block->topics().size(), 10U);
    for (std::size_t i = 0; i < block->size(); ++i) EXPECT_EQ(block->topic((*block)[i]), "t/" + std::to_string(next++));
  }
  EXPECT_EQ(next, 25);
}

TEST(MessageQueue, WithoutMemoryAMessageIsACountedDrop) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_oldest));
  ASSERT_EQ(queue.push(message("known", "x")), PushResult::stored);
  PushResult new_topic = PushResult::stored;
  PushResult known_topic = PushResult::dropped;
  const std::string long_topic(100, 't');
  {
    const testing::FailingAllocations no_memory;
    new_topic = queue.push(message(long_topic, "x"));
    known_topic = queue.push(message("known", "x"));
  }
  EXPECT_EQ(new_topic, PushResult::dropped);
  EXPECT_EQ(known_topic, PushResult::stored);  // needs none
  EXPECT_EQ(queue.counters().loss.dropped_no_memory, 1U);
  EXPECT_EQ(queue.push(message(long_topic, "x")), PushResult::stored);
  expect_exact(queue);
}

TEST(MessageQueue, CloseKeepsWhatIsQueuedAndDiscardCountsIt) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_oldest, 16));  // one message a block
  for (int i = 0; i < 5; ++i) ASSERT_EQ(queue.push(message("t", "x")), PushResult::stored);
  queue.close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.drained());
  EXPECT_EQ(queue.push(message("t", "x")), PushResult::closed);
  EXPECT_EQ(queue.counters().received, 5U);
  const auto block = queue.take(0ns);
  ASSERT_NE(block, nullptr);
  queue.settle_delivered(1, 1);
  const auto in_batch = queue.take(0ns);
  queue.discard();
  EXPECT_TRUE(queue.drained());
  EXPECT_EQ(queue.counters().discarded_on_close, 4U);
  queue.settle_delivered(1, 1);  // too late: it was counted as discarded
  EXPECT_EQ(queue.counters().delivered, 1U);
  EXPECT_EQ(queue.counters().rows, 1U);
  expect_exact(queue);
}

TEST(MessageQueue, BatchesEvictedLaterAreDroppedUnderThePolicysName) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_newest, 16));
  ASSERT_EQ(queue.push(message("t", "xyz")), PushResult::stored);
  (void)queue.take(0ns);
  queue.settle_dropped(1, 3);
  EXPECT_EQ(queue.counters().loss.dropped_newest, 1U);
  EXPECT_EQ(queue.counters().loss.dropped_bytes, 3U);
  expect_exact(queue);
}

TEST(MessageQueue, TakeEndsAtMessageWakeCloseOrTimeout) {
  MessageQueue queue{QueueLimits()};
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(queue.take(10ms), nullptr);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 10ms);

  queue.wake();
  EXPECT_EQ(queue.take(1h), nullptr);  // a wake before the wait is not lost
  const auto after = [&](auto action) {
    std::thread other([&] {
      std::this_thread::sleep_for(10ms);
      action();
    });
    auto block = queue.take(1h);
    other.join();
    return block;
  };
  EXPECT_EQ(after([&] { queue.wake(); }), nullptr);
  EXPECT_NE(after([&] { (void)queue.push(message("t", "x")); }), nullptr);
  EXPECT_EQ(after([&] { queue.close(); }), nullptr);
}

// Producer, consumer and an observer who checks promise 1 at every look.
class ThreeThreads : public ::testing::TestWithParam<OverflowPolicy> {};

TEST_P(ThreeThreads, TheSumsAreExactAtAnyMoment) {
  QueueLimits limits = limits_of(GetParam(), 2'000, 128u << 10);
  limits.block_timeout = 1ms;
  limits.max_topics = 50;
  MessageQueue queue(limits);
  constexpr std::uint64_t kMessages = 60'000;
  std::atomic<bool> over{false};
  std::uint64_t read = 0;

  std::thread producer([&] {
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      const bool bad = i % 1'000 == 999;
      (void)queue.push(message(bad ? "bad/#" : "t/" + std::to_string(i % 97), std::string(i % 200, 'x')));
    }
    queue.close();
  });
  std::thread consumer([&] {
    while (!queue.drained()) {
      auto block = queue.take(10ms);
      if (!block) continue;
      const std::uint64_t messages = block->size();
      read += messages;
      queue.settle_quarantined(messages > 1 ? 1 : 0);
      queue.settle_delivered(messages > 1 ? messages - 1 : messages, messages);
      if (read % 3 == 0) std::this_thread::sleep_for(100us);
      queue.recycle(std::move(block));
    }
  });
  std::thread observer([&] {
    while (!over) {
      expect_exact(queue);
      std::this_thread::yield();
    }
  });
  producer.join();
  consumer.join();
  over = true;
  observer.join();

  const StreamCounters counters = queue.counters();
  EXPECT_EQ(counters.received, kMessages);
  EXPECT_EQ(counters.rejected, kMessages / 1'000);
  EXPECT_EQ(counters.queued, 0U);
  EXPECT_EQ(counters.in_batch, 0U);
  EXPECT_EQ(counters.delivered + counters.quarantined, read);
  expect_exact(queue);
}

INSTANTIATE_TEST_SUITE_P(Policies, ThreeThreads,
                         ::testing::Values(OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest,
                                           OverflowPolicy::block, OverflowPolicy::latest),
                         [](const auto& test) {
                           switch (test.param) {
                             case OverflowPolicy::drop_oldest:
                               return "drop_oldest";
                             case OverflowPolicy::drop_newest:
                               return "drop_newest";
                             case OverflowPolicy::block:
                               return "block";
                             case OverflowPolicy::latest:
                               return "latest";
                           }
                           return "unknown";
                         });

TEST(MessageQueue, KeepsTheFirstReasonForWhichItWasClosed) {
  MessageQueue queue{QueueLimits()};
  EXPECT_TRUE(queue.close_reason().ok());
  queue.close();
  EXPECT_TRUE(queue.close_reason().ok());
  queue.close(Status(ErrorCode::subscribe_denied, "first"));
  queue.close(Status(ErrorCode::closed, "second"));
  queue.close();
  EXPECT_EQ(queue.close_reason().message(), "first");
}

}  // namespace
}  // namespace honeyframe
