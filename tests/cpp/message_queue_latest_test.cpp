#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <string>
#include <thread>

#include "allocation_counter.h"
#include "message_queue.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

MessageView message(std::string_view topic, std::string_view payload) {
  MessageView view;
  view.topic = topic;
  view.payload = payload;
  return view;
}

QueueLimits limits_of(std::size_t max_topics, std::size_t max_bytes = 1u << 20) {
  QueueLimits limits;
  limits.policy = OverflowPolicy::latest;
  limits.max_topics = max_topics;
  limits.max_bytes = max_bytes;
  return limits;
}

void expect_exact(const MessageQueue& queue) {
  const StreamCounters c = queue.counters();
  EXPECT_EQ(c.received, c.delivered + c.queued + c.in_batch + c.dropped + c.superseded + c.rejected + c.quarantined +
                            c.discarded_on_close);
  EXPECT_EQ(c.dropped,
            c.loss.dropped_oldest + c.loss.dropped_newest + c.loss.dropped_no_memory + c.loss.dropped_no_slot);
  EXPECT_LE(c.queued, queue.limits().max_topics);
  EXPECT_LE(c.queued_bytes, c.held_bytes);
  EXPECT_LE(c.held_bytes, queue.limits().max_bytes);
}

TEST(MessageQueueLatest, HandsOverTheNewestOfEachTopic) {
  MessageQueue queue(limits_of(100));
  for (int i = 0; i < 90; ++i) {
    ASSERT_EQ(queue.push(message("t/" + std::to_string(i % 30), std::to_string(i))), PushResult::stored);
    expect_exact(queue);
  }
  EXPECT_EQ(queue.counters().queued, 30U);
  EXPECT_EQ(queue.counters().superseded, 60U);
  EXPECT_EQ(queue.counters().superseded_bytes, 10U + 50 * 2);
  const auto block = queue.take(0ns);
  ASSERT_NE(block, nullptr);
  ASSERT_EQ(block->size(), 30U);
  for (std::size_t i = 0; i < 30; ++i) {
    EXPECT_EQ(block->topic((*block)[i]), "t/" + std::to_string(i));
    EXPECT_EQ(block->payload((*block)[i]), std::to_string(60 + i));
  }
  EXPECT_EQ(queue.counters().in_batch, 30U);
  EXPECT_EQ(queue.counters().queued_bytes, 0U);
  EXPECT_EQ(queue.take(0ns), nullptr);
  queue.settle_delivered(30, 30);
  expect_exact(queue);
  ASSERT_EQ(queue.push(message("t/5", "again")), PushResult::stored);  // was read: nothing is superseded
  EXPECT_EQ(queue.counters().superseded, 60U);
  const auto next = queue.take(0ns);
  EXPECT_EQ(next->payload((*next)[0]), "again");
}

TEST(MessageQueueLatest, TopicsBeyondMaxTopicsAreDroppedByName) {
  MessageQueue queue(limits_of(10));
  for (int i = 0; i < 1'000; ++i) (void)queue.push(message("t/" + std::to_string(i), "abc"));
  EXPECT_EQ(queue.counters().queued, 10U);
  EXPECT_EQ(queue.counters().loss.dropped_no_slot, 990U);
  EXPECT_EQ(queue.counters().loss.dropped_bytes, 3 * 990U);
  const auto rows = queue.ledger();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].event, LedgerEvent::dropped);
  EXPECT_EQ(rows[0].subject, "no_slot");
  EXPECT_EQ(rows[0].count, 990U);
  expect_exact(queue);
  (void)queue.take(0ns);
  EXPECT_EQ(queue.push(message("t/999", "abc")), PushResult::stored);
  expect_exact(queue);
}

