#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "message_queue.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kSecond = 1'000'000'000;

MessageView message(std::string_view topic, std::string_view payload, std::int64_t time_ns) {
  MessageView view;
  view.topic = topic;
  view.payload = payload;
  view.receive_time_ns = time_ns;
  return view;
}

QueueLimits limits_of(OverflowPolicy policy, std::size_t max_messages) {
  QueueLimits limits;
  limits.policy = policy;
  limits.max_messages = max_messages;
  limits.block_timeout = 0ms;
  return limits;
}

std::vector<LedgerRow> rows_of(const MessageQueue& queue, LedgerEvent event) {
  std::vector<LedgerRow> rows;
  for (LedgerRow& row : queue.ledger()) {
    if (row.event == event) rows.push_back(std::move(row));
  }
  return rows;
}

TEST(MessageQueueLosses, AnEpisodeOfDropsIsOneRow) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_newest, 10));
  for (int i = 0; i < 100; ++i) (void)queue.push(message(i % 4 == 0 ? "a" : "b", "xyz", i + 1));
  for (int i = 0; i < 5; ++i) (void)queue.push(message("c", "x", 60 * kSecond + i));
  const auto rows = rows_of(queue, LedgerEvent::dropped);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].subject, "newest");
  EXPECT_EQ(rows[0].count, 90U);
  EXPECT_EQ(rows[0].bytes, 270U);
  EXPECT_EQ(rows[0].first_ns, 11);
  EXPECT_EQ(rows[0].last_ns, 100);
  ASSERT_EQ(rows[0].topics.size(), 2U);
  EXPECT_EQ(rows[0].topics[0].topic, "b");
  EXPECT_EQ(rows[0].topics[0].count, 68U);
  EXPECT_EQ(rows[0].topics[1].count, 22U);
  EXPECT_EQ(rows[1].count, 5U);
  EXPECT_EQ(rows[1].topics[0].topic, "c");
}

TEST(MessageQueueLosses, EvictedMessagesHaveTheTimesAtWhichTheyCame) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_oldest, 160));
  for (int i = 0; i < 200; ++i) (void)queue.push(message("t/" + std::to_string(i % 2), "xyz", 1'000 + i));
  const auto rows = rows_of(queue, LedgerEvent::dropped);
  ASSERT_EQ(rows.size(), 1U);
  const std::uint64_t dropped = queue.counters().dropped;
  EXPECT_EQ(rows[0].subject, "oldest");
  EXPECT_EQ(rows[0].count, dropped);
  EXPECT_EQ(rows[0].bytes, 3 * dropped);
  EXPECT_EQ(rows[0].first_ns, 1'000);
  EXPECT_EQ(rows[0].last_ns, 1'000 + static_cast<std::int64_t>(dropped) - 1);
  EXPECT_EQ(rows[0].topics[0].count + rows[0].topics[1].count, dropped);
}

TEST(MessageQueueLosses, EveryReasonHasItsRowAndTheSumsAreTheCounters) {
  MessageQueue queue(limits_of(OverflowPolicy::block, 1));
  (void)queue.push(message("t", "1", 1));
  (void)queue.push(message("t", "22", 2));
  (void)queue.push(message("t/#", "333", 3));
  (void)queue.push(message("\xC3(", "333", 3));
  (void)queue.push(message("u", std::string(17u << 20, 'x'), 4));
  queue.settle_dropped(queue.take(0ns)->size(), 1);
  const auto dropped = rows_of(queue, LedgerEvent::dropped);
  ASSERT_EQ(dropped.size(), 2U);  // times of receipt, and the time at which a batch went
  EXPECT_EQ(dropped[0].subject, "block_timeout");
  EXPECT_EQ(dropped[0].count + dropped[1].count, queue.counters().dropped);
  EXPECT_EQ(dropped[0].bytes + dropped[1].bytes, queue.counters().loss.dropped_bytes);
  EXPECT_TRUE(dropped[1].topics.empty());
  const auto rejected = rows_of(queue, LedgerEvent::rejected);
  ASSERT_EQ(rejected.size(), 2U);
  EXPECT_EQ(rejected[0].subject, "topic");
  EXPECT_EQ(rejected[0].count, 2U);
  EXPECT_TRUE(rejected[0].topics.empty());  // they are no topics
  EXPECT_EQ(rejected[1].subject, "too_large");
  EXPECT_EQ(rejected[1].topics[0].topic, "u");
}

TEST(MessageQueueLosses, RepeatedMessagesAreCountedBesideTheSum) {
  MessageQueue queue{QueueLimits()};
  MessageView view = message("t", "abc", 5);
  view.qos = 1;
  view.packet_id = 9;
  (void)queue.push(view);
  view.dup = true;
  (void)queue.push(view);
  view.packet_id = 10;
  (void)queue.push(view);
  const StreamCounters counters = queue.counters();
  EXPECT_EQ(counters.received, 3U);
  EXPECT_EQ(counters.queued, 3U);
  EXPECT_EQ(counters.duplicates, 2U);
  EXPECT_EQ(counters.duplicate_packet_ids, 1U);
  const auto rows = rows_of(queue, LedgerEvent::duplicates);
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].subject, "packet_id_seen");
  EXPECT_EQ(rows[0].topics[0].topic, "t");
  EXPECT_EQ(rows[1].subject, "dup_flag");
}

TEST(MessageQueueLosses, TheLedgerIsReadWhileOthersDrop) {
  MessageQueue queue(limits_of(OverflowPolicy::drop_oldest, 1'000));
  constexpr std::uint64_t kMessages = 50'000;
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < kMessages; ++i) {
      (void)queue.push(message("t/" + std::to_string(i % 100), "xyz", static_cast<std::int64_t>(i) * kSecond / 10));
    }
  });
  std::uint64_t before = 0;
  for (int i = 0; i < 200; ++i) {
    std::uint64_t dropped = 0;
    for (const LedgerRow& row : queue.ledger()) dropped += row.count;
    EXPECT_LE(dropped, queue.counters().dropped);
    EXPECT_GE(dropped, before);
    before = dropped;
  }
  producer.join();
  std::uint64_t dropped = 0;
  for (const LedgerRow& row : queue.ledger()) dropped += row.count;
  EXPECT_EQ(dropped, queue.counters().dropped);
}

}  // namespace
}  // namespace honeyframe
