#include "control_thread.h"

#include <pthread.h>

#include <atomic>
#include <utility>

namespace honeyframe {
namespace {

std::atomic<bool> forked{false};

}  // namespace

ControlThread& ControlThread::instance() {
  static ControlThread* const leaked = new ControlThread;  // outlives static destruction: Paho's threads do, too
  return *leaked;
}

ControlThread::ControlThread() {
  pthread_atfork(nullptr, nullptr, [] { forked.store(true, std::memory_order_relaxed); });
  thread_ = std::thread([this] { run(); });
}

bool ControlThread::in_forked_child() noexcept {
  return forked.load(std::memory_order_relaxed);
}

void ControlThread::post(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_one();
}

ControlThread::TimerId ControlThread::run_after(std::chrono::milliseconds delay, Task task) {
  const auto when = Clock::now() + delay;
  std::uint64_t id = 0;
  {
    const std::lock_guard lock(mutex_);
    id = next_timer_++;
    timers_.emplace(std::pair(when, id), std::move(task));
    due_.emplace(id, when);
  }
  changed_.notify_one();
  return TimerId{id};
}

void ControlThread::cancel(TimerId& id) {
  const auto number = static_cast<std::uint64_t>(std::exchange(id, TimerId::none));
  Task doomed;  // declared before the lock, so destroyed after it: what the task holds may come back here
  const std::lock_guard lock(mutex_);
  const auto found = due_.find(number);
  if (found == due_.end()) return;
  const auto timer = timers_.find({found->second, number});
  doomed = std::move(timer->second);
  timers_.erase(timer);
  due_.erase(found);
}

void ControlThread::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    Task task;
    if (!timers_.empty() && timers_.begin()->first.first <= Clock::now()) {
      const auto first = timers_.begin();
      task = std::move(first->second);
      due_.erase(first->first.second);
      timers_.erase(first);
    } else if (!tasks_.empty()) {
      task = std::move(tasks_.front());
      tasks_.pop_front();
    } else if (timers_.empty()) {
      changed_.wait(lock);
      continue;
    } else {
      const auto when = timers_.begin()->first.first;  // a copy: the timer may be cancelled while we wait
      changed_.wait_until(lock, when);
      continue;
    }
    lock.unlock();
    task();
    task = nullptr;
    lock.lock();
  }
}

}  // namespace honeyframe
