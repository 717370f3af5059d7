#include "blocking_work.h"

#include <gtest/gtest.h>

#include <future>

#include "control_thread.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

TEST(BlockingWork, ReportsToTheControlThread) {
  std::promise<Status> result;
  run_blocking(
      [] {
        EXPECT_FALSE(ControlThread::instance().is_current());
        return Status(ErrorCode::timeout, "as always");
      },
      [&](Status status) {
        EXPECT_TRUE(ControlThread::instance().is_current());
        result.set_value(std::move(status));
      });
  auto future = result.get_future();
  ASSERT_EQ(future.wait_for(10s), std::future_status::ready);
  EXPECT_EQ(future.get().code(), ErrorCode::timeout);
}

TEST(BlockingWork, DoesNotHoldUpOtherWork) {
  std::promise<void> open;
  std::promise<void> second;
  const auto gate = open.get_future().share();
  std::promise<void> first;
  run_blocking(
      [gate] {
        gate.wait();
        return Status();
      },
      [&](const Status&) { first.set_value(); });
  run_blocking([] { return Status(); }, [&](const Status&) { second.set_value(); });
  EXPECT_EQ(second.get_future().wait_for(10s), std::future_status::ready);
  open.set_value();
  EXPECT_EQ(first.get_future().wait_for(10s), std::future_status::ready);
}

TEST(BlockingWork, ResolvesNamesAndLiterals) {
  EXPECT_TRUE(resolve_host("localhost", 1883).ok());
  EXPECT_TRUE(resolve_host("127.0.0.1", 1883).ok());
  EXPECT_TRUE(resolve_host("::1", 1883).ok());
  const auto status = resolve_host("no-such-host.invalid", 1883);
  EXPECT_EQ(status.code(), ErrorCode::dns_failed);
  EXPECT_NE(status.message().find("no-such-host.invalid"), std::string::npos);
}

}  // namespace
}  // namespace honeyframe
