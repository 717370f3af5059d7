#include "topic_table.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "blocks_for_tests.h"

namespace honeyframe {
namespace {

void add(TopicTable& table, const BlockForTests& block) {
  table.add(*block, 0, block.size());
}

const SeenTopic& row_of(const TopicTable& table, std::string_view topic) {
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i].topic == topic) return table[i];
  }
  ADD_FAILURE() << topic << " is not there";
  return table[0];
}

TEST(TopicTable, CountsWhatCameToEachTopic) {
  TopicTable table({});
  BlockForTests block;
  block.add("a/b", "12", {10, 1, true}).add("c", "{}", {20, 2}).add("a/b", "345", {30, 0}).add("a/b", "", {40, 1});
  add(table, block);
  ASSERT_EQ(table.size(), 2U);
  const SeenTopic& first = table[0];
  EXPECT_EQ(first.topic, "a/b");
  EXPECT_EQ(first.messages, 3U);
  EXPECT_EQ(first.bytes, 5U);
  EXPECT_EQ(first.first_ns, 10);
  EXPECT_EQ(first.last_ns, 40);
  EXPECT_EQ(first.qos, 1);
  EXPECT_EQ(first.max_qos, 1);
  EXPECT_TRUE(first.retained);
  EXPECT_EQ(first.cadence.messages(), 2U);  // what was retained says nothing of when it was sent
  EXPECT_EQ(first.last_payload(), "");
  EXPECT_EQ(first.payload_size, 0U);
  const SeenTopic& second = table[1];
  EXPECT_EQ(second.qos, 2);
  EXPECT_FALSE(second.retained);
  EXPECT_EQ(second.last_payload(), "{}");
  const TopicTotals totals = table.totals();
  EXPECT_EQ(totals.topics, 2U);
  EXPECT_EQ(totals.messages, 4U);
  EXPECT_EQ(totals.bytes, 7U);
  EXPECT_EQ(totals.unplaced_messages, 0U);
}

TEST(TopicTable, TellsJsonFromAllElse) {
  TopicTable table({});
  BlockForTests block;
  block.add("json", "{\"a\": 1}").add("json", "").add("json", "21.5");
  block.add("text", "on").add("mixed", "{}").add("mixed", "{oops").add("mixed", "{}").add("empty", "");
  add(table, block);
  EXPECT_EQ(row_of(table, "json").json, JsonVerdict::json);
  EXPECT_EQ(row_of(table, "text").json, JsonVerdict::not_json);
  EXPECT_EQ(row_of(table, "mixed").json, JsonVerdict::not_json);
  EXPECT_EQ(row_of(table, "empty").json, JsonVerdict::unknown);
}

TEST(TopicTable, KnowsATopicAgainInEveryDictionary) {
  TopicTable table({});
  for (int dictionary = 0; dictionary < 3; ++dictionary) {
    BlockForTests block;
    for (int i = 0; i < 3'000; ++i) block.add("t/" + std::to_string((i + dictionary) % 3'000), "1");
    add(table, block);
  }
  EXPECT_EQ(table.size(), 3'000U);
  for (std::size_t i = 0; i < table.size(); ++i) ASSERT_EQ(table[i].messages, 3U);
}

TEST(TopicTable, TakesPartOfABlock) {
  TopicTable table({});
  BlockForTests block;
  block.add("a", "1").add("b", "1").add("c", "1");
  table.add(*block, 1, 2);
  ASSERT_EQ(table.size(), 1U);
  EXPECT_EQ(table[0].topic, "b");
}

