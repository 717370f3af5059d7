#include "number_ranges.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace honeyframe {
namespace {

TEST(NumberRanges, ListsWhatItWasGiven) {
  NumberRanges ranges;
  EXPECT_EQ(ranges.describe(), "");
  ranges.add(3, 4);
  ranges.add(7, 7);
  EXPECT_EQ(ranges.describe(), "3 to 4, 7");
}

TEST(NumberRanges, CountsWhatIsBeyondItsBound) {
  NumberRanges ranges;
  for (std::uint64_t i = 1; i <= NumberRanges::kMax; ++i) ranges.add(10 * i, 10 * i);
  EXPECT_EQ(ranges.describe(), "10, 20, 30, 40, 50, 60, 70, 80");
  ranges.add(90, 93);
  EXPECT_EQ(ranges.describe(), "10, 20, 30, 40, 50, 60, 70, 80, and 4 more");
  EXPECT_FALSE(ranges.take_back(91));
  EXPECT_TRUE(ranges.take_back_unlisted());
  EXPECT_EQ(ranges.describe(), "10, 20, 30, 40, 50, 60, 70, 80, and 3 more");
}

TEST(NumberRanges, TakesBackFromBothEndsAndTheMiddle) {
  NumberRanges ranges;
  ranges.add(1, 5);
  EXPECT_TRUE(ranges.take_back(1));
  EXPECT_TRUE(ranges.take_back(5));
  EXPECT_TRUE(ranges.take_back(3));
  EXPECT_EQ(ranges.describe(), "2, 4");
  EXPECT_FALSE(ranges.take_back(3));
  EXPECT_TRUE(ranges.take_back(2));
  EXPECT_TRUE(ranges.take_back(4));
  EXPECT_EQ(ranges.describe(), "");
  EXPECT_FALSE(ranges.take_back_unlisted());
}

// A range that is cut in two where there is no place for both.
TEST(NumberRanges, LosesNoNumberWhereItIsFull) {
  NumberRanges ranges;
  std::set<std::uint64_t> left;
  for (std::uint64_t i = 0; i < NumberRanges::kMax; ++i) {
    ranges.add(10 * i, 10 * i + 4);
    for (std::uint64_t number = 10 * i; number < 10 * i + 5; ++number) left.insert(number);
  }
  EXPECT_TRUE(ranges.take_back(72));
  EXPECT_EQ(ranges.describe(),
            "0 to 4, 10 to 14, 20 to 24, 30 to 34, 40 to 44, 50 to 54, 60 to 64, 70 to 71, and 2 more");
  left.erase(72);
  for (const std::uint64_t number : left) EXPECT_TRUE(ranges.take_back(number) || ranges.take_back_unlisted());
  EXPECT_EQ(ranges.describe(), "");
}

TEST(NumberRanges, GoesToTheLastNumberThereIs) {
  constexpr auto kLast = std::numeric_limits<std::uint64_t>::max();
  NumberRanges ranges;
  ranges.add(kLast - 2, kLast);
  EXPECT_TRUE(ranges.take_back(kLast - 1));
  EXPECT_TRUE(ranges.take_back(kLast));
  EXPECT_EQ(ranges.describe(), std::to_string(kLast - 2));
}

}  // namespace
}  // namespace honeyframe
