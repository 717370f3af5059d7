#pragma once

// EventTime: what devices write for a time, as UTC nanoseconds: RFC 3339, with a zone table where the text names no
// zone, and epochs whose unit is decided once, by the size of the first that tells one. One a column; one thread.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "extract_options.h"

namespace honeyframe {

class EventTime {
 public:
  EventTime(TimeUnit unit, std::vector<ZoneTransition> zone) : unit_(unit), zone_(std::move(zone)) {}

  // A date and time, or a number in a string. Empty: neither, or outside what int64 nanoseconds hold (1677 to 2262), or
  // without a zone where none was given.
  [[nodiscard]] std::optional<std::int64_t> read_text(std::string_view text);
  // `number`: a JSON number as it is spelled; its decimal fraction is taken as such, not by way of a double.
  [[nodiscard]] std::optional<std::int64_t> read_epoch(std::string_view number);

  // TimeUnit::automatic, which reads seconds, until the first epoch of 1e8 or more.
  [[nodiscard]] TimeUnit unit() const noexcept { return unit_; }

 private:
  [[nodiscard]] std::optional<std::int64_t> from_local(std::int64_t seconds) const;

  TimeUnit unit_;
  std::vector<ZoneTransition> zone_;
};

[[nodiscard]] std::string_view to_string(TimeUnit unit) noexcept;

}  // namespace honeyframe
