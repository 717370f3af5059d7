#include "event_time.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "json_number.h"

namespace honeyframe {
namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;

// Reads a text from the left; once something is amiss, ok() stays false.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return text_.empty(); }
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }
  bool skip(char c) {
    if (peek() != c || text_.empty()) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok_ = skip(c) && ok_; }
  int digits(int count) {
    int value = 0;
    for (; count > 0; --count) {
      if (peek() < '0' || peek() > '9') {
        ok_ = false;
        return 0;
      }
      value = value * 10 + (peek() - '0');
      text_.remove_prefix(1);
    }
    return value;
  }
  // Any number of digits after the point, as nanoseconds; what is finer is cut off.
  std::int64_t fraction() {
    std::int64_t nanos = 0;
    std::int64_t unit = kNanosPerSecond;
    ok_ = ok_ && peek() >= '0' && peek() <= '9';
    for (; peek() >= '0' && peek() <= '9'; text_.remove_prefix(1)) {
      unit /= 10;
      nanos += unit * (peek() - '0');
    }
    return nanos;
  }

 private:
  std::string_view text_;
  bool ok_ = true;
};

std::optional<std::int64_t> nanoseconds(std::int64_t seconds, std::int64_t nanos) {
  // Towards zero first: the smallest int64 has whole seconds that alone would not fit.
  if (seconds < 0 && nanos > 0) {
    ++seconds;
    nanos -= kNanosPerSecond;
  }
  std::int64_t result = 0;
  if (__builtin_mul_overflow(seconds, kNanosPerSecond, &result)) return std::nullopt;
  if (__builtin_add_overflow(result, nanos, &result)) return std::nullopt;
  return result;
}

// Minutes east of UTC: Z, +hh:mm, +hhmm, +hh.
std::optional<int> read_offset(Scanner& scan) {
  if (scan.skip('Z') || scan.skip('z')) return 0;
  const int sign = scan.peek() == '-' ? -1 : 1;
  if (!scan.skip('+') && !scan.skip('-')) return std::nullopt;
  const int hours = scan.digits(2);
  int minutes = 0;
  if (scan.skip(':') || !scan.at_end()) minutes = scan.digits(2);
  if (hours > 23 || minutes > 59) return std::nullopt;
  return sign * (hours * 60 + minutes);
}

// Decimal places from the unit to nanoseconds.
int places(TimeUnit unit) noexcept {
  switch (unit) {
    case TimeUnit::automatic:
    case TimeUnit::seconds:
      return 9;
    case TimeUnit::milliseconds:
      return 6;
    case TimeUnit::microseconds:
      return 3;
    case TimeUnit::nanoseconds:
      break;
  }
  return 0;
}

TimeUnit unit_of(double epoch) noexcept {
  const double size = std::fabs(epoch);
  if (size < 1e11) return TimeUnit::seconds;
  if (size < 1e14) return TimeUnit::milliseconds;
  return size < 1e17 ? TimeUnit::microseconds : TimeUnit::nanoseconds;
}

// Seconds up to March 1973: a clock that was not set yet, or time since the start. Of any unit, so it decides none.
bool tells_a_unit(double epoch) noexcept {
  return std::fabs(epoch) >= 1e8;
}

std::optional<std::int64_t> rounded(double nanos) noexcept {
  if (!(nanos >= -0x1p63 && nanos < 0x1p63)) return std::nullopt;
  return static_cast<std::int64_t>(std::llround(nanos));
}

// -digits[.digits], shifted by `shift` places, the rest cut off.
std::optional<std::int64_t> shifted(std::string_view number, int shift) {
  const bool negative = number.starts_with('-');
  if (negative) number.remove_prefix(1);
  const std::size_t point = std::min(number.find('.'), number.size());
  std::string_view fraction = number.substr(std::min(point + 1, number.size()));
  std::int64_t value = 0;
  const auto take = [&value, negative](int digit) {
    return !__builtin_mul_overflow(value, std::int64_t{10}, &value) &&
           !__builtin_add_overflow(value, std::int64_t{negative ? -digit : digit}, &value);
  };
  for (const char c : number.substr(0, point)) {
    if (!take(c - '0')) return std::nullopt;
  }
  for (; shift > 0; --shift) {
    if (!take(fraction.empty() ? 0 : fraction.front() - '0')) return std::nullopt;
    if (!fraction.empty()) fraction.remove_prefix(1);
  }
  return value;
}

}  // namespace

