#include "spool_queue.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "allocation_counter.h"
#include "spool_queue_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;
using namespace std::chrono_literals;

constexpr auto kLong = 5s;

TEST(SpoolQueue, HandsOutWhatWasPushedAndKeepsTheBook) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  EXPECT_TRUE(queue->is_spooled());
  for (int i = 0; i < 3'000; ++i) ASSERT_EQ(queue->push(message(std::to_string(i))), PushResult::stored);
  EXPECT_EQ(queue->counters().queued, 3'000u);
  expect_exact(*queue);
  const auto block = queue->take(0ms);
  ASSERT_TRUE(block);
  EXPECT_EQ(block->first_sequence(), 1u);
  EXPECT_EQ(queue->counters().in_batch, block->size());
  expect_exact(*queue);
  EXPECT_TRUE(queue->settle_delivered(block->size(), 1));
  const auto rest = deliver_all(*queue);
  EXPECT_EQ(rest.size(), 3'000 - block->size());
  EXPECT_EQ(rest.back(), "2999");
  const auto counters = queue->counters();
  EXPECT_EQ(counters.delivered, 3'000u);
  EXPECT_EQ(counters.queued + counters.in_batch, 0u);
  EXPECT_GT(counters.spool_bytes, 3'000u * 40);
  expect_exact(*queue);
}

TEST(SpoolQueue, AMessageIsInTheSpoolWhenPushReturns) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(queue->push(message(std::to_string(i))), PushResult::stored);
    EXPECT_EQ(read_all(directory / "spool").size(), static_cast<std::size_t>(i + 1));
  }
}

TEST(SpoolQueue, RejectsWhatTheOtherQueueRejects) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes));
  EXPECT_EQ(queue->push(message("x", "a/#")), PushResult::rejected);
  EXPECT_EQ(queue->push(message("x", std::string_view("a\0b", 3))), PushResult::rejected);
  EXPECT_EQ(queue->push(message(std::string(20u << 20, 'x'))), PushResult::rejected);
  EXPECT_EQ(queue->push(message(std::string(2u << 20, 'x'))), PushResult::rejected) << "larger than the spool";
  EXPECT_EQ(queue->counters().loss.rejected_topic, 2u);
  EXPECT_EQ(queue->counters().loss.rejected_too_large, 2u);
  expect_exact(*queue);
}

TEST(SpoolQueue, AConsumerThatSleepsIsWoken) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  auto taken = std::async(std::launch::async, [&] { return queue->take(kLong); });
  std::this_thread::sleep_for(30ms);
  ASSERT_EQ(queue->push(message("x")), PushResult::stored);
  ASSERT_EQ(taken.wait_for(kLong / 2), std::future_status::ready);
  EXPECT_TRUE(taken.get());
  auto woken = std::async(std::launch::async, [&] { return queue->take(kLong); });
  std::this_thread::sleep_for(30ms);
  queue->wake();
  ASSERT_EQ(woken.wait_for(kLong / 2), std::future_status::ready);
  EXPECT_FALSE(woken.get());
}

TEST(SpoolQueue, WhatIsQueuedAtCloseStaysReadable) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  ASSERT_EQ(queue->push(message("x")), PushResult::stored);
  queue->close();
  EXPECT_EQ(queue->push(message("y")), PushResult::closed);
  EXPECT_FALSE(queue->drained());
  EXPECT_EQ(deliver_all(*queue).size(), 1u);
  EXPECT_TRUE(queue->drained());
  EXPECT_TRUE(SpoolQueue::open({}, options_of(directory / "spool")).ok()) << "another may write it now";
}

TEST(SpoolQueue, WhatArrivesBetweenCloseAndUnsubscribeIsKept) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  queue->subscribed();
  queue->close();
  EXPECT_EQ(queue->push(message("late")), PushResult::stored);
  EXPECT_EQ(SpoolQueue::open({}, options_of(directory / "spool")).status().code(), ErrorCode::spool_in_use);
  queue->unsubscribed();
  EXPECT_EQ(queue->push(message("too late")), PushResult::closed);
  EXPECT_EQ(read_all(directory / "spool").size(), 1u);
  EXPECT_EQ(deliver_all(*queue).size(), 1u);
  expect_exact(*queue);
}

TEST(SpoolQueue, WhatIsDiscardedStaysInTheSpool) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  for (int i = 0; i < 10; ++i) ASSERT_EQ(queue->push(message("x")), PushResult::stored);
  queue->discard();
  EXPECT_EQ(queue->counters().discarded_on_close, 10u);
  expect_exact(*queue);
  EXPECT_FALSE(queue->take(0ms));
  EXPECT_EQ(read_all(directory / "spool").size(), 10u);
}

