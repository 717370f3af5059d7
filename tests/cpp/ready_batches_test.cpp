#include "ready_batches.h"

#include <gtest/gtest.h>

#include <chrono>
#include <numeric>
#include <string>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

CutBatch cut_of(std::int64_t first, std::int64_t rows, std::uint64_t messages, SteadyTime first_row = {}) {
  std::vector<std::optional<std::int64_t>> values;
  for (std::int64_t i = 0; i < rows; ++i) values.emplace_back(first + i);
  CutBatch cut;
  cut.batch = testing::batch_of({{{"value", testing::kInt64}, testing::numbers<std::int64_t>(values)}}, messages);
  cut.unsettled = messages;
  cut.first_row = first_row;
  return cut;
}

std::int64_t rows_of(const ReadyBatches::Popped& popped) {
  return std::accumulate(popped.ranges.begin(), popped.ranges.end(), std::int64_t{0},
                         [](std::int64_t sum, const RowRange& range) { return sum + range.end - range.begin; });
}

TEST(ReadyBatches, MergesSmallOnesUpToMaxRows) {
  ReadyBatches ready{QueueLimits()};
  for (int i = 0; i < 5; ++i) ready.add(cut_of(i * 10, 10, 10));
  const auto popped = ready.pop(25);
  EXPECT_EQ(rows_of(popped), 25);
  EXPECT_EQ(popped.ranges.size(), 3U);
  EXPECT_EQ(popped.unsettled, 25U);
  const auto rest = ready.pop(100);
  EXPECT_EQ(rows_of(rest), 25);
  EXPECT_EQ(rest.ranges.front().begin, 5);
  EXPECT_EQ(rest.unsettled, 25U);
  EXPECT_TRUE(ready.empty());
}

TEST(ReadyBatches, SplittingSharesTheMessagesOutExactly) {
  ReadyBatches ready{QueueLimits()};
  ready.add(cut_of(0, 100, 7));
  std::uint64_t messages = 0;
  std::uint64_t unsettled = 0;
  int pieces = 0;
  while (!ready.empty()) {
    const auto popped = ready.pop(9);
    EXPECT_LE(rows_of(popped), 9);
    messages += popped.messages;
    unsettled += popped.unsettled;
    ++pieces;
  }
  EXPECT_EQ(pieces, 12);
  EXPECT_EQ(messages, 7U);
  EXPECT_EQ(unsettled, 7U);
}

TEST(ReadyBatches, IsCompleteByRowsByAgeOrWithAnError) {
  const SteadyTime now = std::chrono::steady_clock::now();
  ReadyBatches ready{QueueLimits()};
  const CutLimits limits{20, 1s, kMaxBatchBytes};
  EXPECT_FALSE(ready.complete(limits, now));
  EXPECT_EQ(ready.due(limits), SteadyTime::max());
  ready.add(cut_of(0, 10, 10, now));
  EXPECT_FALSE(ready.complete(limits, now));
  EXPECT_EQ(ready.due(limits), now + 1s);
  EXPECT_TRUE(ready.complete(limits, now + 1s));
  ready.add(cut_of(10, 10, 10, now));
  EXPECT_TRUE(ready.complete(limits, now));
  (void)ready.pop(20);
  EXPECT_FALSE(ready.complete(limits, now));
  ready.add_error(Status(ErrorCode::does_not_fit, "column"));
  EXPECT_TRUE(ready.complete(limits, now));
}

TEST(ReadyBatches, AnErrorComesInItsTurnAndAlone) {
  ReadyBatches ready{QueueLimits()};
  ready.add(cut_of(0, 1, 1));
  ready.add_error(Status(ErrorCode::does_not_fit, "column"));
  ready.add(cut_of(1, 1, 1));
  EXPECT_EQ(rows_of(ready.pop(100)), 1);
  const auto error = ready.pop(100);
  EXPECT_TRUE(error.ranges.empty());
  EXPECT_EQ(error.error.code(), ErrorCode::does_not_fit);
  EXPECT_EQ(rows_of(ready.pop(100)), 1);
  EXPECT_TRUE(ready.empty());
}

TEST(ReadyBatches, KeepsFewErrorsAndCountsTheOthers) {
  ReadyBatches ready{QueueLimits()};
  for (int i = 0; i < 100'000; ++i) ready.add_error(Status(ErrorCode::does_not_fit, "column " + std::to_string(i)));
  std::vector<std::string> told;
  while (!ready.empty()) told.push_back(ready.pop(1).error.message());
  ASSERT_EQ(told.size(), 16U);
  EXPECT_EQ(told.front(), "column 0");
  EXPECT_EQ(told.back(), "column 15; and 99984 later messages did not fit, either: see the quarantine");
  ready.add_error(Status(ErrorCode::does_not_fit, "column"));
  EXPECT_EQ(ready.pop(1).error.message(), "column");
}

TEST(ReadyBatches, IsBoundedByMessagesAndBytesButTakesOneWhatever) {
  QueueLimits limits;
  limits.max_messages = 25;
  ReadyBatches ready(limits);
  EXPECT_TRUE(ready.has_room_for(cut_of(0, 100, 100)));
  ready.add(cut_of(0, 10, 10));
  EXPECT_TRUE(ready.has_room_for(cut_of(0, 15, 15)));
  EXPECT_FALSE(ready.has_room_for(cut_of(0, 16, 16)));
  const auto evicted = ready.evict_oldest();
  EXPECT_EQ(evicted.messages, 10U);
  EXPECT_TRUE(ready.empty());

  limits.max_messages = 1'000'000;
  limits.max_bytes = 100'000;
  ReadyBatches by_bytes(limits);
  by_bytes.add(cut_of(0, 10'000, 1));
  EXPECT_FALSE(by_bytes.has_room_for(cut_of(0, 10'000, 1)));
}

TEST(ReadyBatches, OnlyWhatIsLeftOfASplitBatchIsEvicted) {
  ReadyBatches ready{QueueLimits()};
  ready.add(cut_of(0, 10, 10));
  (void)ready.pop(4);
  EXPECT_EQ(ready.evict_oldest().messages, 6U);
}

}  // namespace
}  // namespace honeyframe
