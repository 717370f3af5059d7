// SpoolQueue: what a read burst puts off to its end.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <chrono>
#include <csignal>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "receive_burst_for_tests.h"
#include "spool_queue.h"
#include "spool_queue_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;

constexpr auto kLong = 5s;

void push(SpoolQueue& queue, int count, const std::string& payload = "{}") {
  for (int i = 0; i < count; ++i) ASSERT_EQ(queue.push(message(payload)), PushResult::stored);
}

TEST(SpoolQueueCommit, ABurstIsReadableAtItsEnd) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  in_receive_thread([&] {
    push(*queue, 1);  // begins the segment
    ReceiveBurst::end();
    push(*queue, 99);
    EXPECT_EQ(read_all(directory / "spool").size(), 1u);
    EXPECT_EQ(queue->counters().queued, 100u);
    expect_exact(*queue);
    EXPECT_EQ(deliver_all(*queue).size(), 1u);
    ReceiveBurst::end();
    EXPECT_EQ(read_all(directory / "spool").size(), 100u);
    EXPECT_EQ(deliver_all(*queue).size(), 99u);
    expect_exact(*queue);
  });
}

TEST(SpoolQueueCommit, KeepsTheOrderOfWhatFitsNoBatch) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  std::vector<std::string> sent;
  in_receive_thread([&] {
    for (int i = 0; i < 300; ++i) {
      sent.push_back(std::to_string(i) + std::string(i % 50 == 49 ? 40'000 : 900, 'x'));
      ASSERT_EQ(queue->push(message(sent.back())), PushResult::stored);
    }
  });
  EXPECT_EQ(deliver_all(*queue), sent);
  expect_exact(*queue);
}

TEST(SpoolQueueCommit, TurnsTheRingWithinABurst) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes));
  in_receive_thread([&] { push(*queue, 5'000, std::string(1'000, 'p')); });
  const auto counters = queue->counters();
  EXPECT_GT(counters.loss.dropped_oldest, 3'500u);
  EXPECT_EQ(counters.loss.dropped_oldest, counters.dropped);
  EXPECT_LE(counters.spool_bytes, SpoolOptions::kMinBytes);
  EXPECT_EQ(deliver_all(*queue).size(), 5'000 - counters.dropped);
  expect_exact(*queue);
}

TEST(SpoolQueueCommit, AConsumerSleepsUntilTheEndOfTheBurst) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  auto taken = std::async(std::launch::async, [&] {
    const auto block = queue->take(kLong);
    return block ? block->size() : 0;
  });
  std::this_thread::sleep_for(50ms);
  in_receive_thread([&] {
    push(*queue, 1);
    ReceiveBurst::end();
    EXPECT_EQ(taken.wait_for(kLong), std::future_status::ready);
  });
  EXPECT_EQ(taken.get(), 1u);
}

TEST(SpoolQueueCommit, IsNotDrainedInTheMiddleOfABurst) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  queue->subscribed();
  in_receive_thread([&] {
    push(*queue, 10);
    ReceiveBurst::end();
    EXPECT_EQ(deliver_all(*queue).size(), 10u);
    push(*queue, 10);
    queue->close();
    EXPECT_FALSE(queue->drained());
    ReceiveBurst::end();
    EXPECT_FALSE(queue->drained());
    EXPECT_EQ(deliver_all(*queue).size(), 10u);
    EXPECT_TRUE(queue->drained());
  });
  queue->unsubscribed();
  expect_exact(*queue);
}

TEST(SpoolQueueCommit, LettingGoCommits) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  in_receive_thread([&] {
    push(*queue, 10);
    queue->close();  // nobody is subscribed
    EXPECT_EQ(queue->push(message("late")), PushResult::closed);
  });
  EXPECT_EQ(read_all(directory / "spool").size(), 10u);
  EXPECT_EQ(deliver_all(*queue).size(), 10u);
  EXPECT_TRUE(queue->drained());
}

TEST(SpoolQueueCommit, WhatIsDiscardedInTheMiddleOfABurstStaysInTheSpool) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  queue->subscribed();
  in_receive_thread([&] {
    push(*queue, 10);
    queue->discard();
    push(*queue, 10);
  });
  queue->unsubscribed();
  EXPECT_EQ(queue->counters().discarded_on_close, 20u);
  EXPECT_EQ(read_all(directory / "spool").size(), 20u);
  expect_exact(*queue);
}

