#pragma once

// Quarantine: the payloads that could not be read, with the reason, so that they can be looked at and read again.
// Bounded: the oldest go first, and are counted. One thread.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace honeyframe {

struct QuarantineEntry {
  std::string topic;
  std::int64_t receive_time_ns;
  std::uint64_t payload_index;
  std::string reason;     // a stable word: "truncated", "invalid_utf8", "trailing_content", ...
  std::string message;    // what was found
  std::int64_t position;  // byte offset, -1 where unknown
  std::string payload;
  bool retain;
  std::uint8_t qos;
};

class Quarantine {
 public:
  Quarantine(std::size_t max_messages, std::size_t max_bytes) : max_messages_(max_messages), max_bytes_(max_bytes) {}

  // How many entries had to go for it, this one included where it is larger than the quarantine.
  [[nodiscard]] std::size_t add(QuarantineEntry entry);
  [[nodiscard]] std::vector<QuarantineEntry> entries() const { return {entries_.begin(), entries_.end()}; }
  [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t max_messages_;
  std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::deque<QuarantineEntry> entries_;
};

}  // namespace honeyframe
