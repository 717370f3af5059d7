#pragma once

// NumberRanges: which numbers a publisher's gaps are, in bounded memory: the first kMax ranges, and how many numbers
// are beyond them. Owned by a row of the ledger; allocates nothing. Not thread safe.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace honeyframe {

class NumberRanges {
 public:
  static constexpr std::size_t kMax = 8;

  void add(std::uint64_t first, std::uint64_t last) noexcept;
  // It came after all. False where it is not among those that are listed.
  bool take_back(std::uint64_t number) noexcept;
  // The same of one that was not listed. False where all were.
  bool take_back_unlisted() noexcept;
  // "3 to 4, 7, and 12 more"
  [[nodiscard]] std::string describe() const;

 private:
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
  };
  void insert(std::size_t at, Range range) noexcept;
  void erase(std::size_t at) noexcept;

  std::array<Range, kMax> ranges_;
  std::size_t size_ = 0;
  std::uint64_t unlisted_ = 0;
};

}  // namespace honeyframe
