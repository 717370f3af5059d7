#include "window_tap.h"

#include <gtest/gtest.h>

#include <chrono>
#include <limits>
#include <memory>
#include <string>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::batch_of;

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'700'000'000 * kSecond;

using Times = std::vector<std::optional<std::int64_t>>;

RecordBatchPtr at(const Times& receive_times) {
  return batch_of({{{"_recv_time", testing::kTimestamp}, testing::numbers<std::int64_t>(receive_times)}});
}

RecordBatchPtr at(const Times& receive_times, const Times& event_times) {
  return batch_of({{{"_recv_time", testing::kTimestamp}, testing::numbers<std::int64_t>(receive_times)},
                   {{"_event_time", testing::kTimestamp}, testing::numbers<std::int64_t>(event_times)}});
}

WindowLimits lasting(std::chrono::nanoseconds duration) {
  WindowLimits limits;
  limits.duration = duration;
  return limits;
}

std::int64_t rows(const WindowTap::Snapshot& snapshot) {
  std::int64_t sum = 0;
  for (const auto& batch : snapshot.batches) sum += batch->rows();
  return sum;
}

TEST(RollingWindow, KeepsBatchesThatStillHoldAYoungRow) {
  RollingWindow window(lasting(10s), nullptr);
  window.add(at({kNow - 15 * kSecond, kNow - 11 * kSecond}), kNow);
  window.add(at({kNow - 11 * kSecond, kNow - 5 * kSecond}), kNow);
  window.add(at({kNow}), kNow);
  EXPECT_EQ(rows(window.snapshot_at(kNow)), 3);
  EXPECT_EQ(rows(window.snapshot_at(kNow + 6 * kSecond)), 1);
  EXPECT_EQ(rows(window.snapshot_at(kNow + 11 * kSecond)), 0);
  EXPECT_EQ(rows(window.snapshot_at(kNow)), 3);  // looking changes nothing
  window.expire(kNow + 6 * kSecond);
  EXPECT_EQ(rows(window.snapshot_at(kNow)), 1);
  EXPECT_EQ(window.snapshot_at(kNow).evicted_rows, 0U);
}

