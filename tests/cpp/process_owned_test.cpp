#include "process_owned.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace honeyframe {
namespace {

struct Counted {
  explicit Counted(int& destroyed) : destroyed_(destroyed) {}
  ~Counted() { ++destroyed_; }
  int& destroyed_;
};

TEST(ProcessOwned, IsDestroyedOnceByItsOwner) {
  int destroyed = 0;
  {
    const ProcessOwned<Counted> counted(destroyed);
    EXPECT_FALSE(counted.in_forked_child());
  }
  EXPECT_EQ(destroyed, 1);
}

TEST(ProcessOwned, AChildOfForkLeavesItAlone) {
  int destroyed = 0;
  auto counted = std::make_unique<ProcessOwned<Counted>>(destroyed);
  const ::pid_t child = ::fork();
  if (child == 0) {
    const bool known = counted->in_forked_child();
    counted.reset();
    ::_exit(known && destroyed == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

// What it is for: the C library's condition variable waits, when destroyed, for waiters that the child does not have.
TEST(ProcessOwned, AConditionWithAWaiterDoesNotHangTheChild) {
  std::mutex mutex;
  auto condition = std::make_unique<ProcessOwned<std::condition_variable>>();
  bool over = false;
  std::thread waiter([&] {
    std::unique_lock lock(mutex);
    (*condition)->wait(lock, [&] { return over; });
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const ::pid_t child = ::fork();
  if (child == 0) {
    condition.reset();
    ::_exit(0);
  }
  int status = -1;
  for (int i = 0; i < 500 && ::waitpid(child, &status, WNOHANG) == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_EQ(status, 0);
  {
    const std::lock_guard lock(mutex);
    over = true;
  }
  (*condition)->notify_all();
  waiter.join();
}

}  // namespace
}  // namespace honeyframe
