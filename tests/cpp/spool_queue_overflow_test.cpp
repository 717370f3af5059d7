// A SpoolQueue whose spool, or whose disk, is full.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "spool_queue.h"
#include "spool_queue_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;

constexpr auto kLong = 5s;

TEST(SpoolQueueOverflow, DropOldestGivesUpWhatNobodyHasRead) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes));
  const std::string payload(1'000, 'p');
  for (int i = 0; i < 5'000; ++i) {
    ASSERT_EQ(queue->push(message(payload)), PushResult::stored);
    if (i % 500 == 0) expect_exact(*queue);
  }
  const auto counters = queue->counters();
  EXPECT_GT(counters.dropped, 3'500u);
  EXPECT_EQ(counters.loss.dropped_oldest, counters.dropped);
  EXPECT_EQ(counters.loss.dropped_bytes, counters.dropped * payload.size());
  EXPECT_LE(counters.spool_bytes, SpoolOptions::kMinBytes);
  EXPECT_EQ(kinds(*queue), std::vector<std::string>{"full"}) << "once, not for each message";
  std::uint64_t told = 0;
  for (const auto& row : queue->ledger()) {
    EXPECT_EQ(row.event, LedgerEvent::dropped);
    EXPECT_EQ(row.subject, "oldest");
    told += row.count;
  }
  EXPECT_EQ(told, counters.dropped);
  const auto payloads = deliver_all(*queue);
  EXPECT_EQ(payloads.size(), 5'000 - counters.dropped);
  expect_exact(*queue);
}

TEST(SpoolQueueOverflow, WhatIsInHandIsNoLoss) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes));
  const std::string payload(1'000, 'p');
  std::uint64_t in_hand = 0;
  for (int i = 0; i < 3'000; ++i) {
    ASSERT_EQ(queue->push(message(payload)), PushResult::stored);
    while (const auto block = queue->take(0ms)) in_hand += block->size();
  }
  EXPECT_EQ(in_hand, 3'000u);
  EXPECT_EQ(queue->counters().dropped, 0u);
  EXPECT_TRUE(kinds(*queue).empty()) << "their files went, and they are here";
  EXPECT_TRUE(queue->settle_delivered(in_hand, in_hand));
  expect_exact(*queue);
}

TEST(SpoolQueueOverflow, LatestIsNoPolicyForASpool) {
  const TemporaryDirectory directory;
  const auto queue = SpoolQueue::open({.policy = OverflowPolicy::latest}, options_of(directory / "spool"));
  ASSERT_FALSE(queue.ok());
  EXPECT_EQ(queue.status().code(), ErrorCode::invalid_argument);
  EXPECT_NE(queue.status().message().find("latest"), std::string::npos);
}

TEST(SpoolQueueOverflow, WhatWasReadGoesFirstAndIsNoLoss) {
  const TemporaryDirectory directory;
  for (const auto policy : {OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest, OverflowPolicy::block}) {
    const auto queue = queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes), policy);
    const std::string payload(1'000, 'p');
    for (int i = 0; i < 5'000; ++i) {
      ASSERT_EQ(queue->push(message(payload)), PushResult::stored);
      if (i % 100 == 99) {
        EXPECT_EQ(deliver_all(*queue).size(), 100u);
      }
    }
    EXPECT_EQ(queue->counters().dropped, 0u);
    EXPECT_TRUE(kinds(*queue).empty());
    expect_exact(*queue);
  }
}

TEST(SpoolQueueOverflow, DropNewestRefusesUntilThereIsRoom) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes), OverflowPolicy::drop_newest);
  const std::string payload(1'000, 'p');
  int stored = 0;
  while (queue->push(message(payload)) == PushResult::stored) ++stored;
  for (int i = 0; i < 99; ++i) EXPECT_EQ(queue->push(message(payload)), PushResult::dropped);
  EXPECT_EQ(queue->counters().loss.dropped_newest, 100u);
  EXPECT_EQ(kinds(*queue), std::vector<std::string>{"full"});
  EXPECT_EQ(deliver_all(*queue).size(), static_cast<std::size_t>(stored));
  EXPECT_EQ(queue->push(message(payload)), PushResult::stored);
  expect_exact(*queue);
}

TEST(SpoolQueueOverflow, BlockWaitsOnceAStall) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes), OverflowPolicy::block, 100ms);
  const std::string payload(1'000, 'p');
  int stored = 0;
  while (queue->push(message(payload)) == PushResult::stored) ++stored;
  EXPECT_GE(queue->counters().blocked_ns, 100'000'000u);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(queue->push(message(payload)), PushResult::dropped);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s) << "not for each message: that were 10 s";
  EXPECT_EQ(queue->counters().loss.dropped_block_timeout, 101u);
  EXPECT_EQ(deliver_all(*queue).size(), static_cast<std::size_t>(stored));
  EXPECT_EQ(queue->push(message(payload)), PushResult::stored);
  expect_exact(*queue);
}

