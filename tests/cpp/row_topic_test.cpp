#include "row_topic.h"

#include <gtest/gtest.h>

#include <limits>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;

struct Made {
  std::string topic;
  std::string why;
};

Made make(const RowTopic& topic, const RecordBatchPtr& batch, std::int64_t row = 0) {
  const auto columns = topic.find_columns(*batch->schema());
  EXPECT_TRUE(columns.ok()) << columns.status().message();
  Made made;
  made.why = topic.append(*batch, columns.value(), row, made.topic);
  return made;
}

RowTopic parsed(std::string_view text) {
  auto topic = RowTopic::parse(text);
  EXPECT_TRUE(topic.ok()) << topic.status().message();
  return std::move(topic).value();
}

TEST(RowTopic, OneTopicForAllRows) {
  const auto topic = parsed("plant/north/set");
  EXPECT_TRUE(topic.names().empty());
  EXPECT_EQ(make(topic, batch_of({{{"a", kInt64}, numbers<std::int64_t>({1})}})).topic, "plant/north/set");
}

TEST(RowTopic, ColumnsFillTheLevels) {
  const auto batch = batch_of({{{"line", kString}, strings({"A"})},
                               {{"n", kInt64}, numbers<std::int64_t>({-7})},
                               {{"ok", kBool}, booleans({true})},
                               {{"at", kTimestamp}, numbers<std::int64_t>({0})}});
  EXPECT_EQ(make(parsed("{line}/x/{n}/{ok}"), batch).topic, "A/x/-7/true");
  EXPECT_EQ(make(parsed("/{line}/"), batch).topic, "/A/");
  EXPECT_EQ(make(parsed("t/{at}"), batch).topic, "t/1970-01-01T00:00:00Z");
}

TEST(RowTopic, AWholeFloatIsAnInteger) {  // what a missing value makes of pandas' integers
  const auto batch =
      batch_of({{{"n", kFloat64}, numbers<double>({3.0, 2.5, std::numeric_limits<double>::quiet_NaN()})}});
  EXPECT_EQ(make(parsed("a/{n}"), batch, 0).topic, "a/3");
  EXPECT_EQ(make(parsed("a/{n}"), batch, 1).topic, "a/2.5");
  EXPECT_NE(make(parsed("a/{n}"), batch, 2).why, "");
}

TEST(RowTopic, AValueThatIsNoLevelIsRefused) {
  const auto batch = batch_of(
      {{{"line", kString}, strings({"", "a/b", "+", "x#", std::string("n\0l", 3), std::nullopt, "\xff", "fine"})}});
  const auto topic = parsed("plant/{line}/set");
  for (std::int64_t row = 0; row < 7; ++row) {
    EXPECT_NE(make(topic, batch, row).why, "") << row;
    EXPECT_NE(make(parsed("{line}"), batch, row).why, "") << row;
  }
  EXPECT_EQ(make(topic, batch, 7).topic, "plant/fine/set");
  EXPECT_NE(make(topic, batch, 1).why.find("'line'"), std::string::npos) << "it names the column";
}

TEST(RowTopic, TheRestMayBeSeveralLevelsOrNone) {
  const auto batch = batch_of({{{"rest", kString}, strings({"a/b", "", "a/#"})}});
  const auto topic = parsed("plant/{rest...}");
  EXPECT_EQ(make(topic, batch, 0).topic, "plant/a/b");
  EXPECT_EQ(make(topic, batch, 1).topic, "plant");
  EXPECT_NE(make(topic, batch, 2).why, "");
}

TEST(RowTopic, AColumnHoldsWholeTopics) {
  const auto batch = batch_of({{{"_topic", kString}, strings({"a/b", "a//b", "", "a/+", std::nullopt})}});
  const auto topic = RowTopic::from_column("_topic");
  EXPECT_EQ(make(topic, batch, 0).topic, "a/b");
  EXPECT_EQ(make(topic, batch, 1).topic, "a//b") << "valid, and it came so";
  for (std::int64_t row = 2; row < 5; ++row) EXPECT_NE(make(topic, batch, row).why, "") << row;
}

TEST(RowTopic, ATopicBeyond65535BytesIsRefused) {
  const auto batch = batch_of({{{"line", kString}, strings({std::string(65'535, 'x'), std::string(65'534, 'x')})}});
  EXPECT_NE(make(parsed("/{line}"), batch, 0).why, "");
  EXPECT_EQ(make(parsed("/{line}"), batch, 1).why, "");
}

TEST(RowTopic, WhatIsNoTopicIsNotParsed) {
  EXPECT_EQ(RowTopic::parse("").status().code(), ErrorCode::invalid_topic);
  EXPECT_EQ(RowTopic::parse("plant/+").status().code(), ErrorCode::invalid_topic);
  EXPECT_EQ(RowTopic::parse("{line}/+").status().code(), ErrorCode::invalid_topic_template);
  EXPECT_EQ(RowTopic::parse("{line}/#").status().code(), ErrorCode::invalid_topic_template);
  EXPECT_EQ(RowTopic::parse("x{line}").status().code(), ErrorCode::invalid_topic_template);
}

TEST(RowTopic, AColumnThatIsNotThereOrNoTextIsAnError) {
  const auto topic = parsed("{line}");
  const auto missing = topic.find_columns(*schema_of({{"other", kString}}));
  EXPECT_EQ(missing.status().code(), ErrorCode::invalid_argument);
  EXPECT_NE(missing.status().message().find("'line'"), std::string::npos);
  EXPECT_FALSE(topic.find_columns(*schema_of({{"line", kBinary}})).ok());
  EXPECT_FALSE(topic.find_columns(*schema_of({{"line", list_of(TypeId::int64)}})).ok());
}

}  // namespace
}  // namespace honeyframe
