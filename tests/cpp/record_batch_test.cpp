#include "record_batch.h"

#include <gtest/gtest.h>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;

TEST(Schema, FindsAFieldByItsName) {
  const Schema schema{{{"a", kInt64}, {"b.c", kString}}};
  EXPECT_EQ(schema.index_of("b.c"), 1);
  EXPECT_EQ(schema.index_of("b"), -1);
  EXPECT_EQ(Schema{}.index_of(""), -1);
}

TEST(Schema, IsEqualOnlyWithTheSameNamesTypesAndOrder) {
  const Schema schema{{{"a", kInt64}, {"b", list_of(TypeId::int64)}}};
  EXPECT_EQ(schema, (Schema{{{"a", kInt64}, {"b", list_of(TypeId::int64)}}}));
  EXPECT_NE(schema, (Schema{{{"b", list_of(TypeId::int64)}, {"a", kInt64}}}));
  EXPECT_NE(schema, (Schema{{{"a", kInt64}, {"b", list_of(TypeId::float64)}}}));
}

TEST(RecordBatch, CountsTheBytesOfEveryBuffer) {
  // 3 int64; 3 offsets + 1 and "xyz" and a validity byte; 2 lists: 3 offsets, 4 doubles.
  EXPECT_EQ(batch_of({{{"n", kInt64}, numbers<std::int64_t>({1, 2, 3})}})->bytes(), 24u);
  EXPECT_EQ(batch_of({{{"s", kString}, strings({"x", std::nullopt, "yz"})}})->bytes(), 16u + 3u + 1u);
  EXPECT_EQ(batch_of({{{"l", list_of(TypeId::float64)}, lists({1, 3}, numbers<double>({1, 2, 3, 4}))}})->bytes(),
            12u + 32u);
  EXPECT_EQ(batch_of({{{"nothing", kNull}, nulls(5)}})->bytes(), 0u);
}

TEST(RecordBatch, KnowsTheMessagesBehindItsRows) {
  const auto batch = batch_of({{{"n", kInt64}, numbers<std::int64_t>({1, 2})}}, 7);
  EXPECT_EQ(batch->rows(), 2);
  EXPECT_EQ(batch->messages(), 7u);
}

}  // namespace
}  // namespace honeyframe
