#include <utility>

#include "session.h"

namespace honeyframe {

bool Operation::wait_for(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, wait, [this] { return done_; });
}

bool Operation::done() const {
  const std::lock_guard lock(mutex_);
  return done_;
}

Status Operation::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

std::vector<int> Operation::reason_codes() const {
  const std::lock_guard lock(mutex_);
  return reason_codes_;
}

void Operation::complete(Status status, std::vector<int> reason_codes) {
  {
    const std::lock_guard lock(mutex_);
    if (done_) return;
    done_ = true;
    status_ = std::move(status);
    reason_codes_ = std::move(reason_codes);
  }
  changed_.notify_all();
}

}  // namespace honeyframe