TEST(RollingWindow, TheLaterOfEventAndReceiveTimeCounts) {
  RollingWindow window(lasting(10s), nullptr);
  window.add(at({kNow}, {kNow - 3'600 * kSecond}), kNow);       // an old event, received now
  window.add(at({kNow - 60 * kSecond}, {kNow}), kNow);          // the other way round
  window.add(at({kNow - 60 * kSecond}, {std::nullopt}), kNow);  // old
  window.add(at({std::nullopt}, {std::nullopt}), kNow);         // no time at all: now
  EXPECT_EQ(rows(window.snapshot_at(kNow)), 3);
}

TEST(RollingWindow, WithoutTimeColumnsTheMomentOfAddingCounts) {
  RollingWindow window(lasting(10s), nullptr);
  window.add(batch_of({{{"n", testing::kInt64}, testing::numbers<std::int64_t>({1})}}), kNow);
  EXPECT_EQ(rows(window.snapshot_at(kNow + 10 * kSecond)), 1);
  EXPECT_EQ(rows(window.snapshot_at(kNow + 10 * kSecond + 1)), 0);
}

TEST(RollingWindow, BeyondMaxRowsTheOldestGoAndAreCounted) {
  WindowLimits limits = lasting(1h);
  limits.max_rows = 5;
  RollingWindow window(limits, nullptr);
  window.add(at({kNow, kNow, kNow}), kNow);
  window.add(at({kNow + 3'000 * kSecond}), kNow);  // too far apart to be merged
  window.add(at({kNow, kNow}), kNow);
  const auto snapshot = window.snapshot_at(kNow);
  EXPECT_EQ(rows(snapshot), 3);
  EXPECT_EQ(snapshot.evicted_rows, 3U);
}

TEST(RollingWindow, NeitherALargeBatchNorMergingOutgrowsMaxRows) {
  WindowLimits limits = lasting(1h);
  limits.max_rows = 10;
  RollingWindow window(limits, nullptr);
  window.add(at({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, kNow}), kNow);
  EXPECT_EQ(rows(window.snapshot_at(kNow)), 10);
  EXPECT_EQ(window.snapshot_at(kNow).evicted_rows, 2U);
  for (int i = 0; i < 100; ++i) window.add(at({kNow}), kNow);
  EXPECT_EQ(rows(window.snapshot_at(kNow)), 10);
  EXPECT_EQ(window.snapshot_at(kNow).evicted_rows, 102U);
}

TEST(RollingWindow, BeyondMaxBytesTheOldestGoAndAreCounted) {
  WindowLimits limits = lasting(1h);
  limits.max_bytes = 200'000;
  RollingWindow window(limits, nullptr);
  for (int i = 0; i < 3; ++i) window.add(at(Times(12'000, kNow)), kNow);
  EXPECT_EQ(rows(window.snapshot_at(kNow)), 24'000);
  EXPECT_EQ(window.snapshot_at(kNow).evicted_rows, 12'000U);
}

TEST(RollingWindow, WhatIsTakenIsNotThereAgain) {
  WindowLimits limits = lasting(1h);
  limits.max_rows = 5;
  RollingWindow window(limits, nullptr);
  window.add(at({kNow, kNow}), kNow);
  window.add(at({kNow + 3'000 * kSecond}), kNow);
  EXPECT_EQ(rows(window.take()), 3);
  EXPECT_EQ(rows(window.take()), 0);
  EXPECT_EQ(rows(window.snapshot_at(kNow)), 0);
  for (int i = 0; i < 3; ++i) window.add(at({kNow + i * 3'000 * kSecond, kNow}), kNow);
  const auto taken = window.take();
  EXPECT_EQ(rows(taken) + static_cast<std::int64_t>(taken.evicted_rows), 6);
  EXPECT_LE(rows(taken), 5);
}

TEST(RollingWindow, SmallNeighboursAreMergedWithoutLosingARow) {
  RollingWindow window(lasting(1h), nullptr);
  for (int i = 0; i < 1'000; ++i) window.add(at({kNow + i * 1'000'000}), kNow);
  const auto snapshot = window.snapshot_at(kNow);
  EXPECT_EQ(rows(snapshot), 1'000);
  EXPECT_LE(snapshot.batches.size(), 12U);
  EXPECT_EQ(testing::cells(*snapshot.batches.front(), "_recv_time").size(),
            static_cast<std::size_t>(snapshot.batches.front()->rows()));
}

TEST(RollingWindow, BatchesFarApartInTimeAreNotMerged) {
  RollingWindow window(lasting(16s), nullptr);
  window.add(at({kNow - 15 * kSecond}), kNow);
  window.add(at({kNow}), kNow);
  EXPECT_EQ(window.snapshot_at(kNow).batches.size(), 2U);
  EXPECT_EQ(rows(window.snapshot_at(kNow + 5 * kSecond)), 1);  // the old row does not stay for its neighbour's sake
}

TEST(RollingWindow, AnyTimeWhateverIsBearable) {
  RollingWindow window(lasting(10s), nullptr);
  const std::int64_t first = std::numeric_limits<std::int64_t>::min();
  const std::int64_t last = std::numeric_limits<std::int64_t>::max();
  window.add(at({first}), kNow);
  window.add(at({last}), kNow);
  window.add(at({first, last}), kNow);
  EXPECT_EQ(rows(window.snapshot_at(kNow)), 3);
}

TEST(RollingWindow, TheSchemaGrowsAndIsKnownBeforeTheFirstRow) {
  const auto early = at({kNow});
  RollingWindow window(lasting(10s), early->schema());
  EXPECT_EQ(window.snapshot_at(kNow).schema->fields.size(), 1U);
  window.add(early, kNow);
  window.add(at({kNow}, {kNow}), kNow);
  EXPECT_EQ(window.snapshot_at(kNow).schema->fields.size(), 2U);
}

}  // namespace
}  // namespace honeyframe