std::string_view to_string(TimeUnit unit) noexcept {
  switch (unit) {
    case TimeUnit::automatic:
      return "automatic";
    case TimeUnit::seconds:
      return "seconds";
    case TimeUnit::milliseconds:
      return "milliseconds";
    case TimeUnit::microseconds:
      return "microseconds";
    case TimeUnit::nanoseconds:
      return "nanoseconds";
  }
  return "";
}

std::optional<std::int64_t> EventTime::from_local(std::int64_t seconds) const {
  if (zone_.empty()) return std::nullopt;
  // No offset reaches two days, so earlier entries than this cannot apply.
  auto entry = std::upper_bound(
      zone_.begin(), zone_.end(), seconds - std::int64_t{2} * 86'400,
      [](std::int64_t instant, const ZoneTransition& transition) { return instant < transition.utc_seconds; });
  if (entry != zone_.begin()) --entry;
  for (;; ++entry) {
    const std::int64_t instant = seconds - entry->offset_seconds;
    const auto next = entry + 1;
    // Of the two instants that an hour repeated in autumn stands for, the first.
    if (next == zone_.end() || instant < next->utc_seconds) return instant;
    // An hour that spring leaves out: the moment the clock moves on.
    if (seconds - next->offset_seconds < next->utc_seconds) return next->utc_seconds;
  }
}

std::optional<std::int64_t> EventTime::read_text(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (parse_number(text).kind != NumberKind::invalid) return read_epoch(text);
  Scanner scan(text);
  const int year = scan.digits(4);
  scan.expect('-');
  const int month = scan.digits(2);
  scan.expect('-');
  const int day = scan.digits(2);
  if (!scan.skip('T') && !scan.skip('t')) scan.expect(' ');
  const int hour = scan.digits(2);
  scan.expect(':');
  const int minute = scan.digits(2);
  scan.expect(':');
  const int second = scan.digits(2);
  const std::int64_t nanos = scan.skip('.') ? scan.fraction() : 0;
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  // 60 is a leap second: the first of the next minute.
  if (!scan.ok() || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  std::int64_t seconds = std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86'400};
  seconds += hour * 3600 + minute * 60 + second;
  if (scan.at_end()) {
    const std::optional<std::int64_t> utc = from_local(seconds);
    return utc ? nanoseconds(*utc, nanos) : std::nullopt;
  }
  const std::optional<int> offset = read_offset(scan);
  if (!offset || !scan.ok() || !scan.at_end()) return std::nullopt;
  return nanoseconds(seconds - *offset * std::int64_t{60}, nanos);
}

std::optional<std::int64_t> EventTime::read_epoch(std::string_view number) {
  const JsonNumber parsed = parse_number(number);
  double value = 0;
  switch (parsed.kind) {
    case NumberKind::int64:
      value = static_cast<double>(parsed.int64);
      break;
    case NumberKind::uint64:
      value = static_cast<double>(parsed.uint64);
      break;
    case NumberKind::float64:
      value = parsed.float64;
      break;
    case NumberKind::big_integer:
    case NumberKind::out_of_range:
    case NumberKind::invalid:
      return std::nullopt;
  }
  const bool decides = unit_ == TimeUnit::automatic && tells_a_unit(value);
  const TimeUnit unit = decides ? unit_of(value) : unit_;
  const auto nanos = number.find_first_of("eE") == std::string_view::npos
                         ? shifted(number, places(unit))
                         : rounded(value * std::pow(10.0, places(unit)));
  if (decides && nanos) unit_ = unit;
  return nanos;
}

}  // namespace honeyframe
