#pragma once

// EventLog: what happened to a session, kept until somebody asks. Written by the control thread, read by any.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <vector>

#include "session.h"

namespace honeyframe {

class EventLog {
 public:
  static constexpr std::size_t kMaxEvents = 1'000;

  void add(SessionEvent::Kind kind, Status status, std::string detail);
  // Waiters return; nothing more will come.
  void close();
  [[nodiscard]] std::vector<SessionEvent> take();
  [[nodiscard]] bool wait(std::chrono::milliseconds wait);
  // Events that went before anybody took them.
  [[nodiscard]] std::uint64_t lost() const;

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<SessionEvent> events_;  // guarded by mutex_, as all below
  std::uint64_t lost_ = 0;
  bool closed_ = false;
};

}  // namespace honeyframe
