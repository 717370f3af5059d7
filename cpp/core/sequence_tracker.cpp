#include "sequence_tracker.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <new>
#include <utility>

namespace honeyframe {
namespace {

// "3", "3 to 7": without memory for it.
class NumbersText {
 public:
  NumbersText(std::uint64_t first, std::uint64_t last) {
    add(first);
    if (last == first) return;
    for (const char c : std::string_view(" to ")) text_[size_++] = c;
    add(last);
  }
  [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

 private:
  void add(std::uint64_t number) {
    size_ = static_cast<std::size_t>(std::to_chars(text_.data() + size_, text_.data() + text_.size(), number).ptr -
                                     text_.data());
  }
  std::array<char, 48> text_;
  std::size_t size_ = 0;
};

constexpr std::uint64_t kAllSeen = ~std::uint64_t{0};

}  // namespace

void SequenceTracker::observe(std::string_view name, std::uint64_t number, bool dup, std::int64_t time_ns) noexcept {
  try {
    Publisher* const known = find(name, number, time_ns);
    if (known == nullptr) return;
    follow(*known, number, dup, time_ns);
    known->last_ns = time_ns;
  } catch (const std::bad_alloc&) {
    ++counters_.sequence_forgotten;
  }
}

// Null where it is new, and has begun with `number`.
SequenceTracker::Publisher* SequenceTracker::find(std::string_view name, std::uint64_t number, std::int64_t time_ns) {
  const auto known = by_name_.find(name);
  if (known != by_name_.end()) {
    if (known->second != std::prev(publishers_.end())) {
      publishers_.splice(publishers_.end(), publishers_, known->second);
    }
    return &*known->second;
  }
  Publishers one(1);
  one.front().name = name;
  one.front().run = {number, number, kAllSeen};
  one.front().last_ns = time_ns;
  by_name_.emplace(one.front().name, one.begin());
  publishers_.splice(publishers_.end(), one);
  names_bytes_ += name.size();
  while (publishers_.size() > max_publishers_ || (names_bytes_ > kMaxNamesBytes && publishers_.size() > 1)) {
    names_bytes_ -= publishers_.front().name.size();
    by_name_.erase(publishers_.front().name);
    publishers_.pop_front();
    ++counters_.sequence_forgotten;
  }
  return nullptr;
}

void SequenceTracker::follow(Publisher& publisher, std::uint64_t number, bool dup, std::int64_t time_ns) noexcept {
  Run& run = publisher.run;
  if (number == run.highest + 1 && number != 0) {
    run.highest = number;
    run.seen = run.seen << 1 | 1;
    publisher.streak = 0;
    if (publisher.has_before && run.highest >= publisher.before.highest) {
      publisher.has_before = publisher.before.highest < run.lowest;  // passed: nothing can take it up any more
    }
    return;
  }
  if (takes_up_run_before(publisher, number)) {
    std::swap(run, publisher.before);
    return number == run.highest + 1 ? follow(publisher, number, dup, time_ns) : ahead(publisher, number, time_ns);
  }
  if (number > run.highest) return ahead(publisher, number, time_ns);
  behind(publisher, number, dup, time_ns);
}

// Two devices count on one topic, or the restart was an old message that came by.
bool SequenceTracker::takes_up_run_before(const Publisher& publisher, std::uint64_t number) noexcept {
  if (!publisher.has_before || number <= publisher.before.highest) return false;
  const std::uint64_t step = number - publisher.before.highest;
  const bool fits_run = number <= publisher.run.highest + kWindow && number > publisher.run.highest;
  return step == 1 || (step <= kWindow && !fits_run);
}

void SequenceTracker::ahead(Publisher& publisher, std::uint64_t number, std::int64_t time_ns) noexcept {
  Run& run = publisher.run;
  const std::uint64_t missing = number - run.highest - 1;
  if (missing > kLongestGap) return restart(publisher, number, time_ns);
  counters_.sequence_missing += missing;
  ++counters_.sequence_gaps;
  ledger_.note_gap(publisher.name, run.highest + 1, number - 1, publisher.last_ns, time_ns);
  run.seen = missing + 1 >= kWindow ? 1 : run.seen << (missing + 1) | 1;
  run.highest = number;
  publisher.streak = 0;
}

void SequenceTracker::behind(Publisher& publisher, std::uint64_t number, bool dup, std::int64_t time_ns) noexcept {
  Run& run = publisher.run;
  const std::uint64_t back = run.highest - number;
  const bool begins = number <= 1 && number <= run.lowest && back > 0;
  if (!dup && (begins || back >= kWindow)) return restart(publisher, number, time_ns);
  const NumbersText numbers(number, number);
  const std::uint64_t bit = back < kWindow ? std::uint64_t{1} << back : 0;
  const bool was_missing = bit != 0 && (run.seen & bit) == 0;
  if (was_missing || number < run.lowest) {
    run.seen |= bit;
    run.lowest = std::min(run.lowest, number);
    if (was_missing) {
      --counters_.sequence_missing;
      ledger_.take_back(publisher.name, number);
    }
    ++counters_.sequence_out_of_order;
    (void)ledger_.note({LedgerEvent::sequence_out_of_order, publisher.name, time_ns, time_ns, 1, 0, numbers.view()});
    return;
  }
  publisher.streak = !dup && back > 0 && publisher.streak > 0 && number == publisher.repeated + 1
                         ? publisher.streak + 1
                         : (!dup && back > 0 ? 1 : 0);
  publisher.repeated = number;
  if (publisher.streak >= kRestartStreak) return restart(publisher, number, time_ns);
  ++counters_.sequence_repeated;
  (void)ledger_.note({LedgerEvent::sequence_repeated, publisher.name, time_ns, time_ns, 1, 0, numbers.view()});
}

void SequenceTracker::restart(Publisher& publisher, std::uint64_t number, std::int64_t time_ns) noexcept {
  ++counters_.sequence_restarts;
  const NumbersText numbers(publisher.run.highest, number);
  (void)ledger_.note({LedgerEvent::sequence_restart, publisher.name, publisher.last_ns, time_ns, 1, 0, numbers.view()});
  publisher.before = publisher.run;
  publisher.has_before = true;
  publisher.run = {number, number, kAllSeen};
  publisher.streak = 0;
}

}  // namespace honeyframe
