#include "payload_cells.h"

#include <gtest/gtest.h>

namespace honeyframe {
namespace {

TEST(CellList, GrowsAndForgets) {
  CellList cells;
  for (std::uint32_t i = 0; i < 1'000; ++i) cells.add().begin = i;
  EXPECT_EQ(cells.size(), 1'000U);
  EXPECT_EQ(cells[999].begin, 999U);
  cells.clear();
  EXPECT_EQ(cells.size(), 0U);
  EXPECT_EQ(cells.add().begin, 0U);  // at its defaults, not as it was
  EXPECT_EQ(cells[0].node, kNoNode);
}

TEST(PayloadCells, GivesTexts) {
  PayloadCells cells;
  cells.payload = R"({"a":"xyz"})";
  Cell cell;
  cell.begin = 5;
  cell.size = 5;
  EXPECT_EQ(cells.text(cell), "\"xyz\"");
  EXPECT_EQ(cells.raw_string(cell), "xyz");
}

TEST(PayloadCells, KindsHaveWordsAndBits) {
  EXPECT_EQ(describe(CellKind::string), "a string");
  EXPECT_EQ(describe(CellKind::big_integer), "an integer outside 64 bits");
  EXPECT_NE(kind_bit(CellKind::int64), kind_bit(CellKind::uint64));
}

}  // namespace
}  // namespace honeyframe
