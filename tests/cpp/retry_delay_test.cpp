#include "retry_delay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

TEST(RetryDelay, DoublesItsBoundUpToTheLongestOnceARestartWouldBeOver) {
  RetryDelay delay(500ms, 30s);
  std::chrono::milliseconds bound = 500ms;
  std::chrono::milliseconds waited{};
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(delay.bound(), bound);
    const auto next = delay.next();
    EXPECT_GE(next, 0ms);
    EXPECT_LE(next, bound);
    waited += next;
    bound = std::min<std::chrono::milliseconds>(bound * 2, waited < RetryDelay::kRestart ? RetryDelay::kSoon : 30s);
  }
  EXPECT_EQ(delay.bound(), 30s);
  delay.reset();
  EXPECT_EQ(delay.bound(), 500ms);
  for (const auto most : {500ms, 1'000ms, 2'000ms}) EXPECT_LE(delay.next(), most);
  EXPECT_EQ(delay.bound(), RetryDelay::kSoon);
}

TEST(RetryDelay, KeepsWhatItsOwnerChose) {
  RetryDelay slow(5s, 60s);
  EXPECT_LE(slow.next(), 5s);
  EXPECT_GE(slow.bound(), 5s);
  RetryDelay quick(10ms, 100ms);
  for (int i = 0; i < 10; ++i) EXPECT_LE(quick.next(), 100ms);
  EXPECT_EQ(quick.bound(), 100ms);
}

TEST(RetryDelay, IsRandomOverTheWholeRange) {
  std::set<std::chrono::milliseconds> seen;
  bool low = false;
  bool high = false;
  for (int i = 0; i < 200; ++i) {
    RetryDelay delay(1'000ms, 1'000ms);
    const auto next = delay.next();
    seen.insert(next);
    low |= next < 250ms;
    high |= next > 750ms;
  }
  EXPECT_TRUE(low && high);
  EXPECT_GT(seen.size(), 50u);
}

}  // namespace
}  // namespace honeyframe
