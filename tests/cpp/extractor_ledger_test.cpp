// What an extraction tells beside its rows: its ledger, and the number that `sequence` follows.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "extraction_for_tests.h"

namespace honeyframe {
namespace {

using testing::Feed;
using testing::Texts;
using testing::without_metadata;

std::vector<LedgerRow> rows_of(Feed& feed, LedgerEvent event) {
  std::vector<LedgerRow> rows;
  for (LedgerRow& row : feed.extractor().ledger()) {
    if (row.event == event) rows.push_back(std::move(row));
  }
  return rows;
}

ExtractOptions following(std::string path, std::string by = "", const char* text = nullptr) {
  ExtractOptions options = without_metadata();
  options.sequence = SequenceOptions{std::move(path), std::move(by)};
  if (text != nullptr) options.topic_template = TopicTemplate::parse(text).value();
  return options;
}

std::string numbered(int number) {
  return R"({"seq": )" + std::to_string(number) + R"(, "t": 1.5})";
}

TEST(ExtractorLedger, MisfitsAreCountedForEachColumn) {
  Feed feed;
  feed.add_all({R"({"t": 1, "u": 2})", R"({"t": "hot", "u": 2})", R"({"t": "cold", "u": true})", R"({"t": 2})"});
  const auto misfits = rows_of(feed, LedgerEvent::misfit);
  ASSERT_EQ(misfits.size(), 2U);
  EXPECT_EQ(misfits[0].subject, "t");
  EXPECT_EQ(misfits[0].count, 2U);
  EXPECT_EQ(misfits[0].detail, R"("hot")");
  EXPECT_EQ(misfits[0].first_ns, 1'700'000'000'000'000'001);
  EXPECT_EQ(misfits[0].last_ns, 1'700'000'000'000'000'002);
  EXPECT_EQ(misfits[1].subject, "u");
  feed.finish();
  feed.add(R"({"t": "again"})");
  EXPECT_EQ(rows_of(feed, LedgerEvent::misfit)[0].count, 3U);
  EXPECT_EQ(feed.counters().misfits, 4U);
}

TEST(ExtractorLedger, ChangesOfShape) {
  ExtractOptions options = without_metadata();
  options.on_conflict = OnConflict::widen;
  Feed feed(options);
  feed.add_all({R"({"a": 1})", R"({"a": "x", "b": 2})"});
  const auto added = rows_of(feed, LedgerEvent::column_added);
  ASSERT_EQ(added.size(), 2U);
  EXPECT_EQ(added[1].subject, "b");
  const auto widened = rows_of(feed, LedgerEvent::column_widened);
  ASSERT_EQ(widened.size(), 1U);
  EXPECT_EQ(widened[0].subject, "a");
  EXPECT_EQ(widened[0].detail, "int64 -> string");
  EXPECT_EQ(feed.events().size(), 3U);  // taking them away
  feed.add(R"({"c": 1})");
  EXPECT_EQ(rows_of(feed, LedgerEvent::column_added).size(), 3U);
}

TEST(ExtractorLedger, ARefusedPayloadIsQuarantinedAndChangesNothing) {
  ExtractOptions options = without_metadata();
  options.on_conflict = OnConflict::quarantine;
  Feed feed(options);
  feed.add(R"({"a": 1})");
  feed.add(R"({"new": 1, "a": "x"})", "plant/1");
  feed.add(R"({"a": )", "plant/2");
  feed.add(R"({"a": )", "plant/2");
  EXPECT_EQ(rows_of(feed, LedgerEvent::column_added).size(), 1U);
  EXPECT_TRUE(rows_of(feed, LedgerEvent::misfit).empty());
  const auto reasons = rows_of(feed, LedgerEvent::quarantined);
  ASSERT_EQ(reasons.size(), 2U);
  EXPECT_EQ(reasons[0].subject, "does_not_fit");
  EXPECT_EQ(reasons[0].topics[0].topic, "plant/1");
  EXPECT_EQ(reasons[1].subject, "truncated");
  EXPECT_EQ(reasons[1].count, 2U);
  EXPECT_EQ(reasons[1].bytes, 12U);
  EXPECT_FALSE(reasons[1].detail.empty());
}

TEST(ExtractorSequence, EachTopicIsAPublisher) {
  Feed feed(following("seq"));
  feed.add(numbered(1), "a").add(numbered(7), "b").add(numbered(2), "a").add(numbered(4), "a").add(numbered(8), "b");
  EXPECT_EQ(feed.counters().sequence_missing, 1U);
  const auto gaps = rows_of(feed, LedgerEvent::sequence_gap);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].subject, "a");
  EXPECT_EQ(gaps[0].detail, "3");
  EXPECT_EQ(feed.column("seq"), (Texts{"1", "7", "2", "4", "8"}));  // stays a column
}

