#include "exact_number.h"

#include <gtest/gtest.h>

namespace honeyframe {
namespace {

constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kUnsignedMax = std::numeric_limits<std::uint64_t>::max();
constexpr std::int64_t kTwoTo53 = std::int64_t{1} << 53;

TEST(Exactly, TakesIntegersIntoADoubleOnlyWhereItHoldsThem) {
  EXPECT_EQ(exactly<double>(kTwoTo53), 9007199254740992.0);
  EXPECT_EQ(exactly<double>(kTwoTo53 + 1), std::nullopt);
  EXPECT_EQ(exactly<double>(kTwoTo53 + 2), 9007199254740994.0);
  EXPECT_EQ(exactly<double>(kMin), -0x1p63);
  EXPECT_EQ(exactly<double>(kMax), std::nullopt);
  EXPECT_EQ(exactly<double>(kUnsignedMax), std::nullopt);
  EXPECT_EQ(exactly<double>(std::uint64_t{1} << 63), 0x1p63);
}

TEST(Exactly, TakesADoubleIntoAnIntegerOnlyWhereItIsOne) {
  EXPECT_EQ(exactly<std::int64_t>(-3.0), -3);
  EXPECT_EQ(exactly<std::int64_t>(0.5), std::nullopt);
  EXPECT_EQ(exactly<std::int64_t>(0x1p63), std::nullopt);
  EXPECT_EQ(exactly<std::int64_t>(-0x1p63), kMin);
  EXPECT_EQ(exactly<std::uint64_t>(-1.0), std::nullopt);
  EXPECT_EQ(exactly<std::uint64_t>(0x1p64), std::nullopt);
  EXPECT_EQ(exactly<std::uint64_t>(0x1p63), std::uint64_t{1} << 63);
  EXPECT_EQ(exactly<std::int64_t>(std::numeric_limits<double>::quiet_NaN()), std::nullopt);
  EXPECT_EQ(exactly<std::int64_t>(std::numeric_limits<double>::infinity()), std::nullopt);
}

TEST(Exactly, TakesIntegersOfOneSignednessIntoTheOther) {
  EXPECT_EQ(exactly<std::uint64_t>(std::int64_t{-1}), std::nullopt);
  EXPECT_EQ(exactly<std::uint64_t>(kMax), static_cast<std::uint64_t>(kMax));
  EXPECT_EQ(exactly<std::int64_t>(static_cast<std::uint64_t>(kMax) + 1), std::nullopt);
}

TEST(NumberFromText, ReadsWhatIsExactlyAJsonNumber) {
  EXPECT_EQ(number_from_text<double>("21.5"), 21.5);
  EXPECT_EQ(number_from_text<double>("-1e3"), -1000.0);
  EXPECT_EQ(number_from_text<double>("7"), 7.0);
  EXPECT_EQ(number_from_text<double>("100000000000000000000"), 1e20);
  EXPECT_EQ(number_from_text<std::int64_t>("-9223372036854775808"), kMin);
  EXPECT_EQ(number_from_text<std::uint64_t>("18446744073709551615"), kUnsignedMax);
  EXPECT_EQ(number_from_text<std::int64_t>("2.0"), 2);
}

TEST(NumberFromText, RefusesWhatWouldLoseSomething) {
  EXPECT_EQ(number_from_text<double>("9007199254740993"), std::nullopt);
  EXPECT_EQ(number_from_text<double>("100000000000000000001"), std::nullopt);
  EXPECT_EQ(number_from_text<double>("1e400"), std::nullopt);
  EXPECT_EQ(number_from_text<std::int64_t>("9223372036854775808"), std::nullopt);
  EXPECT_EQ(number_from_text<std::uint64_t>("-1"), std::nullopt);
  EXPECT_EQ(number_from_text<std::int64_t>("2.5"), std::nullopt);
}

TEST(NumberFromText, RefusesWhatIsNoJsonNumber) {
  for (const char* text : {"",   "-",    "+1",  "01",  "-01", ".5",  "1.",    "1.e5", "1e", "1e+",  " 1",
                           "1 ", "0x10", "NaN", "inf", "nan", "1,5", "1_000", "--1",  "1-", "1.5.2"}) {
    EXPECT_EQ(number_from_text<double>(text), std::nullopt) << text;
    EXPECT_EQ(number_from_text<std::int64_t>(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace honeyframe
