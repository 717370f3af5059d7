#include "spool_events.h"

#include <ctime>
#include <new>
#include <utility>

#include "utf8.h"

namespace honeyframe {

std::string describe_missing(std::uint64_t messages, const std::string& path) {
  return std::to_string(messages) + (messages == 1 ? " message is" : " messages are") + " missing in the spool in " +
         in_quotes(path) + ": damaged, or deleted before they were read";
}

void SpoolEvents::add(std::string_view kind, std::string detail) noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  const auto time_ns = static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
  const std::lock_guard lock(mutex_);
  try {
    if (events_.size() < kMaxKept) events_.push_back({std::string(kind), time_ns, std::move(detail)});
  } catch (const std::bad_alloc&) {
    // It stays in the counters.
  }
}

bool SpoolEvents::begins_episode(std::string_view kind) noexcept {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  try {
    const auto [last, is_new] = last_.try_emplace(std::string(kind), now);
    const bool begins = is_new || now - last->second > kQuiet;
    last->second = now;
    return begins;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

std::vector<SpoolEvent> SpoolEvents::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(events_, {});
}

}  // namespace honeyframe
