#include "batch_gather.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using testing::batch_of;
using testing::cells;

using Cells = std::vector<std::string>;

RecordBatchPtr every_type() {
  using namespace testing;
  return batch_of({
      {{"null", kNull}, nulls(4)},
      {{"bool", kBool}, booleans({true, std::nullopt, false, true})},
      {{"int", kInt64}, numbers<std::int64_t>({1, 2, std::nullopt, -4})},
      {{"float", kFloat64}, numbers<double>({0.5, std::nullopt, 1.5, 2.5})},
      {{"text", kString}, strings({"a", "", std::nullopt, "déf"})},
      {{"list", list_of(TypeId::int64)}, lists({2, std::nullopt, 0, 1}, numbers<std::int64_t>({1, std::nullopt, 3}))},
  });
}

RecordBatchPtr gathered(const std::vector<RowRange>& ranges, std::uint64_t messages = 7) {
  auto result = gather(ranges, messages, 70);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return std::move(result).value();
}

TEST(BatchGather, AWholeBatchIsItself) {
  auto batch = batch_of({{{"n", testing::kInt64}, testing::numbers<std::int64_t>({1, 2})}}, 2);
  const auto same = gather({{batch, 0, 2}}, 2, 0);
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(same.value(), batch);
}

TEST(BatchGather, ASliceOfEveryType) {
  const auto slice = gathered({{every_type(), 1, 4}});
  EXPECT_EQ(slice->rows(), 3);
  EXPECT_EQ(slice->messages(), 7U);
  EXPECT_EQ(slice->payload_bytes(), 70U);
  EXPECT_EQ(cells(*slice, "null"), (Cells{"null", "null", "null"}));
  EXPECT_EQ(cells(*slice, "bool"), (Cells{"null", "false", "true"}));
  EXPECT_EQ(cells(*slice, "int"), (Cells{"2", "null", "-4"}));
  EXPECT_EQ(cells(*slice, "float"), (Cells{"null", "1.5", "2.5"}));
  EXPECT_EQ(cells(*slice, "text"), (Cells{"\"\"", "null", "\"déf\""}));
  EXPECT_EQ(cells(*slice, "list"), (Cells{"null", "[]", "[3]"}));
  EXPECT_EQ(slice->columns()[2].null_count, 1);
}

TEST(BatchGather, RangesFollowEachOther) {
  const auto batch = every_type();
  const auto merged = gathered({{batch, 3, 4}, {batch, 1, 1}, {batch, 0, 2}});
  EXPECT_EQ(merged->rows(), 3);
  EXPECT_EQ(cells(*merged, "bool"), (Cells{"true", "true", "null"}));
  EXPECT_EQ(cells(*merged, "int"), (Cells{"-4", "1", "2"}));
  EXPECT_EQ(cells(*merged, "text"), (Cells{"\"déf\"", "\"a\"", "\"\""}));
  EXPECT_EQ(cells(*merged, "list"), (Cells{"[3]", "[1,null]", "null"}));
}

TEST(BatchGather, WithoutNullsThereIsNoBitmap) {
  const auto slice = gathered({{every_type(), 0, 1}});
  EXPECT_EQ(slice->columns()[2].validity, nullptr);
  EXPECT_EQ(slice->columns()[2].null_count, 0);
}

TEST(BatchGather, NoRowsKeepTheColumns) {
  const auto none = gathered({{every_type(), 2, 2}});
  EXPECT_EQ(none->rows(), 0);
  EXPECT_EQ(none->schema()->fields.size(), 6U);
  EXPECT_EQ(cells(*none, "text"), Cells{});
  ASSERT_NE(none->columns()[4].offsets, nullptr);
  EXPECT_EQ(none->columns()[4].offsets->size(), 4U);  // Arrow: one offset even for none
}

TEST(BatchGather, SchemasAreUnified) {
  using namespace testing;
  const auto early = batch_of({{{"n", kInt64}, numbers<std::int64_t>({1, 2})}});
  const auto late = batch_of({{{"n", kFloat64}, numbers<double>({0.5})}, {{"s", kString}, strings({"x"})}});
  const auto merged = gathered({{early, 1, 2}, {late, 0, 1}});
  EXPECT_EQ(merged->schema()->fields[0].type, kFloat64);
  EXPECT_EQ(cells(*merged, "s"), (Cells{"null", "\"x\""}));
  EXPECT_EQ(merged->rows(), 2);
}

TEST(BatchGather, MoreTextThanAColumnHoldsIsRefused) {
  Column huge;  // says that it holds 2 GiB - 1; the bytes are never looked at
  huge.length = 1;
  huge.offsets = testing::buffer_of(std::vector<std::int32_t>{0, std::numeric_limits<std::int32_t>::max()});
  huge.data = std::make_shared<const Buffer>();
  const auto batch = batch_of({{{"text", testing::kString}, huge}});
  const auto result = gather({{batch, 0, 1}, {batch, 0, 1}}, 0, 0);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), ErrorCode::invalid_argument);
  EXPECT_NE(result.status().message().find("column 'text'"), std::string::npos);
}

}  // namespace
}  // namespace honeyframe
