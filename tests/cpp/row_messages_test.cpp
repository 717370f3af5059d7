#include "row_messages.h"

#include <gtest/gtest.h>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;

RecordBatchPtr telemetry() {
  return batch_of({{{"_topic", kString}, strings({"plant/a/telemetry"})},
                   {{"_recv_time", kTimestamp}, numbers<std::int64_t>({1})},
                   {{"line", kString}, strings({"a"})},
                   {{"_id", kInt64}, numbers<std::int64_t>({7})},
                   {{"loc.lat", kInt64}, numbers<std::int64_t>({1})},
                   {{"loc.lon", kInt64}, numbers<std::int64_t>({2})},
                   {{"_misfit", kString}, strings({"{}"})}});
}

// "topic payload", or why not.
std::string written(const RecordBatchPtr& batch, const RowOptions& options, const RowForm& form = {}) {
  auto topic = RowMessages::topic_of(options);
  if (!topic.ok()) return topic.status().message();
  const auto plan = RowMessages::plan(std::move(topic).value(), *batch->schema(), options, form);
  if (!plan.ok()) return plan.status().message();
  std::string name;
  std::string payload;
  const auto why = plan.value()->write(*batch, 0, name, payload);
  return why.empty() ? name + " " + payload : why;
}

TEST(RowMessages, WhatReadingAddedLeavesThePayload) {
  EXPECT_EQ(written(telemetry(), {.topic = "plant/{line}/set"}), R"(plant/a/set {"_id":7,"loc":{"lat":1,"lon":2}})");
  EXPECT_EQ(written(telemetry(), {.topic_column = "_topic"}),
            R"(plant/a/telemetry {"line":"a","_id":7,"loc":{"lat":1,"lon":2}})");
}

TEST(RowMessages, ColumnsChooseInTheirOrder) {
  const std::vector<std::string> wanted{"line", "loc", "line"};
  EXPECT_EQ(written(telemetry(), {.topic = "plant/{line}", .columns = wanted}),
            R"(plant/a {"line":"a","loc":{"lat":1,"lon":2}})");
  const std::vector<std::string> added{"_topic"};
  EXPECT_EQ(written(telemetry(), {.topic = "x", .columns = added}), R"(x {"_topic":"plant/a/telemetry"})");
  const std::vector<std::string> missing{"lo"};
  EXPECT_EQ(written(telemetry(), {.topic = "x", .columns = missing}), "there is no column 'lo' in these rows");
  EXPECT_EQ(written(telemetry(), {.topic = "x", .columns = std::vector<std::string>()}), "x {}");
}

TEST(RowMessages, APayloadAsItIs) {
  const auto batch = batch_of({{{"raw", kBinary}, strings({std::string("\x00\xff", 2)})},
                               {{"text", kString}, strings({"on"})},
                               {{"gone", kString}, strings({std::nullopt})},
                               {{"n", kInt64}, numbers<std::int64_t>({1})}});
  EXPECT_EQ(written(batch, {.topic = "x"}, {.payload_column = "raw"}), std::string("x \x00\xff", 4));
  EXPECT_EQ(written(batch, {.topic = "x"}, {.payload_column = "text"}), "x on");
  EXPECT_EQ(written(batch, {.topic = "x"}, {.payload_column = "gone"}), "column 'gone' is null");
  EXPECT_NE(written(batch, {.topic = "x"}, {.payload_column = "n"}).find("binary or string"), std::string::npos);
  EXPECT_EQ(written(batch, {.topic = "x"}, {.payload_column = "none"}), "there is no column 'none' in these rows");
}

TEST(RowMessages, TextThatIsNotUtf8IsRefused) {
  EXPECT_EQ(written(batch_of({{{"s", kString}, strings({"\xff"})}}), {.topic = "x"}), "a text of the row is not UTF-8");
}

TEST(RowMessages, OneTopicAndNotTwo) {
  EXPECT_EQ(RowMessages::topic_of({}).status().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(RowMessages::topic_of({.topic = "a", .topic_column = "b"}).status().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace honeyframe
