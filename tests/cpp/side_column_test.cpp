#include "side_column.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cell_json.h"

namespace honeyframe {
namespace {

std::vector<std::string> rows_of(const Column& column) {
  std::vector<std::string> rows;
  for (std::int64_t row = 0; row < column.length; ++row) {
    rows.emplace_back(is_valid(column, row) ? bytes_at(column, row) : "-");
  }
  return rows;
}

using Rows = std::vector<std::string>;

TEST(SideColumn, HoldsAnObjectForEachRowThatNeedsOne) {
  SideColumn side;
  side.add(1, "temp", "\"N/A\"");
  side.add(3, "a\"b", "[1,2]");
  side.add(3, "temp", "1e400");
  EXPECT_EQ(rows_of(side.finish(5)), (Rows{"-", R"({"temp":"N/A"})", "-", R"({"temp":1e400,"a\"b":[1,2]})", "-"}));
  EXPECT_TRUE(side.empty());
  EXPECT_EQ(rows_of(side.finish(2)), (Rows{"-", "-"}));
}

TEST(SideColumn, TakesRowsInAnyOrder) {
  SideColumn side;
  side.add(2, "a", "1");
  side.add(0, "b", "2");
  side.add(2, "b", "3");
  EXPECT_EQ(rows_of(side.finish(3)), (Rows{R"({"b":2})", "-", R"({"a":1,"b":3})"}));
}

TEST(SideColumn, GathersSeveralValuesOfOneName) {
  SideColumn side;
  side.add(0, "a", "1");
  side.add(0, "b", "true");
  side.add(0, "a", "\"x\"");
  side.add(0, "a", "null");
  EXPECT_EQ(rows_of(side.finish(1)), (Rows{R"({"a":[1,"x",null],"b":true})"}));
}

TEST(SideColumn, TakesBackAndCountsBytes) {
  SideColumn side;
  side.add(0, "a", "1");
  const std::size_t bytes = side.bytes();
  const std::size_t size = side.size();
  side.add(1, "b", "22222");
  EXPECT_GT(side.bytes(), bytes);
  side.truncate(size);
  EXPECT_EQ(side.bytes(), bytes);
  EXPECT_EQ(rows_of(side.finish(2)), (Rows{R"({"a":1})", "-"}));
  for (int i = 0; i < 100; ++i) side.add(i, "name" + std::to_string(i), "[1]");
  const std::size_t bound = side.bytes();
  const Column column = side.finish(100);
  EXPECT_LE(column.data->size(), bound);
}

}  // namespace
}  // namespace honeyframe
