#include "event_log.h"

#include <gtest/gtest.h>

#include <thread>

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

TEST(EventLog, KeepsTheNewestAndCountsWhatWent) {
  EventLog log;
  for (std::size_t i = 0; i < EventLog::kMaxEvents + 3; ++i)
    log.add(SessionEvent::Kind::retrying, {}, std::to_string(i));
  const auto events = log.take();
  ASSERT_EQ(events.size(), EventLog::kMaxEvents);
  EXPECT_EQ(events.front().detail, "3");
  EXPECT_EQ(log.lost(), 3u);
  EXPECT_TRUE(log.take().empty());
  EXPECT_GT(events.back().time_ns, 1'600'000'000'000'000'000);
}

TEST(EventLog, WakesWhoWaits) {
  EventLog log;
  EXPECT_FALSE(log.wait(1ms));
  std::thread other([&] { log.add(SessionEvent::Kind::gap, {}, ""); });
  EXPECT_TRUE(log.wait(10s));
  other.join();
  static_cast<void>(log.take());
  std::thread closer([&] { log.close(); });
  EXPECT_FALSE(log.wait(10s));
  closer.join();
}

}  // namespace
}  // namespace honeyframe