// In a process of its own: the bound on a file's size stands for the disk's. 0, or which expectation fails.
int what_a_full_disk_does(const std::string& path, OverflowPolicy policy, std::uint64_t& lost) {
  std::signal(SIGXFSZ, SIG_IGN);
  const auto queue = queue_of(options_of(path), policy, 20ms);
  int wrong = 0;
  in_receive_thread([&] {
    push(*queue, 1, std::string(700, 'a'));
    ReceiveBurst::end();
    const rlimit few{10'100, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &few);
    push(*queue, 50, std::string(700, 'b'));  // all of them: nobody knows yet
    ReceiveBurst::end();
    lost = queue->counters().dropped;
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &all);
    push(*queue, 5, std::string(700, 'c'));
  });
  const auto c = queue->counters();
  if (c.received != 56) wrong = 1;
  if (c.queued + c.dropped != 56) wrong = 2;
  if (deliver_all(*queue).size() + c.dropped != 56) wrong = 3;
  if (c.loss.dropped_bytes != 700 * c.dropped) wrong = 4;
  if (policy == OverflowPolicy::drop_newest && c.loss.dropped_newest != lost) wrong = 5;
  if (policy == OverflowPolicy::block && c.loss.dropped_block_timeout != lost) wrong = 6;
  const auto told = kinds(*queue);
  if (told.empty() || told.front() != "disk_full") wrong = 7;
  for (const LedgerRow& row : queue->ledger()) {
    if (row.first_ns == 0 || row.last_ns == 0) wrong = 10;
  }
  return wrong;
}

TEST(SpoolQueueCommit, AFullDiskTakesWhatFitsAndTheRestIsCounted) {
  for (const auto policy : {OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest, OverflowPolicy::block}) {
    const TemporaryDirectory directory;
    const int result = in_child([&] {
      std::uint64_t lost = 0;
      if (const int wrong = what_a_full_disk_does(directory / "spool", policy, lost); wrong != 0) return wrong;
      if (policy == OverflowPolicy::drop_oldest) return 0;  // the file that is full is the oldest
      return lost == 0 ? 8 : 0;                             // the next file takes some again
    });
    EXPECT_EQ(result, 0) << static_cast<int>(policy);
    const auto reader = reader_of(directory / "spool");
    static_cast<void>(read_on(*reader));
    EXPECT_EQ(reader->damages(), 0u) << "no half record is left";
  }
}

TEST(SpoolQueueCommit, AWriteThatFailsLosesTheBurstVisibly) {
  const TemporaryDirectory directory;
  const int result = in_child([&] {
    const auto queue = queue_of(directory / "spool");
    int wrong = 0;
    in_receive_thread([&] {
      push(*queue, 1);
      ReceiveBurst::end();
      push(*queue, 20);
      if (!refuse_system_call(SYS_pwrite64)) wrong = 9;
      ReceiveBurst::end();
      const auto c = queue->counters();
      if (c.received != 21 || c.queued != 1 || c.loss.dropped_spool_failed != 20) wrong = 1;
      if (kinds(*queue) != std::vector<std::string>{"write_failed"}) wrong = 2;
    });
    return wrong;
  });
  EXPECT_EQ(result, 0);
}

TEST(SpoolQueueCommit, BlockWaitsForTheConsumerAndCommitsFirst) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes), OverflowPolicy::block, 5'000ms);
  auto consumed = std::async(std::launch::async, [&] {
    std::size_t count = 0;
    while (auto block = queue->take(kLong)) {
      count += block->size();
      EXPECT_TRUE(queue->settle_delivered(block->size(), block->size()));
      queue->recycle(std::move(block));
      if (count == 5'000) break;
    }
    return count;
  });
  in_receive_thread([&] { push(*queue, 5'000, std::string(1'000, 'p')); });
  EXPECT_EQ(consumed.get(), 5'000u);
  EXPECT_EQ(queue->counters().dropped, 0u);
  expect_exact(*queue);
}

TEST(SpoolQueueCommit, SeveralThreadsPushWhileOneEndsItsBursts) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(directory / "spool");
  std::thread other([&] { push(*queue, 2'000, "of another thread"); });
  in_receive_thread([&] {
    for (int burst = 0; burst < 100; ++burst) {
      push(*queue, 20);
      ReceiveBurst::end();
    }
  });
  other.join();
  EXPECT_EQ(deliver_all(*queue).size(), 4'000u);
  expect_exact(*queue);
}

}  // namespace
}  // namespace honeyframe
