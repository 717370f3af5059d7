#include "event_log.h"

#include <iterator>
#include <utility>

namespace honeyframe {

void EventLog::add(SessionEvent::Kind kind, Status status, std::string detail) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  {
    const std::lock_guard lock(mutex_);
    if (events_.size() == kMaxEvents) {
      events_.pop_front();
      ++lost_;
    }
    events_.push_back({kind, time_ns, std::move(status), std::move(detail)});
  }
  changed_.notify_all();
}

void EventLog::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

std::vector<SessionEvent> EventLog::take() {
  const std::lock_guard lock(mutex_);
  std::vector<SessionEvent> taken(std::move_iterator(events_.begin()), std::move_iterator(events_.end()));
  events_.clear();
  return taken;
}

bool EventLog::wait(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, wait, [this] { return closed_ || !events_.empty(); });
  return !events_.empty();
}

std::uint64_t EventLog::lost() const {
  const std::lock_guard lock(mutex_);
  return lost_;
}

}  // namespace honeyframe
