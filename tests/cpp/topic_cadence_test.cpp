#include "topic_cadence.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace honeyframe {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

TEST(TopicCadence, LearnsTheMeanAndTheLongestGap) {
  TopicCadence cadence;
  EXPECT_EQ(cadence.mean_seconds(), 0.0);
  for (const std::int64_t second : {0, 10, 20, 32}) cadence.note(second * kSecond);
  EXPECT_EQ(cadence.messages(), 4U);
  EXPECT_DOUBLE_EQ(cadence.mean_seconds(), 32.0 / 3);
  EXPECT_DOUBLE_EQ(cadence.longest_seconds(), 12.0);
}

TEST(TopicCadence, SaysNothingBeforeItKnowsThreeGaps) {
  TopicCadence cadence;
  for (std::int64_t second = 0; second < 3; ++second) {
    cadence.note(second * kSecond);
    EXPECT_FALSE(cadence.is_known());
    EXPECT_FALSE(cadence.is_silent(1'000 * kSecond));
  }
  cadence.note(3 * kSecond);
  EXPECT_TRUE(cadence.is_known());
  EXPECT_TRUE(cadence.is_silent(1'000 * kSecond));
}

TEST(TopicCadence, IsSilentAfterTwiceTheLongestGapOnceManyAreKnown) {
  TopicCadence cadence;
  for (std::int64_t second = 0; second <= 400; second += 4) cadence.note(second * kSecond);
  EXPECT_FALSE(cadence.is_silent(408 * kSecond));
  EXPECT_TRUE(cadence.is_silent(409 * kSecond));
}

TEST(TopicCadence, WaitsLongerWhileFewGapsAreKnown) {
  TopicCadence cadence;
  for (std::int64_t second = 0; second <= 12; second += 4) cadence.note(second * kSecond);  // three gaps: 3 1/3 times
  EXPECT_FALSE(cadence.is_silent(25 * kSecond));
  EXPECT_TRUE(cadence.is_silent(26 * kSecond));
}

TEST(TopicCadence, ABurstsOwnGapsDoNotMakeItImpatient) {
  TopicCadence cadence;
  for (std::int64_t burst = 0; burst < 10; ++burst) {
    for (std::int64_t message = 0; message < 1'000; ++message) {
      cadence.note(burst * 60 * kSecond + message * kSecond / 1'000);
    }
  }
  EXPECT_NEAR(cadence.longest_seconds(), 59.0, 1.0);
  EXPECT_FALSE(cadence.is_silent(9 * 60 * kSecond + 90 * kSecond));
  EXPECT_TRUE(cadence.is_silent(9 * 60 * kSecond + 130 * kSecond));
}

TEST(TopicCadence, ForgetsOneLongGapInTime) {
  TopicCadence cadence;
  cadence.note(0);
  std::int64_t now = 600 * kSecond;
  cadence.note(now);
  EXPECT_DOUBLE_EQ(cadence.longest_seconds(), 600.0);
  for (int i = 0; i < 2'000; ++i) cadence.note(now += 10 * kSecond);
  EXPECT_DOUBLE_EQ(cadence.longest_seconds(), 10.0);
}

TEST(TopicCadence, WhatWasReadInOneGoIsNotSilentAtOnce) {
  TopicCadence cadence;
  for (int i = 0; i < 5; ++i) cadence.note(kSecond);
  EXPECT_FALSE(cadence.is_silent(kSecond + kSecond / 4));
  EXPECT_TRUE(cadence.is_silent(2 * kSecond));
}

TEST(TopicCadence, AClockThatIsSetBackDoesNoHarm) {
  TopicCadence cadence;
  for (const std::int64_t second : {100, 50, 110, 120}) cadence.note(second * kSecond);
  EXPECT_DOUBLE_EQ(cadence.longest_seconds(), 10.0);
  EXPECT_FALSE(cadence.is_silent(60 * kSecond));
}

}  // namespace
}  // namespace honeyframe
