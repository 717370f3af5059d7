#include "event_time.h"

#include <gtest/gtest.h>

#include <limits>

namespace honeyframe {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
constexpr auto kMin = std::numeric_limits<std::int64_t>::min();

std::optional<std::int64_t> text(std::string_view time) {
  return EventTime(TimeUnit::automatic, {}).read_text(time);
}
std::optional<std::int64_t> epoch(std::string_view number, TimeUnit unit = TimeUnit::automatic) {
  return EventTime(unit, {}).read_epoch(number);
}

TEST(EventTime, ReadsRfc3339) {
  constexpr std::int64_t kNoon = 1'718'280'000 * kSecond;  // 2024-06-13T12:00:00Z
  EXPECT_EQ(text("2024-06-13T12:00:00Z"), kNoon);
  EXPECT_EQ(text("2024-06-13t12:00:00z"), kNoon);
  EXPECT_EQ(text("2024-06-13 12:00:00Z"), kNoon);
  EXPECT_EQ(text(" 2024-06-13T12:00:00Z "), kNoon);
  EXPECT_EQ(text("2024-06-13T14:00:00+02:00"), kNoon);
  EXPECT_EQ(text("2024-06-13T14:00:00+0200"), kNoon);
  EXPECT_EQ(text("2024-06-13T14:00:00+02"), kNoon);
  EXPECT_EQ(text("2024-06-13T06:30:00-05:30"), kNoon);
  EXPECT_EQ(text("2024-06-13T12:00:00.5Z"), kNoon + kSecond / 2);
  EXPECT_EQ(text("2024-06-13T12:00:00.123456789Z"), kNoon + 123'456'789);
  EXPECT_EQ(text("2024-06-13T12:00:00.1234567899Z"), kNoon + 123'456'789);
  EXPECT_EQ(text("1969-12-31T23:59:59.75Z"), -kSecond / 4);
  EXPECT_EQ(text("2024-02-29T00:00:00Z"), 1'709'164'800 * kSecond);
}

TEST(EventTime, ALeapSecondIsTheNextSecond) {
  EXPECT_EQ(text("2016-12-31T23:59:60Z"), text("2017-01-01T00:00:00Z"));
  EXPECT_EQ(text("2016-12-31T23:59:60.5Z"), *text("2017-01-01T00:00:00Z") + kSecond / 2);
  EXPECT_EQ(text("2016-12-31T23:59:61Z"), std::nullopt);
}

TEST(EventTime, HoldsTheWholeRangeOfInt64) {
  EXPECT_EQ(text("2262-04-11T23:47:16.854775807Z"), kMax);
  EXPECT_EQ(text("2262-04-11T23:47:16.854775808Z"), std::nullopt);
  EXPECT_EQ(text("1677-09-21T00:12:43.145224192Z"), kMin);
  EXPECT_EQ(text("1677-09-21T00:12:43.145224191Z"), std::nullopt);
  EXPECT_EQ(text("9999-12-31T23:59:59Z"), std::nullopt);
  EXPECT_EQ(text("0000-01-01T00:00:00Z"), std::nullopt);
}

TEST(EventTime, RefusesWhatIsNoTime) {
  for (const char* const time : {"",
                                 "now",
                                 "2024-06-13",
                                 "2024-06-13T12:00Z",
                                 "2024-6-13T12:00:00Z",
                                 "2024-06-13T24:00:00Z",
                                 "2024-06-13T12:60:00Z",
                                 "2023-02-29T00:00:00Z",
                                 "2024-13-01T00:00:00Z",
                                 "2024-00-01T00:00:00Z",
                                 "2024-06-31T00:00:00Z",
                                 "2024-06-13T12:00:00.Z",
                                 "2024-06-13T12:00:00ZZ",
                                 "2024-06-13T12:00:00 Z",
                                 "2024-06-13T12:00:00+25:00",
                                 "2024-06-13T12:00:00+02:60",
                                 "2024-06-13T12:00:00+2",
                                 "2024-W24-4T12:00:00Z",
                                 "20240613T120000Z",
                                 "2024-06-13T12:00:00+02:000",
                                 "13.06.2024 12:00:00",
                                 "2024-06-13T12:00:00,5Z"}) {
    EXPECT_EQ(text(time), std::nullopt) << time;
  }
}

TEST(EventTime, ATimeWithoutAZoneNeedsOne) {
  EXPECT_EQ(text("2024-06-13T12:00:00"), std::nullopt);
  EventTime utc(TimeUnit::automatic, {{kMin / kSecond, 0}});
  EXPECT_EQ(utc.read_text("2024-06-13T12:00:00"), 1'718'280'000 * kSecond);
}

// Europe/Berlin in 2024: summer time from March 31st, 01:00 UTC, to October 27th, 01:00 UTC.
EventTime berlin() {
  return EventTime(TimeUnit::automatic, {{1'698'541'200, 3600}, {1'711'846'800, 7200}, {1'729'990'800, 3600}});
}

TEST(EventTime, UsesTheOffsetOfItsMoment) {
  EventTime zone = berlin();
  EXPECT_EQ(zone.read_text("2024-01-15T12:00:00"), text("2024-01-15T11:00:00Z"));
  EXPECT_EQ(zone.read_text("2024-06-13T14:00:00"), text("2024-06-13T12:00:00Z"));
  EXPECT_EQ(zone.read_text("2025-06-13T14:00:00"), text("2025-06-13T13:00:00Z"));  // after the table's end
  EXPECT_EQ(zone.read_text("1970-01-01T01:00:00"), 0);                             // before its beginning
  EXPECT_EQ(zone.read_text("2024-06-13T14:00:00Z"), text("2024-06-13T14:00:00Z"));
}

TEST(EventTime, AnHourThatComesTwiceIsTheFirst) {
  EventTime zone = berlin();
  EXPECT_EQ(zone.read_text("2024-10-27T01:59:59"), text("2024-10-26T23:59:59Z"));
  EXPECT_EQ(zone.read_text("2024-10-27T02:30:00"), text("2024-10-27T00:30:00Z"));
  EXPECT_EQ(zone.read_text("2024-10-27T03:00:00"), text("2024-10-27T02:00:00Z"));
}

TEST(EventTime, AnHourThatIsLeftOutIsItsEnd) {
  EventTime zone = berlin();
  EXPECT_EQ(zone.read_text("2024-03-31T01:59:59"), text("2024-03-31T00:59:59Z"));
  EXPECT_EQ(zone.read_text("2024-03-31T02:30:00"), text("2024-03-31T01:00:00Z"));
  EXPECT_EQ(zone.read_text("2024-03-31T03:00:00"), text("2024-03-31T01:00:00Z"));
}

TEST(EventTime, TakesTheUnitFromTheFirstEpoch) {
  const std::pair<const char*, TimeUnit> cases[] = {
      {"1718280000", TimeUnit::seconds},
      {"9223372036", TimeUnit::seconds},
      {"100000000000", TimeUnit::milliseconds},
      {"1718280000000", TimeUnit::milliseconds},
      {"100000000000000", TimeUnit::microseconds},
      {"1718280000000000", TimeUnit::microseconds},
      {"100000000000000000", TimeUnit::nanoseconds},
      {"1718280000000000000", TimeUnit::nanoseconds},
      {"100000000", TimeUnit::seconds},
      {"-100000000", TimeUnit::seconds},
  };
  for (const auto& [number, unit] : cases) {
    EventTime time(TimeUnit::automatic, {});
    (void)time.read_epoch(number);
    EXPECT_EQ(time.unit(), unit) << number;
  }
  EventTime time(TimeUnit::automatic, {});
  EXPECT_EQ(time.read_epoch("1718280000000"), 1'718'280'000 * kSecond);
  EXPECT_EQ(time.read_epoch("1718280000"), 1'718'280'000 * kSecond / 1000);  // the unit stays
  EXPECT_EQ(time.unit(), TimeUnit::milliseconds);
}

// A device whose clock starts at zero, or a sentinel, comes before the first real time.
TEST(EventTime, WhatTellsNoUnitDecidesNone) {
  EventTime time(TimeUnit::automatic, {});
  for (const char* const number : {"0", "-1", "12.5", "99999999", "1e300", "99999999999999999999"}) {
    (void)time.read_epoch(number);
    EXPECT_EQ(time.unit(), TimeUnit::automatic) << number;
  }
  EXPECT_EQ(time.read_epoch("0"), 0);
  EXPECT_EQ(time.read_epoch("12.5"), 12 * kSecond + kSecond / 2);
  EXPECT_EQ(time.read_epoch("1718280000000"), 1'718'280'000 * kSecond);
  EXPECT_EQ(time.unit(), TimeUnit::milliseconds);
  EXPECT_EQ(time.read_epoch("12500"), 12 * kSecond + kSecond / 2);
}

TEST(EventTime, KeepsDecimalFractions) {
  EXPECT_EQ(epoch("1718280000.123456789"), 1'718'280'000'123'456'789);
  EXPECT_EQ(epoch("1718280000.1"), 1'718'280'000'100'000'000);
  EXPECT_EQ(epoch("1718280000000.25"), 1'718'280'000'000'250'000);
  EXPECT_EQ(epoch("-0.5"), -kSecond / 2);
  EXPECT_EQ(epoch("1.71828e9"), 1'718'280'000 * kSecond);
  EXPECT_EQ(epoch("1718280000123456789.9", TimeUnit::nanoseconds), 1'718'280'000'123'456'789);
}

TEST(EventTime, ReadsNumbersInStrings) {
  EXPECT_EQ(text("1718280000"), 1'718'280'000 * kSecond);
  EXPECT_EQ(text("1718280000.5"), 1'718'280'000 * kSecond + kSecond / 2);
}

TEST(EventTime, RefusesEpochsBeyondItsRange) {
  EXPECT_EQ(epoch("9223372037", TimeUnit::seconds), std::nullopt);
  EXPECT_EQ(epoch("9223372036", TimeUnit::seconds), 9'223'372'036 * kSecond);
  EXPECT_EQ(epoch("9223372036854775808", TimeUnit::nanoseconds), std::nullopt);
  EXPECT_EQ(epoch("-9223372036854775808", TimeUnit::nanoseconds), kMin);
  EXPECT_EQ(epoch("123456789012345678901234567890"), std::nullopt);
  EXPECT_EQ(epoch("9.22e18", TimeUnit::nanoseconds), 9'220'000'000'000'000'000);
  EXPECT_EQ(epoch("-9223372036854775808e0", TimeUnit::nanoseconds), kMin);
  EXPECT_EQ(epoch("9223372036854775808e0", TimeUnit::nanoseconds), std::nullopt);
  EXPECT_EQ(epoch("1e300"), std::nullopt);
  EXPECT_EQ(epoch("1e400"), std::nullopt);
  EXPECT_EQ(epoch("x"), std::nullopt);
}

}  // namespace
}  // namespace honeyframe
