#include "ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "allocation_counter.h"

namespace honeyframe {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

Ledger::Note misfit(std::string_view column, std::int64_t time_ns, std::string_view detail = {}) {
  return {LedgerEvent::misfit, column, time_ns, time_ns, 1, 3, detail};
}

TEST(Ledger, EveryEventHasItsWord) {
  for (std::size_t i = 0; i < kLedgerEvents; ++i) {
    const auto event = static_cast<LedgerEvent>(i);
    EXPECT_EQ(ledger_event(to_string(event)), event);
  }
  EXPECT_EQ(ledger_event("no such event"), std::nullopt);
}

TEST(Ledger, WhatRepeatsIsOneRow) {
  Ledger ledger;
  for (int i = 0; i < 5; ++i) (void)ledger.note(misfit("t", 100 + i, i == 0 ? "first" : "later"));
  (void)ledger.note(misfit("u", 102));
  const auto rows = ledger.rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].event, LedgerEvent::misfit);
  EXPECT_EQ(rows[0].subject, "t");
  EXPECT_EQ(rows[0].first_ns, 100);
  EXPECT_EQ(rows[0].last_ns, 104);
  EXPECT_EQ(rows[0].occurrences, 5U);
  EXPECT_EQ(rows[0].count, 5U);
  EXPECT_EQ(rows[0].bytes, 15U);
  EXPECT_EQ(rows[0].detail, "first");
  EXPECT_FALSE(rows[0].folded);
  EXPECT_EQ(rows[1].subject, "u");
}

TEST(Ledger, AQuietTimeEndsAnEpisode) {
  Ledger ledger;
  (void)ledger.note(misfit("t", 0));
  (void)ledger.note(misfit("t", 9 * kSecond));
  (void)ledger.note(misfit("t", 18 * kSecond));
  (void)ledger.note(misfit("t", 30 * kSecond));
  (void)ledger.note(misfit("t", 29 * kSecond));  // clocks go back: the same one
  const auto rows = ledger.rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].count, 3U);
  EXPECT_EQ(rows[0].last_ns, 18 * kSecond);
  EXPECT_EQ(rows[1].count, 2U);
  EXPECT_EQ(rows[1].first_ns, 29 * kSecond);
  EXPECT_EQ(rows[1].last_ns, 30 * kSecond);
}

TEST(Ledger, OldRowsAreFoldedAndNothingIsLost) {
  Ledger ledger;
  constexpr std::uint64_t kRows = 1'000;
  for (std::uint64_t i = 0; i < kRows; ++i) {
    (void)ledger.note(misfit("column " + std::to_string(i % 700), static_cast<std::int64_t>(i) * 20 * kSecond));
  }
  (void)ledger.note({LedgerEvent::dropped, "oldest", 5, 6, 7, 8, {}});
  const auto rows = ledger.rows();
  EXPECT_EQ(rows.size(), 1 + 1 + Ledger::kMaxRows);  // the other events keep theirs
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  for (const LedgerRow& row : rows) {
    if (row.event != LedgerEvent::misfit) continue;
    count += row.count;
    bytes += row.bytes;
    EXPECT_EQ(row.folded, &row == &rows[1]);
  }
  EXPECT_EQ(count, kRows);
  EXPECT_EQ(bytes, 3 * kRows);
  EXPECT_EQ(rows[1].occurrences, kRows - Ledger::kMaxRows);
  EXPECT_EQ(rows[1].first_ns, 0);
  EXPECT_EQ(rows[1].last_ns, static_cast<std::int64_t>(kRows - Ledger::kMaxRows - 1) * 20 * kSecond);
  EXPECT_EQ(rows.back().subject, "column 299");
}

TEST(Ledger, TheTopicsOfAnEpisodeStayWithIt) {
  Ledger ledger;
  for (int i = 0; i < 3; ++i) {
    TopTopics* const topics = ledger.note({LedgerEvent::dropped, "newest", i, i, 1, 1, {}});
    ASSERT_NE(topics, nullptr);
    topics->add(i == 2 ? "b" : "a", 1);
  }
  TopTopics* const later = ledger.note({LedgerEvent::dropped, "newest", 60 * kSecond, 60 * kSecond, 1, 1, {}});
  ASSERT_NE(later, nullptr);
  later->add("c", 1);
  EXPECT_EQ(ledger.note(misfit("t", 0)), nullptr);
  const auto rows = ledger.rows();
  ASSERT_EQ(rows[0].topics.size(), 2U);
  EXPECT_EQ(rows[0].topics[0].topic, "a");
  EXPECT_EQ(rows[0].topics[0].count, 2U);
  ASSERT_EQ(rows[1].topics.size(), 1U);
  EXPECT_EQ(rows[1].topics[0].topic, "c");
}

TEST(Ledger, AnEpisodeAllocatesAtItsBeginningOnly) {
  Ledger ledger;
  (void)ledger.note(misfit("column", 0));
  (void)ledger.note({LedgerEvent::dropped, "oldest", 0, 0, 1, 1, {}});
  const std::uint64_t before = testing::allocations_of_this_thread();
  for (int i = 0; i < 1'000; ++i) {
    (void)ledger.note(misfit("column", i, "a detail that is not kept, and long enough to need memory"));
    ledger.note({LedgerEvent::dropped, "oldest", i, i, 1, 1, {}})->add("plant/" + std::to_string(i % 9), 1);
  }
  EXPECT_EQ(testing::allocations_of_this_thread(), before);
}

TEST(Ledger, WithoutMemoryTheCountIsKept) {
  Ledger ledger;
  {
    const testing::FailingAllocations no_memory;
    EXPECT_EQ(ledger.note({LedgerEvent::dropped, "no_memory", 4, 5, 2, 10, {}}), nullptr);
  }
  (void)ledger.note({LedgerEvent::dropped, "no_memory", 6, 7, 1, 1, {}});
  const auto rows = ledger.rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_TRUE(rows[0].folded);
  EXPECT_EQ(rows[0].event, LedgerEvent::dropped);
  EXPECT_EQ(rows[0].count, 2U);
  EXPECT_EQ(rows[0].bytes, 10U);
  EXPECT_EQ(rows[1].count, 1U);
}

TEST(Ledger, LongTextsAreCut) {
  Ledger ledger;
  const std::string text(2'000, 'x');
  (void)ledger.note({LedgerEvent::quarantined, text, 0, 0, 1, 0, text});
  const auto rows = ledger.rows();
  EXPECT_EQ(rows[0].subject.size(), Ledger::kMaxSubjectBytes);
  EXPECT_EQ(rows[0].detail.size(), Ledger::kMaxDetailBytes);
}

}  // namespace
}  // namespace honeyframe