TEST(ExtractorSequence, OrALevelOfTheTopicIs) {
  Feed feed(following("seq", "line", "plant/{line}/{kind}"));
  feed.add(numbered(1), "plant/n/state").add(numbered(2), "plant/n/telemetry").add(numbered(4), "plant/n/state");
  feed.add(numbered(1), "elsewhere");  // not of the template: a publisher by its topic
  const auto gaps = rows_of(feed, LedgerEvent::sequence_gap);
  ASSERT_EQ(gaps.size(), 1U);
  EXPECT_EQ(gaps[0].subject, "n");
  EXPECT_EQ(feed.counters().sequence_missing, 1U);
}

TEST(ExtractorSequence, ThePathMayBeNestedAndNeedNotBeAColumn) {
  ExtractOptions options = following("meta.n");
  options.columns = {"t"};
  Feed feed(options);
  feed.add_all({R"({"meta": {"n": 1}, "t": 1})", R"({"meta": {"n": 3}, "t": 2})"});
  EXPECT_EQ(feed.counters().sequence_missing, 1U);
  EXPECT_EQ(feed.names(), Texts{"t"});

  ExtractOptions fixed = following("/n");
  fixed.schema = std::vector<ColumnSpec>{{"t", "", {TypeId::float64, TypeId::null}}};
  Feed with_schema(fixed);
  with_schema.add_all({R"({"n": 1, "t": 1})", R"({"t": 2, "n": 5})"});
  EXPECT_EQ(with_schema.counters().sequence_missing, 3U);
  EXPECT_EQ(with_schema.names(), Texts{"t"});
}

TEST(ExtractorSequence, RowsOfAnArrayAreFollowedOneByOne) {
  Feed feed(following("seq"));
  feed.add(R"([{"seq": 1}, {"seq": 2}, {"seq": 4}])").add(R"([{"seq": 5}, {"x": 1}])");
  EXPECT_EQ(feed.counters().sequence_missing, 1U);
  EXPECT_EQ(feed.counters().sequence_unreadable, 1U);
}

TEST(ExtractorSequence, TheNumberAroundAnExplodedArrayCountsOnce) {
  ExtractOptions options = following("seq");
  options.explode = "r";
  Feed feed(options);
  feed.add(R"({"seq": 1, "r": [{"v": 1}, {"v": 2}, {"v": 3}]})").add(R"({"seq": 2, "r": [{"v": 1}, {"v": 2}]})");
  EXPECT_EQ(feed.counters().sequence_repeated, 0U);
  EXPECT_EQ(feed.counters().sequence_missing, 0U);
  EXPECT_EQ(feed.counters().sequence_unreadable, 0U);

  ExtractOptions inside = following("r.seq");
  inside.explode = "r";
  Feed rows(inside);
  rows.add(R"({"r": [{"seq": 1}, {"seq": 2}, {"seq": 9}]})");
  EXPECT_EQ(rows.counters().sequence_missing, 6U);
}

TEST(ExtractorSequence, WhatIsNoNumberIsCounted) {
  Feed feed(following("seq"));
  feed.add_all({R"({"seq": 1})", R"({"seq": "2"})", R"({"seq": -3})", R"({"seq": 1.5})", R"({"seq": null})",
                R"({"x": 1})", R"({"seq": 18446744073709551615})", R"({"seq": 2})", ""});
  EXPECT_EQ(feed.counters().sequence_unreadable, 5U);
  EXPECT_EQ(feed.counters().sequence_missing, 0U);
  EXPECT_EQ(feed.counters().sequence_restarts, 1U);
}

TEST(ExtractorSequence, OfDuplicateKeysTheLastCounts) {
  Feed feed(following("seq"));
  feed.add_all({R"({"seq": 1})", R"({"seq": 9, "seq": 2})", R"({"seq": 3})"});
  EXPECT_EQ(feed.counters().sequence_missing, 0U);
  EXPECT_EQ(feed.counters().sequence_repeated, 0U);
}

TEST(ExtractorSequence, RetainedAndQuarantinedMessagesAreNotFollowed) {
  Feed feed(following("seq"));
  MessageView retained;
  retained.topic = "t";
  const std::string old = numbered(900);
  retained.payload = old;
  retained.retain = true;
  feed.add(retained);
  feed.add(numbered(1)).add(numbered(2)).add(R"({"seq": 3)").add(numbered(4));
  EXPECT_EQ(feed.counters().sequence_restarts, 0U);
  EXPECT_EQ(feed.counters().sequence_missing, 1U);  // 3 could not be read
}

TEST(ExtractorSequence, ADupFlagMakesARepetitionOfWhatCouldBeARestart) {
  Feed feed(following("seq"));
  for (int i = 0; i < 100; ++i) feed.add(numbered(i));
  MessageView again;
  again.topic = "t";
  const std::string payload = numbered(0);
  again.payload = payload;
  again.dup = true;
  feed.add(again);
  EXPECT_EQ(feed.counters().sequence_repeated, 1U);
  EXPECT_EQ(feed.counters().sequence_restarts, 0U);
}

}  // namespace
}  // namespace honeyframe
