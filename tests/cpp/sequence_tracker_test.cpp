#include "sequence_tracker.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "allocation_counter.h"

namespace honeyframe {
namespace {

class SequenceTrackerTest : public ::testing::Test {
 protected:
  void see(std::initializer_list<std::uint64_t> numbers, std::string_view publisher = "p", bool dup = false) {
    for (const std::uint64_t number : numbers) tracker_.observe(publisher, number, dup, time_ += 1'000);
  }
  void count_up(std::uint64_t first, std::uint64_t last, std::string_view publisher = "p") {
    for (std::uint64_t number = first; number <= last; ++number) see({number}, publisher);
  }
  std::vector<LedgerRow> rows(LedgerEvent event) {
    std::vector<LedgerRow> found;
    for (LedgerRow& row : ledger_.rows()) {
      if (row.event == event) found.push_back(std::move(row));
    }
    return found;
  }
  void expect(std::uint64_t missing, std::uint64_t repeated, std::uint64_t out_of_order, std::uint64_t restarts) {
    EXPECT_EQ(counters_.sequence_missing, missing);
    EXPECT_EQ(counters_.sequence_repeated, repeated);
    EXPECT_EQ(counters_.sequence_out_of_order, out_of_order);
    EXPECT_EQ(counters_.sequence_restarts, restarts);
  }

  ExtractCounters counters_;
  Ledger ledger_;
  SequenceTracker tracker_{counters_, ledger_, 100};
  std::int64_t time_ = 0;
};

TEST_F(SequenceTrackerTest, ACounterThatMissesNothingSaysNothing) {
  count_up(5, 1'000);
  count_up(0, 10, "q");
  expect(0, 0, 0, 0);
  EXPECT_TRUE(ledger_.rows().empty());
}

TEST_F(SequenceTrackerTest, AGapIsCountedAndListed) {
  see({1, 2, 5, 6});
  see({8}, "p");
  see({1, 3}, "q");
  expect(4, 0, 0, 0);
  EXPECT_EQ(counters_.sequence_gaps, 3U);
  const auto gaps = rows(LedgerEvent::sequence_gap);
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(gaps[0].subject, "p");
  EXPECT_EQ(gaps[0].detail, "3 to 4, 7");
  EXPECT_EQ(gaps[0].count, 3U);
  EXPECT_EQ(gaps[0].occurrences, 2U);
  EXPECT_EQ(gaps[0].first_ns, 2'000);  // of the last message before it
  EXPECT_EQ(gaps[0].last_ns, 5'000);
  EXPECT_EQ(gaps[1].subject, "q");
  EXPECT_EQ(gaps[1].detail, "2");
}

TEST_F(SequenceTrackerTest, ALateNumberIsNoLongerMissing) {
  see({10, 13, 11});
  expect(1, 0, 1, 0);
  see({12, 14});
  expect(0, 0, 2, 0);
  see({12});
  expect(0, 1, 2, 0);
  EXPECT_TRUE(rows(LedgerEvent::sequence_gap).empty()) << "nothing is missing";
  EXPECT_EQ(rows(LedgerEvent::sequence_out_of_order)[0].count, 2U);
  EXPECT_EQ(rows(LedgerEvent::sequence_repeated)[0].detail, "12");
}

TEST_F(SequenceTrackerTest, TheLedgerListsWhatIsMissingAndNothingElse) {
  see({5, 6, 8, 7, 9, 9, 12, 13, 14, 0, 1, 2, 3});
  expect(2, 1, 1, 1);
  EXPECT_EQ(counters_.sequence_gaps, 2U);
  const auto gaps = rows(LedgerEvent::sequence_gap);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].count, 2U);
  EXPECT_EQ(gaps[0].detail, "10 to 11");
}

TEST_F(SequenceTrackerTest, EveryGapOfAnEpisodeIsListed) {
  count_up(1, 19);
  see({25, 26, 40, 41, 100});
  const auto gaps = rows(LedgerEvent::sequence_gap);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].count, counters_.sequence_missing);
  EXPECT_EQ(gaps[0].detail, "20 to 24, 27 to 39, 42 to 99");
}

// Late by an episode: what it belongs to is an older row, and the newer one stays as it is.
TEST_F(SequenceTrackerTest, ALateNumberIsTakenFromTheRowThatHasIt) {
  see({1, 4});
  time_ += Ledger::kQuietNs;
  see({5});
  time_ += Ledger::kQuietNs;
  see({7, 3});
  auto gaps = rows(LedgerEvent::sequence_gap);
  ASSERT_EQ(gaps.size(), 2U);
  EXPECT_EQ(gaps[0].detail, "2");
  EXPECT_EQ(gaps[1].detail, "6");
  see({2});
  gaps = rows(LedgerEvent::sequence_gap);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].detail, "6");
}

TEST_F(SequenceTrackerTest, TheLedgerAgreesWithTheCountWhateverComesLate) {
  std::uint64_t random = 1;
  std::uint64_t number = 0;
  for (int i = 0; i < 5'000; ++i) {
    random = random * 6364136223846793005U + 1442695040888963407U;
    const std::uint64_t step = random >> 60;
    see({step > 10 && number > 40 ? number - 2 * step : number += 1 + step % 4});
    if (i % 40 == 0) time_ += Ledger::kQuietNs;
    std::uint64_t sum = 0;
    if (i % 100 == 0) {
      for (const auto& row : rows(LedgerEvent::sequence_gap)) sum += row.count;
      ASSERT_EQ(sum, counters_.sequence_missing) << i;
    }
  }
  EXPECT_GT(counters_.sequence_out_of_order, 100U);
}

