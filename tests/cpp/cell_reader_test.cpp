#include "cell_reader.h"

#include <gtest/gtest.h>

#include <string>

namespace honeyframe {
namespace {

class CellReaderTest : public ::testing::Test {
 protected:
  bool read(const std::string& text, std::size_t depth_left = 64) {
    text_ = text;
    cells_.clear();
    cells_.payload = text_.data();
    reader_.begin(cells_);
    cell_ = Cell();
    return tokens_.load(text_, 0) && reader_.read(cell_, depth_left);
  }
  std::string text_;
  JsonTokens tokens_;
  PayloadCells cells_;
  CellReader reader_{tokens_, true, 64};
  Cell cell_;
};

TEST_F(CellReaderTest, ReadsScalarsWithTheirText) {
  const std::pair<const char*, CellKind> cases[] = {
      {"null", CellKind::null},
      {"true", CellKind::boolean},
      {"false", CellKind::boolean},
      {"-12", CellKind::int64},
      {"18446744073709551615", CellKind::uint64},
      {"1.5e3", CellKind::float64},
      {"99999999999999999999", CellKind::big_integer},
      {"1e999", CellKind::out_of_range},
      {"\"x\"", CellKind::string},
      {"\"\\n\"", CellKind::string},
  };
  for (const auto& [text, kind] : cases) {
    ASSERT_TRUE(read(text)) << text;
    EXPECT_EQ(cell_.kind, kind) << text;
    EXPECT_EQ(cells_.text(cell_), text);
    EXPECT_TRUE(tokens_.at_end());
  }
  ASSERT_TRUE(read("true"));
  EXPECT_TRUE(cell_.boolean);
  ASSERT_TRUE(read("-12"));
  EXPECT_EQ(cell_.int64, -12);
  ASSERT_TRUE(read("\"\\n\""));
  EXPECT_TRUE(cell_.escaped);
}

TEST_F(CellReaderTest, AListOfScalarsBecomesItems) {
  ASSERT_TRUE(read("[1, 2.5, null ,\"x\"]"));
  EXPECT_EQ(cell_.kind, CellKind::list);
  ASSERT_EQ(cell_.items.count, 4U);
  EXPECT_EQ(cells_.items[0].int64, 1);
  EXPECT_EQ(cells_.items[1].float64, 2.5);
  EXPECT_EQ(cell_.kinds, kind_bit(CellKind::int64) | kind_bit(CellKind::float64) | kind_bit(CellKind::null) |
                             kind_bit(CellKind::string));
  EXPECT_EQ(cells_.text(cell_), "[1, 2.5, null ,\"x\"]");
  ASSERT_TRUE(read("[ ]"));
  EXPECT_EQ(cell_.items.count, 0U);
}

TEST_F(CellReaderTest, WhatHoldsMoreIsKeptAsText) {
  for (const char* const text : {"[1,[2]]", "[{\"a\":1}, 2]", "{\"a\" : [1, {}]}", "{}", "[[]]"}) {
    ASSERT_TRUE(read(text)) << text;
    EXPECT_EQ(cell_.kind, CellKind::json);
    EXPECT_EQ(cells_.text(cell_), text);
    EXPECT_EQ(cells_.items.size(), 0U);
  }
}

TEST_F(CellReaderTest, RefusesWhatIsNoValue) {
  for (const char* const text : {"[1,]", "[1 2]", "[", "[1", "tru", "\"\\q\"", "01", "[1,[2,]]", "{\"a\"}"}) {
    EXPECT_FALSE(read(text)) << text;
  }
}

TEST_F(CellReaderTest, KeepsToTheDepthThatIsLeft) {
  EXPECT_TRUE(read("[1]", 1));
  EXPECT_FALSE(read("[1]", 0));
  EXPECT_STREQ(tokens_.error().reason, "too_deep");
  EXPECT_TRUE(read("[[1]]", 2));
  EXPECT_FALSE(read("[[1]]", 1));
  EXPECT_TRUE(read("1", 0));
}

}  // namespace
}  // namespace honeyframe