TEST(SpoolQueue, BeginsWithWhatArrivesOrWithWhatIsThere) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  for (int run = 0; run < 2; ++run) {
    const auto queue = queue_of(path);
    for (int i = 0; i < 5; ++i) ASSERT_EQ(queue->push(message(std::to_string(5 * run + i))), PushResult::stored);
  }
  const auto opened = [&](std::optional<std::uint64_t> from) {
    auto options = options_of(path);
    options.from = from;
    const auto queue = queue_of(options);
    EXPECT_EQ(queue->earlier_messages() + 1, queue->first_sequence());
    EXPECT_EQ(queue->push(message("new")), PushResult::stored);
    const auto payloads = deliver_all(*queue);
    EXPECT_EQ(queue->counters().received, payloads.size());
    expect_exact(*queue);
    return payloads;
  };
  EXPECT_EQ(opened(std::nullopt), std::vector<std::string>{"new"});
  EXPECT_EQ(opened(9).size(), 4u) << "8, 9, the last one's, and new";
  EXPECT_EQ(opened(0).size(), 13u);
  EXPECT_EQ(opened(1'000'000).size(), 1u) << "beyond the end: what arrives";
}

TEST(SpoolQueue, DamageIsCountedToTheMessageAndTold) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  for (int i = 0; i < 9; ++i) ASSERT_EQ(queue->push(message(std::to_string(i))), PushResult::stored);
  const std::string file = segment_files(directory / "spool").at(0);
  std::string bytes = bytes_of(file);
  const std::size_t record = record_bytes(message("0").topic.size(), 0, 1);
  for (const std::size_t i : {2u, 3u, 8u}) bytes[kSegmentHeaderBytes + i * record + 40] ^= 1;
  write_bytes(file, bytes);
  EXPECT_EQ(deliver_all(*queue), (std::vector<std::string>{"0", "1", "4", "5", "6", "7"}));
  EXPECT_EQ(queue->counters().loss.dropped_spool_damaged, 3u);
  expect_exact(*queue);
  const auto told = queue->take_events();
  ASSERT_EQ(told.size(), 3u) << "what is damaged, and how many messages that costs: two, and the last one";
  EXPECT_EQ(told[0].kind, "damaged");
  EXPECT_NE(told[0].detail.find(std::to_string(kSegmentHeaderBytes + 2 * record)), std::string::npos) << told[0].detail;
  EXPECT_NE(told[1].detail.find("2 messages are missing"), std::string::npos) << told[1].detail;
  EXPECT_NE(told[2].detail.find("1 message is missing"), std::string::npos) << told[2].detail;
}

TEST(SpoolQueue, ATornTailIsTold) {
  const TemporaryDirectory directory;
  {
    const auto queue = queue_of(directory / "spool");
    ASSERT_EQ(queue->push(message("x")), PushResult::stored);
  }
  const std::string file = segment_files(directory / "spool").at(0);
  write_bytes(file, bytes_of(file) + "HFR\x01 torn");
  const auto queue = queue_of(directory / "spool");
  EXPECT_EQ(kinds(*queue), std::vector<std::string>{"repaired"});
}

TEST(SpoolQueue, WithoutADirectoryMessagesAreLostVisiblyAndThenNotAnyMore) {
  const TemporaryDirectory directory;
  auto options = options_of(directory / "spool", SpoolOptions::kMinBytes);
  const auto queue = queue_of(options, OverflowPolicy::drop_newest);
  std::filesystem::remove_all(directory / "spool");
  for (int i = 0; i < 10; ++i) EXPECT_EQ(queue->push(message("x")), PushResult::dropped);
  EXPECT_EQ(queue->counters().loss.dropped_spool_failed, 10u);
  EXPECT_EQ(kinds(*queue), std::vector<std::string>{"write_failed"});
  expect_exact(*queue);
}

TEST(SpoolQueue, WhatTwoEarlierBootsLeftIsHandedOutOnce) {
  const TemporaryDirectory directory;
  const auto path = directory / "spool";
  for (const char* const payload : {"first boot", "second boot"}) {
    {
      const auto queue = queue_of(path);
      for (int i = 0; i < 3; ++i) ASSERT_EQ(queue->push(message(payload)), PushResult::stored);
      queue->discard();
    }
    fake_boot(path);
  }
  auto options = options_of(path);
  options.from = 0;
  const auto queue = queue_of(options);
  EXPECT_EQ(queue->earlier_messages(), 6u);
  ASSERT_EQ(queue->push(message("now")), PushResult::stored);
  const std::vector<std::string> all{"first boot",  "first boot",  "first boot", "second boot",
                                     "second boot", "second boot", "now"};
  EXPECT_EQ(deliver_all(*queue), all);
  expect_exact(*queue);
  EXPECT_EQ(queue->counters().dropped, 0u) << "numbers that were left out are no messages";
  EXPECT_EQ(queue->counters().received, 7u);
}