TEST_F(SequenceTrackerTest, WhatCameBeforeTheFirstIsLateAndNotMissing) {
  see({10, 9, 11, 9});
  expect(0, 1, 1, 0);
}

TEST_F(SequenceTrackerTest, RepeatedNumbers) {
  see({0, 1, 1, 2});
  count_up(3, 100);
  see({98, 99, 100}, "p", true);  // a broker sends again what was not acknowledged
  see({5}, "p", true);            // however old
  count_up(101, 110);
  expect(0, 5, 0, 0);
}

TEST_F(SequenceTrackerTest, APublisherThatBeginsAnewIsARestart) {
  count_up(0, 1'000);
  count_up(0, 5);
  count_up(0, 2'000);  // below the window: only 0 tells
  expect(0, 0, 0, 2);
  const auto restarts = rows(LedgerEvent::sequence_restart);
  ASSERT_EQ(restarts.size(), 1U);
  EXPECT_EQ(restarts[0].occurrences, 2U);
  EXPECT_EQ(restarts[0].detail, "1000 to 0");
}

TEST_F(SequenceTrackerTest, OneThatCountsFromOneToo) {
  count_up(1, 30);
  count_up(1, 40);
  expect(0, 0, 0, 1);
}

TEST_F(SequenceTrackerTest, GoingBackFarIsARestartAndNoHugeGap) {
  count_up(5'000, 5'100);
  count_up(2'000, 2'100);
  see({~std::uint64_t{0}});
  count_up(7, 9);
  expect(0, 0, 0, 3);
}

TEST_F(SequenceTrackerTest, ARestartWhoseFirstMessageWasLostIsSeenByTheNext) {
  count_up(0, 50);
  count_up(1, 60);  // 0 is lost
  EXPECT_EQ(counters_.sequence_restarts, 1U);
  EXPECT_EQ(counters_.sequence_missing, 0U);
  EXPECT_EQ(counters_.sequence_repeated, SequenceTracker::kRestartStreak - 1);
}

TEST_F(SequenceTrackerTest, AnOldMessageThatComesByCostsNothing) {
  count_up(0, 1'000);
  see({20});
  count_up(1'001, 1'100);
  see({~std::uint64_t{0} - 7});
  count_up(1'101, 1'200);
  see({1'203});
  expect(2, 0, 0, 2);
}

TEST_F(SequenceTrackerTest, TwoCountersUnderOneNameMissNothing) {
  for (std::uint64_t i = 0; i < 500; ++i) see({10'000 + i, 100 + i});
  EXPECT_EQ(counters_.sequence_missing, 0U);
  EXPECT_GE(counters_.sequence_restarts, 1U);
}

TEST_F(SequenceTrackerTest, AGapWiderThanTheWindow) {
  see({1, 500, 480, 100, 501});
  EXPECT_EQ(counters_.sequence_missing, 497U);  // 100 is too far back to be told from a restart
  EXPECT_EQ(counters_.sequence_out_of_order, 1U);
  EXPECT_EQ(counters_.sequence_restarts, 1U);
}

TEST_F(SequenceTrackerTest, TheLargestNumbers) {
  const std::uint64_t most = ~std::uint64_t{0};
  see({most - 2, most - 1, most, 0, 1, 2});
  expect(0, 0, 0, 1);
}

TEST_F(SequenceTrackerTest, PublishersHeardLongAgoAreForgotten) {
  for (int i = 0; i < 150; ++i) see({1, 2}, "p" + std::to_string(i));
  EXPECT_EQ(counters_.sequence_forgotten, 50U);
  see({5}, "p0");  // begins anew
  see({5}, "p149");
  EXPECT_EQ(counters_.sequence_missing, 2U);
  EXPECT_EQ(counters_.sequence_forgotten, 51U);
}

TEST_F(SequenceTrackerTest, LongNamesAreBoundedTogether) {
  const std::string tail(60'000, 'x');
  SequenceTracker tracker(counters_, ledger_);
  for (int i = 0; i < 400; ++i) tracker.observe(std::to_string(i) + tail, 1, false, 0);
  EXPECT_GT(counters_.sequence_forgotten, 100u);
  EXPECT_LT(counters_.sequence_forgotten, 150u) << "16 MiB of names are kept";
}

TEST_F(SequenceTrackerTest, AllocatesNothingForAKnownPublisher) {
  for (int i = 0; i < 100; ++i) see({0}, "plant/line/" + std::to_string(i));
  see({2, 2, 1}, "plant/line/1");
  const std::vector<std::string> names{"plant/line/1", "plant/line/2", "plant/line/99"};
  const std::uint64_t before = testing::allocations_of_this_thread();
  for (std::uint64_t i = 10; i < 1'000; ++i) {
    for (const std::string& name : names) see({name == names[0] ? 2 * i : i - 9}, name);
  }
  EXPECT_EQ(testing::allocations_of_this_thread(), before);
  EXPECT_GT(counters_.sequence_missing, 900U);
}

TEST_F(SequenceTrackerTest, WithoutMemoryAPublisherIsCountedAsForgotten) {
  {
    const testing::FailingAllocations no_memory;
    see({1}, "a publisher with a name that needs memory");
  }
  EXPECT_EQ(counters_.sequence_forgotten, 1U);
  see({2, 3}, "a publisher with a name that needs memory");
  expect(0, 0, 0, 0);
}

}  // namespace
}  // namespace honeyframe