TEST(SpoolQueueOverflow, BlockGoesOnWhenTheConsumerHasReadASegment) {
  const TemporaryDirectory directory;
  const auto queue = queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes), OverflowPolicy::block, 5'000ms);
  const std::string payload(1'000, 'p');
  std::atomic<bool> done{false};
  std::thread consumer([&] {
    while (!done) {
      deliver_all(*queue);
      std::this_thread::sleep_for(20ms);
    }
  });
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(queue->push(message(payload)), PushResult::stored);
  done = true;
  consumer.join();
  deliver_all(*queue);
  EXPECT_EQ(queue->counters().delivered, 10'000u);
  expect_exact(*queue);
}

TEST(SpoolQueueOverflow, CloseEndsAWaitForRoom) {
  const TemporaryDirectory directory;
  const auto queue =
      queue_of(options_of(directory / "spool", SpoolOptions::kMinBytes), OverflowPolicy::block, 60'000ms);
  const std::string payload(1'000, 'p');
  auto pushed = std::async(std::launch::async, [&] {
    while (queue->push(message(payload)) == PushResult::stored) {
    }
  });
  std::this_thread::sleep_for(200ms);
  queue->close();
  EXPECT_EQ(pushed.wait_for(kLong), std::future_status::ready);
  expect_exact(*queue);
}

// A disk of two megabytes, where the system lets us have one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path);
    mounted_ = ::mount("honeyframe", path.c_str(), "tmpfs", 0, "size=2m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST(SpoolQueueOverflow, AFullDiskIsAsAFullSpool) {
  const TemporaryDirectory directory;
  const SmallDisk disk(directory / "disk");
  if (!disk.mounted()) GTEST_SKIP() << "no right to mount a small disk";
  const std::string payload(1'000, 'p');
  for (const auto policy : {OverflowPolicy::drop_oldest, OverflowPolicy::drop_newest, OverflowPolicy::block}) {
    auto options = options_of(directory / ("disk/spool" + std::to_string(static_cast<int>(policy))), 1u << 30);
    options.spool.segment_bytes = 128u << 10;
    const auto queue = queue_of(options, policy);
    for (int i = 0; i < 5'000; ++i) static_cast<void>(queue->push(message(payload)));
    const auto counters = queue->counters();
    EXPECT_EQ(counters.received, 5'000u);
    EXPECT_GT(counters.dropped, 3'000u);
    EXPECT_EQ(counters.loss.dropped_spool_failed, 0u);
    const auto told = queue->take_events();
    ASSERT_EQ(told.size(), 1u);
    EXPECT_EQ(told[0].kind, "disk_full");
    EXPECT_NE(told[0].detail.find("No space left on device"), std::string::npos) << told[0].detail;
    expect_exact(*queue);
    EXPECT_EQ(deliver_all(*queue).size(), 5'000 - counters.dropped);
    EXPECT_EQ(queue->push(message(payload)), PushResult::stored) << "what was read makes room";
    EXPECT_EQ(deliver_all(*queue).size(), 1u);
    EXPECT_EQ(queue->counters().loss.dropped_spool_damaged, 0u);
    expect_exact(*queue);
    queue->close();
    std::filesystem::remove_all(options.spool.path);
  }
}

// A segment that a reader has open may be all that a small disk has room for.
TEST(SpoolWriterOnAFullDisk, GivesTheBytesOfADeletedSegmentBackAtOnceWhereItIsAsked) {
  for (const bool at_once : {false, true}) {
    const TemporaryDirectory directory;
    const auto writer = writer_of(directory / "spool");
    ASSERT_EQ(writer->append(message("first")), SpoolWriter::Outcome::stored);
    const auto reader = reader_of(directory / "spool");
    ASSERT_EQ(reader->peek().value()->record.payload, "first");
    reader->consume();
    const FileDescriptor open(::open(segment_files(directory / "spool").at(0).c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_NE(writer->oldest(), nullptr);
    EXPECT_TRUE(writer->remove_oldest(at_once));
    struct stat seen{};
    ASSERT_EQ(::fstat(open.get(), &seen), 0);
    EXPECT_EQ(seen.st_size == 0, at_once);
    ASSERT_EQ(writer->append(message("second")), SpoolWriter::Outcome::stored);
    const auto next = reader->peek();
    ASSERT_TRUE(next.ok() && next.value());
    EXPECT_TRUE(next.value()->record.payload == "second" && next.value()->missing == 0);
    EXPECT_TRUE(reader->take_damages().empty());
  }
}

}  // namespace
}  // namespace honeyframe
