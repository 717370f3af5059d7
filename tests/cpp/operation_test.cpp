#include <gtest/gtest.h>

#include <thread>

#include "session.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

TEST(Operation, WaitsUntilItIsDone) {
  Operation operation;
  EXPECT_FALSE(operation.wait_for(1ms));
  std::thread other([&] { operation.complete(Status(ErrorCode::timeout, "late"), {1, 0x80}); });
  EXPECT_TRUE(operation.wait_for(10s));
  other.join();
  EXPECT_TRUE(operation.done());
  EXPECT_EQ(operation.status().code(), ErrorCode::timeout);
  EXPECT_EQ(operation.reason_codes(), (std::vector<int>{1, 0x80}));
}

TEST(Operation, KeepsItsFirstOutcome) {
  Operation operation;
  operation.complete({}, {2});
  operation.complete(Status(ErrorCode::closed, "too late"));
  EXPECT_TRUE(operation.status().ok());
  EXPECT_EQ(operation.reason_codes(), std::vector<int>{2});
}

}  // namespace
}  // namespace honeyframe