TEST(TopicTable, CountsExactlyWhatFindsNoPlace) {
  TopicTable table({.max_topics = 10});
  for (int round = 0; round < 2; ++round) {
    BlockForTests block;  // the second with another dictionary: topics without a place are not counted again
    for (int i = 0; i < 5'000; ++i) block.add("t/" + std::to_string(i), "123");
    add(table, block);
  }
  const TopicTotals totals = table.totals();
  EXPECT_EQ(totals.topics, 10U);
  EXPECT_EQ(totals.messages, 10'000U);
  EXPECT_EQ(totals.unplaced_messages, 2U * 4'990U);
  EXPECT_EQ(totals.unplaced_bytes, 2U * 3U * 4'990U);
  EXPECT_EQ(totals.unplaced_topics, 4'990U);
  EXPECT_EQ(row_of(table, "t/3").messages, 2U);
}

TEST(TopicTable, StaysWithinItsBytes) {
  constexpr std::size_t kBytes = 4u << 20;
  TopicTable table({.max_topics = 1'000'000, .max_bytes = kBytes, .max_payload_bytes = 1'000});
  const std::string payload(900, 'x');
  for (int part = 0; part < 30; ++part) {
    BlockForTests block;
    for (int i = 0; i < 2'000; ++i) block.add("some/longer/topic/" + std::to_string(part * 2'000 + i), payload);
    add(table, block);
    ASSERT_LE(table.bytes(), kBytes + (1u << 20));
  }
  const TopicTotals totals = table.totals();
  EXPECT_GT(totals.topics, 10'000U);
  EXPECT_EQ(totals.topics + totals.unplaced_topics, 60'000U);
  EXPECT_EQ(totals.unplaced_messages, totals.unplaced_topics);
  // Payloads have half of it: then topics go on without theirs.
  EXPECT_GT(totals.shortened_payloads, 1'000U);
  EXPECT_EQ(table[0].last_payload(), payload);
  EXPECT_EQ(table[table.size() - 1].last_payload(), "");
  EXPECT_EQ(table[table.size() - 1].payload_size, 900U);
}

TEST(TopicTable, CutsPayloadsBetweenCharacters) {
  TopicTable table({.max_payload_bytes = 5});
  BlockForTests block;
  block.add("two", "abcd\xC3\xA9")
      .add("exact", "abc\xC3\xA9z")
      .add("four", "ab\xF0\x9F\x90\x9Dz")
      .add("plain", "abcdef");
  block.add("binary", "\x80\x81\x82\x83\x84\x85").add("short", "abc");
  add(table, block);
  EXPECT_EQ(row_of(table, "two").last_payload(), "abcd");
  EXPECT_EQ(row_of(table, "exact").last_payload(), "abc\xC3\xA9");
  EXPECT_EQ(row_of(table, "four").last_payload(), "ab");
  EXPECT_EQ(row_of(table, "plain").last_payload(), "abcde");
  EXPECT_EQ(row_of(table, "binary").last_payload(), "\x80\x81\x82\x83\x84");
  EXPECT_EQ(row_of(table, "short").last_payload(), "abc");
  EXPECT_EQ(table.totals().shortened_payloads, 0U);  // the limit's doing, not the memory's
}

TEST(TopicTable, KeepsNoPayloadWhereNoneIsWanted) {
  TopicTable table({.max_payload_bytes = 0});
  BlockForTests block;
  block.add("a", "12345");
  add(table, block);
  EXPECT_EQ(table[0].last_payload(), "");
  EXPECT_EQ(table[0].payload_size, 5U);
}

TEST(TopicTable, KeepsLongTopicsBesideShortOnes) {
  TopicTable table({});
  BlockForTests block;
  const std::string name(60'000, 'n');
  block.add(name, "1").add("short", "1").add(name + "2", "1").add("other", "1");
  add(table, block);
  ASSERT_EQ(table.size(), 4U);
  EXPECT_EQ(table[0].topic, name);
  EXPECT_EQ(table[1].topic, "short");
  EXPECT_EQ(table[2].topic, name + "2");
  EXPECT_EQ(table[3].topic, "other");
}

TEST(TopicTable, NamesTheLimitThatIsWrong) {
  EXPECT_TRUE(TopicLimits{}.validate().ok());
  EXPECT_EQ(TopicLimits{.max_topics = 0}.validate().code(), ErrorCode::invalid_argument);
  EXPECT_NE(TopicLimits{.max_bytes = 1}.validate().message().find("max_bytes"), std::string::npos);
}

}  // namespace
}  // namespace honeyframe
