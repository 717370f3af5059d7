#include "topic_batches.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <string>

#include "blocks_for_tests.h"

namespace honeyframe {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

std::size_t place(const RecordBatch& batch, std::string_view name) {
  const int at = batch.schema()->index_of(name);
  EXPECT_GE(at, 0) << name;
  return static_cast<std::size_t>(at);
}
const Column& column(const RecordBatch& batch, std::string_view name) {
  return batch.columns()[place(batch, name)];
}
std::int64_t number(const RecordBatch& batch, std::string_view name, std::size_t row) {
  std::int64_t value = 0;
  std::memcpy(&value, column(batch, name).data->data() + row * sizeof value, sizeof value);
  return value;
}
bool bit(const BufferPtr& bits, std::size_t row) {
  return ((*bits)[row / 8] >> (row % 8) & 1) != 0;
}
bool is_null(const RecordBatch& batch, std::string_view name, std::size_t row) {
  const Column& found = column(batch, name);
  return found.validity != nullptr && !bit(found.validity, row);
}
std::string text(const RecordBatch& batch, std::string_view name, std::size_t row) {
  const Column& found = column(batch, name);
  std::int32_t ends[2];
  std::memcpy(ends, found.offsets->data() + row * sizeof(std::int32_t), sizeof ends);
  return {reinterpret_cast<const char*>(found.data->data()) + ends[0], static_cast<std::size_t>(ends[1] - ends[0])};
}

TEST(TopicBatches, HasARowATopicInTheOrderOfATree) {
  TopicTable table({});
  BlockForTests block;
  block.add("b", "on", {kSecond, 1}).add("a/x", "{}", {2 * kSecond, 0, true});
  for (std::int64_t i = 3; i < 8; ++i) block.add("a", "21.5", {i * kSecond, 2});
  table.add(*block, 0, block.size());

  const auto batches = topic_batches(table, 100 * kSecond);
  ASSERT_EQ(batches.size(), 1U);
  const RecordBatch& batch = *batches[0];
  ASSERT_EQ(batch.rows(), 3);
  EXPECT_EQ(text(batch, "topic", 0), "a");
  EXPECT_EQ(text(batch, "topic", 1), "a/x");
  EXPECT_EQ(text(batch, "topic", 2), "b");
  EXPECT_EQ(number(batch, "messages", 0), 5);
  EXPECT_EQ(number(batch, "live", 0), 5);
  EXPECT_EQ(number(batch, "live", 1), 0);
  EXPECT_EQ(number(batch, "bytes", 0), 20);
  EXPECT_EQ(number(batch, "last_size", 0), 4);
  EXPECT_EQ(number(batch, "max_qos", 0), 2);
  EXPECT_EQ(number(batch, "first_seen", 0), 3 * kSecond);
  EXPECT_EQ(number(batch, "last_seen", 0), 7 * kSecond);
  EXPECT_EQ(text(batch, "last_payload", 2), "on");
  EXPECT_FALSE(bit(column(batch, "retained").data, 0));
  EXPECT_TRUE(bit(column(batch, "retained").data, 1));
  EXPECT_TRUE(bit(column(batch, "json").data, 0));
  EXPECT_FALSE(bit(column(batch, "json").data, 2));
  EXPECT_FALSE(is_null(batch, "cadence", 0));
  EXPECT_TRUE(is_null(batch, "cadence", 1));
  EXPECT_TRUE(bit(column(batch, "silent").data, 0));
  EXPECT_TRUE(is_null(batch, "silent", 2));
}

TEST(TopicBatches, OfNothingIsOneWithoutRows) {
  const auto batches = topic_batches(TopicTable({}), 0);
  ASSERT_EQ(batches.size(), 1U);
  EXPECT_EQ(batches[0]->rows(), 0);
  EXPECT_EQ(*batches[0]->schema(), *topic_schema());
}

TEST(TopicBatches, AreOfSoManyRowsAtMost) {
  TopicTable table({});
  BlockForTests block;
  for (int i = 0; i < 25; ++i) block.add("t/" + std::to_string(100 + i), "1");
  table.add(*block, 0, block.size());
  const auto batches = topic_batches(table, 0, 10);
  ASSERT_EQ(batches.size(), 3U);
  EXPECT_EQ(batches[2]->rows(), 5);
  EXPECT_EQ(text(*batches[2], "topic", 0), "t/120");
}

TEST(TopicBatches, SpellsBytesThatAreNoText) {
  EXPECT_EQ(readable("plain \xC3\xA9"), "plain \xC3\xA9");
  EXPECT_EQ(readable("\xFFok\xC3"), "\\xffok\\xc3");
  EXPECT_EQ(readable(""), "");
}

}  // namespace
}  // namespace honeyframe
