#include "spool_sync.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace honeyframe {
namespace {

using Clock = std::chrono::steady_clock;

struct Watched {
  std::shared_ptr<SpoolFile> file;
  std::chrono::milliseconds interval;
  Clock::time_point due;
};

class Watcher {
 public:
  // Leaked: the thread may be inside at exit. A child of fork() has no such thread, and begins with a new one.
  static Watcher& instance() {
    static std::atomic<Watcher*> current{nullptr};
    static const int registered = ::pthread_atfork(nullptr, nullptr, [] { current.store(nullptr); });
    static_cast<void>(registered);
    Watcher* found = current.load();
    if (found == nullptr) {
      auto* const fresh = new Watcher;
      if (current.compare_exchange_strong(found, fresh)) return *fresh;
      delete fresh;
    }
    return *found;
  }

  void add(Watched watched) {
    const std::lock_guard lock(mutex_);
    files_.push_back(std::move(watched));
    try {
      if (!running_) std::thread(&Watcher::run, this).detach();
      running_ = true;
    } catch (...) {
      files_.pop_back();
      throw;
    }
    changed_.notify_all();
  }

  bool running() {
    const std::lock_guard lock(mutex_);
    return running_;
  }

 private:
  void run() noexcept {
    std::unique_lock lock(mutex_);
    while (!files_.empty()) {
      const auto next =
          std::min_element(files_.begin(), files_.end(), [](const auto& a, const auto& b) { return a.due < b.due; });
      if (const auto due = next->due; due > Clock::now()) {
        changed_.wait_until(lock, due);
        continue;
      }
      const auto file = next->file;
      next->due = Clock::now() + next->interval;
      const bool last = file.use_count() == 2;  // this one and the list's: nobody writes any more
      lock.unlock();
      static_cast<void>(file->sync());
      lock.lock();
      if (last) std::erase_if(files_, [&](const auto& one) { return one.file == file; });
    }
    running_ = false;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Watched> files_;  // guarded by mutex_
  bool running_ = false;        // guarded by mutex_
};

}  // namespace

bool SpoolFile::sync() noexcept {
  if (!dirty_.exchange(false, std::memory_order_acq_rel)) return error_->get() == 0;
  if (::fdatasync(file_.get()) != 0) {
    error_->note(errno);
    return false;
  }
  syncs_.fetch_add(1, std::memory_order_relaxed);
  return error_->get() == 0;
}

bool SpoolSync::watch(std::shared_ptr<SpoolFile> file, std::chrono::milliseconds interval) noexcept {
  try {
    Watcher::instance().add({std::move(file), interval, Clock::now() + interval});
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

bool SpoolSync::running() noexcept {
  return Watcher::instance().running();
}

}  // namespace honeyframe
