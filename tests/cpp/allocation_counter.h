#pragma once

// Counts this thread's allocations, and makes them fail on demand: the test binary replaces operator new
// (allocation_counter.cpp).

#include <cstdint>

namespace honeyframe::testing {

[[nodiscard]] std::uint64_t allocations_of_this_thread() noexcept;

// What this process holds from operator new, in bytes as malloc rounds them.
[[nodiscard]] std::int64_t live_bytes() noexcept;

// While it lives, every operator new of this thread throws std::bad_alloc, but the first `after`.
class FailingAllocations {
 public:
  explicit FailingAllocations(std::uint64_t after = 0) noexcept;
  ~FailingAllocations();
  FailingAllocations(const FailingAllocations&) = delete;
  FailingAllocations& operator=(const FailingAllocations&) = delete;
};

}  // namespace honeyframe::testing
