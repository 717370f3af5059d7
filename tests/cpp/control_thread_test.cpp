#include "control_thread.h"

#include <gtest/gtest.h>

#include <future>
#include <vector>

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

template <typename Call>
void on_control_thread(Call call) {
  std::promise<void> done;
  ControlThread::instance().post([&] {
    call();
    done.set_value();
  });
  ASSERT_EQ(done.get_future().wait_for(10s), std::future_status::ready);
}

TEST(ControlThread, RunsTasksInOrderOnOneThread) {
  std::vector<int> order;
  for (int i = 0; i < 100; ++i) {
    ControlThread::instance().post([&order, i] {
      EXPECT_TRUE(ControlThread::instance().is_current());
      order.push_back(i);
    });
  }
  EXPECT_FALSE(ControlThread::instance().is_current());
  on_control_thread([] {});
  ASSERT_EQ(order.size(), 100u);
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
}

TEST(ControlThread, RunsTimersWhenTheyAreDueEarliestFirst) {
  std::vector<int> order;
  std::promise<void> done;
  const auto begin = ControlThread::Clock::now();
  auto& control = ControlThread::instance();
  static_cast<void>(control.run_after(60ms, [&] {
    order.push_back(2);
    done.set_value();
  }));
  static_cast<void>(control.run_after(20ms, [&] { order.push_back(1); }));
  ASSERT_EQ(done.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_GE(ControlThread::Clock::now() - begin, 60ms);
}

TEST(ControlThread, DoesNotRunACancelledTimer) {
  bool ran = false;
  auto& control = ControlThread::instance();
  auto id = control.run_after(20ms, [&] { ran = true; });
  control.cancel(id);
  EXPECT_EQ(id, ControlThread::TimerId::none);
  control.cancel(id);  // harmless
  std::promise<void> later;
  static_cast<void>(control.run_after(60ms, [&] { later.set_value(); }));
  ASSERT_EQ(later.get_future().wait_for(10s), std::future_status::ready);
  EXPECT_FALSE(ran);
}

TEST(ControlThread, ATaskMayPostAndCancel) {
  std::promise<void> done;
  auto& control = ControlThread::instance();
  control.post([&] {
    auto id = control.run_after(0ms, [] { FAIL() << "it was cancelled"; });
    control.cancel(id);
    control.post([&] { done.set_value(); });
  });
  EXPECT_EQ(done.get_future().wait_for(10s), std::future_status::ready);
}

}  // namespace
}  // namespace honeyframe