TEST(SpoolQueue, SegmentsThatAreTakenAwayUnderItAreCountedAndTold) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  const auto queue = queue_of(path);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(queue->push(message("x")), PushResult::stored);
  for (const auto& file : segment_files(path)) std::filesystem::remove(file);
  EXPECT_TRUE(deliver_all(*queue).empty());
  EXPECT_EQ(queue->counters().loss.dropped_spool_damaged, 5u);
  expect_exact(*queue);
  const auto told = queue->take_events();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, "missing");
  EXPECT_NE(told[0].detail.find("5 messages are missing in the spool in"), std::string::npos) << told[0].detail;
}

TEST(SpoolQueue, ADirectoryThatOthersMayWriteToIsTold) {
  const TemporaryDirectory directory;
  std::filesystem::permissions(directory.path(), std::filesystem::perms{0777});
  const auto told = queue_of(directory.path())->take_events();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].kind, "writable_by_others");
  EXPECT_NE(told[0].detail.find("has mode 0777"), std::string::npos) << told[0].detail;
  EXPECT_NE(told[0].detail.find("chmod 700"), std::string::npos);
}

TEST(SpoolQueue, AReadThatFailsEndsTheStreamAndSaysWhy) {
  const TemporaryDirectory directory;
  constexpr int kNoFilter = 100;
  const int failed = in_child([&] {
    const auto queue = queue_of(directory / "spool");
    for (int i = 0; i < 3; ++i) EXPECT_EQ(queue->push(message("unread")), PushResult::stored);
    if (!refuse_system_call(SYS_pread64)) return kNoFilter;
    EXPECT_EQ(queue->take(5s), nullptr);
    EXPECT_TRUE(queue->drained()) << "else its reader would ask for ever";
    EXPECT_EQ(queue->close_reason().code(), ErrorCode::spool_failed) << queue->close_reason().message();
    EXPECT_EQ(queue->take(5s), nullptr);
    EXPECT_EQ(kinds(*queue), std::vector<std::string>{"read_failed"}) << "once";
    expect_exact(*queue);
    return ::testing::Test::HasFailure() ? 1 : 0;
  });
  if (failed == kNoFilter) GTEST_SKIP() << "system calls cannot be made to fail here";
  EXPECT_EQ(failed, 0);
}

TEST(SpoolQueue, AllocatesNothingForAMessageOfAKnownTopic) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  ASSERT_EQ(queue->push(message("first")), PushResult::stored);
  const auto before = allocations_of_this_thread();
  for (int i = 0; i < 1'000; ++i) ASSERT_EQ(queue->push(message("{\"temperature\": 21.5}")), PushResult::stored);
  EXPECT_EQ(allocations_of_this_thread(), before);
}

TEST(SpoolQueue, SeveralPushWhileOneTakesAndTheRingTurns) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes));
  const std::string payload(500, 'p');
  std::vector<std::thread> producers;
  for (int p = 0; p < 3; ++p) {
    producers.emplace_back([&] {
      for (int i = 0; i < 5'000; ++i) EXPECT_EQ(queue->push(message(payload)), PushResult::stored);
    });
  }
  std::atomic<bool> done{false};
  std::uint64_t last = 0;
  std::thread consumer([&] {
    while (!done || queue->counters().queued > 0) {
      auto block = queue->take(1ms);
      if (!block) continue;
      EXPECT_GT(block->first_sequence(), last);
      last = block->first_sequence() + block->size() - 1;
      queue->settle_delivered(block->size(), block->size());
      expect_exact(*queue);
      queue->recycle(std::move(block));
    }
  });
  for (auto& producer : producers) producer.join();
  done = true;
  consumer.join();
  const auto counters = queue->counters();
  EXPECT_EQ(counters.received, 15'000u);
  EXPECT_EQ(counters.delivered + counters.dropped, 15'000u);
  EXPECT_EQ(counters.loss.dropped_spool_damaged, 0u);
  EXPECT_EQ(last, 15'000u);
}

}  // namespace
}  // namespace honeyframe
