#pragma once

// TopicCadence: how often a topic speaks, learned from the gaps between its messages, in a few words of memory. Enough
// to say that it has fallen silent. A value; no thread of its own.

#include <algorithm>
#include <cstdint>

namespace honeyframe {

class TopicCadence {
 public:
  static constexpr std::uint32_t kLeastGaps = 3;  // below, nothing is known

  void note(std::int64_t time_ns) noexcept {
    if (count_ == 0) {
      first_ns_ = last_ns_ = time_ns;
      count_ = 1;
      return;
    }
    const std::int64_t gap = std::max<std::int64_t>(0, time_ns - last_ns_);  // the clock may be set back
    // Whoever was late once is not waited for so long for ever: each gap takes a sixteenth of itself away. What comes
    // in bursts keeps the gap between them, since those within are short.
    longest_ns_ = std::max(gap, longest_ns_ - gap / 16);
    last_ns_ = std::max(last_ns_, time_ns);
    ++count_;
  }

  [[nodiscard]] std::uint64_t messages() const noexcept { return count_; }
  [[nodiscard]] bool is_known() const noexcept { return count_ > kLeastGaps; }
  // The mean gap; 0 before the second message.
  [[nodiscard]] double mean_seconds() const noexcept {
    return count_ < 2 ? 0.0 : static_cast<double>(last_ns_ - first_ns_) / 1e9 / static_cast<double>(count_ - 1);
  }
  // The longest gap that is still remembered.
  [[nodiscard]] double longest_seconds() const noexcept { return static_cast<double>(longest_ns_) / 1e9; }
  // After so long without a message the topic has fallen silent: twice its longest gap, and more while few are known.
  [[nodiscard]] double patience_seconds() const noexcept {
    const double gaps = static_cast<double>(count_ < 2 ? 1 : count_ - 1);
    return std::max(kLeastPatience, longest_seconds() * (2.0 + 4.0 / gaps));
  }
  [[nodiscard]] bool is_silent(std::int64_t now_ns) const noexcept {
    return is_known() && static_cast<double>(now_ns - last_ns_) / 1e9 > patience_seconds();
  }

 private:
  static constexpr double kLeastPatience = 0.5;  // seconds: what was read in one go has one time

  std::uint64_t count_ = 0;
  std::int64_t first_ns_ = 0;
  std::int64_t last_ns_ = 0;
  std::int64_t longest_ns_ = 0;
};

}  // namespace honeyframe
