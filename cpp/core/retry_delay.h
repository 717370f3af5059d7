#pragma once

// RetryDelay: how long to wait before the next attempt to reconnect. Exponential with full jitter: a random time below
// a bound that doubles with each failure, so that a fleet of clients does not come back all at once. A broker that is
// restarted is there again within seconds, and so shall its clients be: until kRestart has been waited in all, the
// bound does not grow beyond kSoon. Control thread.

#include <algorithm>
#include <chrono>
#include <random>

namespace honeyframe {

class RetryDelay {
 public:
  static constexpr std::chrono::milliseconds kSoon{2'000};
  static constexpr std::chrono::milliseconds kRestart{10'000};

  RetryDelay(std::chrono::milliseconds first, std::chrono::milliseconds longest)
      : first_(first), longest_(longest), bound_(first) {}

  [[nodiscard]] std::chrono::milliseconds next() {
    static std::mt19937_64 random(std::random_device{}());  // one seed a process: not the same in each of them
    const auto bound = std::max<std::chrono::milliseconds::rep>(bound_.count(), 1);
    const std::chrono::milliseconds delay(
        std::uniform_int_distribution<std::chrono::milliseconds::rep>(0, bound)(random));
    waited_ += delay;
    bound_ = std::min(longest_, bound_ * 2);
    if (waited_ < kRestart) bound_ = std::min(bound_, std::max(first_, kSoon));
    return delay;
  }
  // After a connection that lasted.
  void reset() noexcept {
    bound_ = first_;
    waited_ = {};
  }
  [[nodiscard]] std::chrono::milliseconds bound() const noexcept { return bound_; }

 private:
  std::chrono::milliseconds first_;
  std::chrono::milliseconds longest_;
  std::chrono::milliseconds bound_;
  std::chrono::milliseconds waited_{};
};

}  // namespace honeyframe
