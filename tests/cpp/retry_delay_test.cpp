#include "retry_delay.h"

#include <gtest/gtest.h>

#include <set>

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

TEST(RetryDelay, DoublesItsBoundUpToTheLongest) {
  RetryDelay delay(500ms, 30s);
  for (const auto bound : {500ms, 1'000ms, 2'000ms, 4'000ms, 8'000ms, 16'000ms, 30'000ms, 30'000ms}) {
    EXPECT_EQ(delay.bound(), bound);
    const auto next = delay.next();
    EXPECT_GE(next, 0ms);
    EXPECT_LE(next, bound);
  }
  delay.reset();
  EXPECT_EQ(delay.bound(), 500ms);
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
