#pragma once

// SequenceTracker: follows the number that each publisher counts in its messages, and finds what is missing, repeated,
// out of order, and where a publisher began anew. Bounded: the publishers heard longest ago are forgotten, and counted.
// Owned by one Extractor, used on its thread. Allocates for a publisher that is new, and for a new episode of the
// ledger.
//
// Against the highest number so far, `highest`:
//   highest + 1                          as it should be
//   beyond, by at most kLongestGap       a gap: the numbers between are missing
//   below, by less than kWindow          one that was missing: late. One that was here: repeated
//   below its first number: late, where that is all that can be said
//   without the DUP flag 0 or 1, where the publisher began with it or above; or kWindow and more below; or
//   kRestartStreak numbers that were here, one after the other: a restart
//   beyond by more                       a restart, too: no counter loses that many messages
// After a restart the count goes on from there; where the one before is taken up instead, the restart was a stray.

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "extract_counters.h"
#include "ledger.h"

namespace honeyframe {

class SequenceTracker {
 public:
  static constexpr std::size_t kMaxPublishers = 100'000;
  static constexpr std::size_t kMaxNamesBytes = 16u << 20;  // of all publishers together: a topic may have 64 KiB
  static constexpr std::uint64_t kWindow = 64;
  static constexpr unsigned kRestartStreak = 3;
  static constexpr std::uint64_t kLongestGap = std::uint64_t{1} << 32;

  // Both outlive it.
  SequenceTracker(ExtractCounters& counters, Ledger& ledger, std::size_t max_publishers = kMaxPublishers)
      : counters_(counters), ledger_(ledger), max_publishers_(max_publishers) {}

  void observe(std::string_view publisher, std::uint64_t number, bool dup, std::int64_t time_ns) noexcept;

 private:
  struct Run {
    std::uint64_t highest = 0;
    std::uint64_t lowest = 0;
    std::uint64_t seen = 0;  // bit i: highest - i was here, or is before the run's beginning
  };
  struct Publisher {
    std::string name;
    Run run;
    Run before;  // what a restart ended
    bool has_before = false;
    std::uint64_t repeated = 0;  // the last one that was, and how many before it one by one
    unsigned streak = 0;
    std::int64_t last_ns = 0;
  };
  using Publishers = std::list<Publisher>;

  [[nodiscard]] Publisher* find(std::string_view name, std::uint64_t number, std::int64_t time_ns);
  void follow(Publisher& publisher, std::uint64_t number, bool dup, std::int64_t time_ns) noexcept;
  void ahead(Publisher& publisher, std::uint64_t number, std::int64_t time_ns) noexcept;
  void behind(Publisher& publisher, std::uint64_t number, bool dup, std::int64_t time_ns) noexcept;
  [[nodiscard]] static bool takes_up_run_before(const Publisher& publisher, std::uint64_t number) noexcept;
  void restart(Publisher& publisher, std::uint64_t number, std::int64_t time_ns) noexcept;

  ExtractCounters& counters_;
  Ledger& ledger_;
  const std::size_t max_publishers_;
  Publishers publishers_;  // the one heard longest ago first
  std::size_t names_bytes_ = 0;
  std::unordered_map<std::string_view, Publishers::iterator> by_name_;
};

}  // namespace honeyframe
