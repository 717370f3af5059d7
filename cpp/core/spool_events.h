#pragma once

// SpoolEvents: what happened to a spool, for logs. What could happen with every message (full, disk_full, write_failed)
// is told once an episode, the others each time. Thread safe.

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace honeyframe {

struct SpoolEvent {
  std::string
      kind;  // repaired, writable_by_others, full, disk_full, write_failed, sync_failed, damaged, missing, read_failed
  std::int64_t time_ns = 0;
  std::string detail;  // one line
};

// "12 messages are missing in the spool in 'x': …"
[[nodiscard]] std::string describe_missing(std::uint64_t messages, const std::string& path);

class SpoolEvents {
 public:
  static constexpr std::size_t kMaxKept = 1'000;
  // Something of a kind that happens again within this time belongs to the same episode.
  static constexpr std::chrono::seconds kQuiet{10};

  void add(std::string_view kind, std::string detail) noexcept;
  // True where it is the first of an episode, and should be told.
  [[nodiscard]] bool begins_episode(std::string_view kind) noexcept;
  [[nodiscard]] std::vector<SpoolEvent> take();

 private:
  using Clock = std::chrono::steady_clock;
  std::mutex mutex_;
  std::vector<SpoolEvent> events_;
  std::unordered_map<std::string, Clock::time_point> last_;
};

}  // namespace honeyframe
