#pragma once

// ControlThread: the one thread of the process that calls into Paho, and the keeper of all session timers.
//
// Paho holds one lock for the whole process, so whoever calls it may wait for another session's callback: callers of
// the library post their wish here and wait on their own Operation. Tasks run one after the other, in order; none may
// block for long, and none runs with a lock of ours held. One instance, made at first use and never destroyed: Paho's
// threads may post until the process ends.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

namespace honeyframe {

class ControlThread {
 public:
  using Clock = std::chrono::steady_clock;
  using Task = std::function<void()>;
  enum class TimerId : std::uint64_t { none = 0 };

  static ControlThread& instance();

  // Any thread, Paho's included; never waits for a task.
  void post(Task task);
  // Runs `task` once, `delay` from now.
  TimerId run_after(std::chrono::milliseconds delay, Task task);
  // A task that has begun is not stopped. `id` becomes none.
  void cancel(TimerId& id);
  [[nodiscard]] bool is_current() const noexcept { return std::this_thread::get_id() == thread_.get_id(); }

  // True in a child of fork() whose parent had a control thread: neither it nor Paho's threads exist here.
  [[nodiscard]] static bool in_forked_child() noexcept;

 private:
  ControlThread();
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;                                              // guarded by mutex_
  std::map<std::pair<Clock::time_point, std::uint64_t>, Task> timers_;  // guarded by mutex_
  std::map<std::uint64_t, Clock::time_point> due_;                      // guarded by mutex_; finds a timer by its id
  std::uint64_t next_timer_ = 1;                                        // guarded by mutex_
  std::thread thread_;
};

}  // namespace honeyframe
