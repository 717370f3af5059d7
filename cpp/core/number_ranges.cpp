#include "number_ranges.h"

#include <algorithm>

namespace honeyframe {

void NumberRanges::add(std::uint64_t first, std::uint64_t last) noexcept {
  insert(size_, {first, last});
}

// What has no place is the last one's.
void NumberRanges::insert(std::size_t at, Range range) noexcept {
  if (at == kMax) {
    unlisted_ += range.last - range.first + 1;
    return;
  }
  if (size_ == kMax) {
    --size_;
    unlisted_ += ranges_[size_].last - ranges_[size_].first + 1;
  }
  std::move_backward(ranges_.begin() + static_cast<std::ptrdiff_t>(at),
                     ranges_.begin() + static_cast<std::ptrdiff_t>(size_),
                     ranges_.begin() + static_cast<std::ptrdiff_t>(size_ + 1));
  ranges_[at] = range;
  ++size_;
}

void NumberRanges::erase(std::size_t at) noexcept {
  std::move(ranges_.begin() + static_cast<std::ptrdiff_t>(at + 1), ranges_.begin() + static_cast<std::ptrdiff_t>(size_),
            ranges_.begin() + static_cast<std::ptrdiff_t>(at));
  --size_;
}

bool NumberRanges::take_back(std::uint64_t number) noexcept {
  for (std::size_t i = 0; i < size_; ++i) {
    const Range range = ranges_[i];
    if (number < range.first || number > range.last) continue;
    if (range.first == range.last) {
      erase(i);
    } else if (number == range.first) {
      ++ranges_[i].first;
    } else {
      ranges_[i].last = number - 1;
      if (number < range.last) insert(i + 1, {number + 1, range.last});
    }
    return true;
  }
  return false;
}

bool NumberRanges::take_back_unlisted() noexcept {
  if (unlisted_ == 0) return false;
  --unlisted_;
  return true;
}

std::string NumberRanges::describe() const {
  std::string text;
  for (std::size_t i = 0; i < size_; ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(ranges_[i].first);
    if (ranges_[i].last != ranges_[i].first) text.append(" to ").append(std::to_string(ranges_[i].last));
  }
  if (unlisted_ == 0) return text;
  if (!text.empty()) text += ", and ";
  return text + std::to_string(unlisted_) + " more";
}

}  // namespace honeyframe
