#include "json_number.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

namespace honeyframe {
namespace {

JsonNumber parse(const std::string& text) {
  return parse_number(text);
}

TEST(JsonNumber, IntegersAreExactToTheEndsOfTheirTypes) {
  const std::pair<const char*, std::int64_t> signed_ones[] = {
      {"0", 0},
      {"-0", 0},
      {"7", 7},
      {"-1", -1},
      {"9007199254740993", 9007199254740993},
      {"999999999999999999", 999999999999999999},
      {"9223372036854775807", INT64_MAX},
      {"-9223372036854775808", INT64_MIN},
      {"-9223372036854775807", -INT64_MAX},
  };
  for (const auto& [text, value] : signed_ones) {
    EXPECT_EQ(parse(text).kind, NumberKind::int64) << text;
    EXPECT_EQ(parse(text).int64, value) << text;
  }
  const std::pair<const char*, std::uint64_t> unsigned_ones[] = {
      {"9223372036854775808", 1ULL << 63},
      {"9999999999999999999", 9999999999999999999ULL},
      {"10000000000000000000", 10000000000000000000ULL},
      {"18446744073709551615", UINT64_MAX},
  };
  for (const auto& [text, value] : unsigned_ones) {
    EXPECT_EQ(parse(text).kind, NumberKind::uint64) << text;
    EXPECT_EQ(parse(text).uint64, value) << text;
  }
  for (const char* const text : {"18446744073709551616", "-9223372036854775809", "99999999999999999999",
                                 "20000000000000000000", "123456789012345678901234567890"}) {
    EXPECT_EQ(parse(text).kind, NumberKind::big_integer) << text;
  }
}

TEST(JsonNumber, FractionsAreTheNearestDouble) {
  for (const char* const text :
       {"0.1", "-0.0", "1.5", "1e0", "1E+2", "1e-2", "123456789.123456789", "2.2250738585072014e-308", "4.9e-324",
        "1.7976931348623157e308", "0.30000000000000004", "9007199254740993.0", "1e22", "1e23",
        "3.14159265358979323846264338327950288", "0.000001", "1e-22", "7.038531e-26", "100000000000000000000000.5"}) {
    EXPECT_EQ(parse(text).kind, NumberKind::float64) << text;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(parse(text).float64),
              std::bit_cast<std::uint64_t>(std::strtod(text, nullptr)))
        << text;
  }
}

TEST(JsonNumber, AgreesWithTheStandardLibraryOnRandomOnes) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 200'000; ++i) {
    std::string text = std::to_string(static_cast<std::int64_t>(random()) >> (random() % 63));
    if (random() % 2 == 0) text += "." + std::to_string(random() >> (random() % 63));
    if (random() % 3 == 0 || text.find('.') == std::string::npos) {
      text += "e" + std::to_string(static_cast<int>(random() % 120) - 60);
    }
    ASSERT_EQ(parse(text).kind, NumberKind::float64) << text;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(parse(text).float64),
              std::bit_cast<std::uint64_t>(std::strtod(text.c_str(), nullptr)))
        << text;
  }
}

TEST(JsonNumber, TooLargeHasAKindAndTooSmallIsZero) {
  for (const char* const text : {"1e400", "-1e309", "1.8e308", "1e99999999999999999999", "0.1e1000"}) {
    EXPECT_EQ(parse(text).kind, NumberKind::out_of_range) << text;
  }
  EXPECT_EQ(parse(std::string(400, '9') + ".5").kind, NumberKind::out_of_range);
  for (const char* const text : {"1e-400", "1e-99999999999999999999", "0e999999999999"}) {
    EXPECT_EQ(parse(text).kind, NumberKind::float64) << text;
    EXPECT_EQ(parse(text).float64, 0.0) << text;
  }
  EXPECT_TRUE(std::signbit(parse("-1e-400").float64));
  const std::string tiny = "0." + std::string(1000, '0') + "1";
  EXPECT_EQ(parse(tiny).float64, 0.0);
  EXPECT_EQ(parse(tiny + "e1001").float64, 1.0);
  EXPECT_EQ(parse("1" + std::string(1000, '0') + "e-1000").float64, 1.0);
}

TEST(JsonNumber, AMegabyteOfDigitsIsRead) {
  EXPECT_EQ(parse(std::string(1'000'000, '7')).kind, NumberKind::big_integer);
  EXPECT_EQ(parse("0." + std::string(1'000'000, '3')).kind, NumberKind::float64);
}

TEST(JsonNumber, RefusesWhatJsonDoesNotKnow) {
  for (const char* const text :
       {"",     "-",   "+1",  "01",  "-01",      "00",        "1.", ".5", "-.5", "1e",  "1e+",   "1.e1", "1.5e",
        "0x10", "1_0", "1,0", "NaN", "Infinity", "-Infinity", "1 ", " 1", "1a",  "--1", "1.2.3", "１"}) {
    EXPECT_EQ(parse(text).kind, NumberKind::invalid) << text;
  }
}

TEST(JsonNumber, EndsWhereTheGrammarDoes) {
  const char* const text = "12.5,";
  EXPECT_EQ(read_number(text).end, text + 4);
  const char* const broken = "1.x";
  EXPECT_EQ(read_number(broken).kind, NumberKind::invalid);
  EXPECT_EQ(read_number(broken).end, broken + 2);
}

TEST(ExactDouble, HoldsAnIntegerOnlyAsItIs) {
  EXPECT_EQ(exact_double("18446744073709551616"), 18446744073709551616.0);
  EXPECT_EQ(exact_double("-100000000000000000000"), -1e20);
  EXPECT_EQ(exact_double("18446744073709551617"), std::nullopt);
  EXPECT_EQ(exact_double("123456789012345678901234567890"), std::nullopt);
  EXPECT_EQ(exact_double("1" + std::string(400, '0')), std::nullopt);
  EXPECT_EQ(exact_double("7"), 7.0);
}

}  // namespace
}  // namespace honeyframe