TEST(MessageQueueLatest, TheSameChecksAsEver) {
  QueueLimits limits = limits_of(10, 64u << 10);
  limits.max_payload_bytes = 1u << 20;
  MessageQueue queue(limits);
  EXPECT_EQ(queue.push(message("a/#", "1")), PushResult::rejected);
  EXPECT_EQ(queue.push(message("a", std::string(100'000, 'x'))), PushResult::rejected);
  EXPECT_EQ(queue.push(message("a", std::string(55'000, 'x'))), PushResult::stored);
  EXPECT_EQ(queue.push(message("b", std::string(55'000, 'x'))), PushResult::dropped);
  EXPECT_EQ(queue.push(message("a", std::string(54'000, 'y'))), PushResult::stored);
  expect_exact(queue);
  const auto block = queue.take(0ns);
  EXPECT_EQ(block->payload((*block)[0]), std::string(54'000, 'y'));
  EXPECT_EQ(queue.push(message("b", std::string(55'000, 'x'))), PushResult::stored);  // what was read made way
  EXPECT_EQ(queue.counters().loss.dropped_newest, 1U);
  expect_exact(queue);
}

TEST(MessageQueueLatest, PushAllocatesNothingForAMessage) {
  MessageQueue queue(limits_of(100));
  const std::string payload(100, 'x');
  const auto round = [&] {
    for (int i = 0; i < 10; ++i) ASSERT_EQ(queue.push(message("plant/a/telemetry", payload)), PushResult::stored);
    if (auto block = queue.take(0ns)) {
      queue.settle_delivered(block->size(), block->size());
      queue.recycle(std::move(block));
    }
  };
  round();
  const std::uint64_t before = testing::allocations_of_this_thread();
  for (int i = 0; i < 1'000; ++i) round();
  EXPECT_EQ(testing::allocations_of_this_thread(), before);
  expect_exact(queue);
}

TEST(MessageQueueLatest, CloseKeepsWhatIsUnreadAndDiscardCountsIt) {
  MessageQueue queue(limits_of(100));
  for (int i = 0; i < 5; ++i) (void)queue.push(message("t/" + std::to_string(i), "x"));
  queue.close();
  EXPECT_FALSE(queue.drained());
  EXPECT_EQ(queue.push(message("t/0", "x")), PushResult::closed);
  queue.discard();
  EXPECT_TRUE(queue.drained());
  EXPECT_EQ(queue.counters().discarded_on_close, 5U);
  EXPECT_EQ(queue.counters().held_bytes - queue.counters().queued_bytes, queue.counters().held_bytes);
  expect_exact(queue);
}

TEST(MessageQueueLatest, WithoutMemoryATakeLeavesThingsAsTheyAre) {
  MessageQueue queue(limits_of(100));
  for (int i = 0; i < 5; ++i) (void)queue.push(message("t/" + std::to_string(i), "x"));
  {
    const testing::FailingAllocations no_memory;
    EXPECT_EQ(queue.take(0ns), nullptr);
    EXPECT_EQ(queue.push(message("new", "x")), PushResult::dropped);
    EXPECT_EQ(queue.push(message("t/1", "y")), PushResult::stored);
  }
  EXPECT_EQ(queue.counters().loss.dropped_no_memory, 1U);
  expect_exact(queue);
  EXPECT_EQ(queue.take(0ns)->size(), 5U);
  expect_exact(queue);
}

TEST(MessageQueueLatest, ABatchThatNobodyTookIsDropped) {
  MessageQueue queue(limits_of(100));
  (void)queue.push(message("t", "xyz"));
  (void)queue.take(0ns);
  queue.settle_dropped(1, 3);
  EXPECT_EQ(queue.counters().loss.dropped_oldest, 1U);
  expect_exact(queue);
}

TEST(MessageQueueLatest, MemoryStaysWithinTheBoundWhateverArrives) {
  QueueLimits limits = limits_of(1'000, 256u << 10);
  limits.keep_properties = true;
  const std::string bytes(20'000, 'x');
  const std::int64_t before = testing::live_bytes();
  std::int64_t most = 0;
  {
    MessageQueue queue(limits);
    MessageProperties properties;
    properties.user_properties = {{"key", std::string(300, 'v')}};
    std::uint64_t random = 88172645463325252U;
    for (int i = 0; i < 20'000; ++i) {
      random ^= random << 13;
      random ^= random >> 7;
      random ^= random << 17;
      const std::string topic = std::string(1 + random % 1'500, 't') + std::to_string(random % 700);
      const std::size_t size = random % 100 == 0 ? random % 20'000 : random % 300;
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
    EXPECT_GT(queue.counters().dropped, 0U);
    EXPECT_GT(queue.counters().superseded, 0U);
    expect_exact(queue);
  }
  // This test's own strings, the ledger, and a payload that takes another's place: both are there for a moment.
  constexpr std::int64_t kBeside = (20 << 10) + (24 << 10);
  EXPECT_LE(most, (256 << 10) + kBeside);
}

TEST(MessageQueueLatest, AMillionTopicsStayWithinTheBound) {
  MessageQueue queue(limits_of(10'000, 4u << 20));
  const std::int64_t before = testing::live_bytes();
  std::uint64_t read = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    (void)queue.push(message("t/" + std::to_string(i), R"({"temperature": 21.5})"));
    if (i % 50'000 != 0) continue;
    EXPECT_LE(testing::live_bytes() - before, (4 << 20) + (64 << 10));
    while (auto block = queue.take(0ns)) {
      read += block->size();
      queue.settle_delivered(block->size(), 0);
      queue.recycle(std::move(block));
    }
  }
  const StreamCounters counters = queue.counters();
  EXPECT_EQ(counters.received, 1'000'000U);
  EXPECT_EQ(counters.delivered, read);
  EXPECT_EQ(counters.loss.dropped_no_slot + counters.loss.dropped_newest, 1'000'000U - read - counters.queued);
  expect_exact(queue);
}

// Whatever the threads do, the last message of each topic is the last one read.
TEST(MessageQueueLatest, TheLastOfEachTopicIsReadLast) {
  MessageQueue queue(limits_of(50));
  constexpr int kMessages = 60'000;
  std::map<std::string, int, std::less<>> last;
  std::thread producer([&] {
    for (int i = 0; i < kMessages; ++i) (void)queue.push(message("t/" + std::to_string(i % 23), std::to_string(i)));
    queue.close();
  });
  while (!queue.drained()) {
    auto block = queue.take(10ms);
    if (!block) continue;
    for (std::size_t i = 0; i < block->size(); ++i) {
      const int number = std::stoi(std::string(block->payload((*block)[i])));
      int& before = last[std::string(block->topic((*block)[i]))];
      EXPECT_GE(number, before);
      before = number;
    }
    queue.settle_delivered(block->size(), block->size());
    queue.recycle(std::move(block));
  }
  producer.join();
  ASSERT_EQ(last.size(), 23U);
  for (const auto& [topic, number] : last) EXPECT_GE(number, kMessages - 23);
  EXPECT_EQ(queue.counters().dropped, 0U);
  expect_exact(queue);
}

}  // namespace
}  // namespace honeyframe
