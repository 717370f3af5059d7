#pragma once

// Load: the messages of one benchmark, encoded as PUBLISH packets before anyone connects. Read-only once made; any
// thread.
//
// The file, written by payloads.py, is a row of [uint16 topic size][topic][uint32 payload size][payload],
// little-endian.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace benchmark {

struct LoadedMessage {
  std::string topic;
  std::string payload;
};

// Ends the process with a sentence where the file cannot be read.
[[nodiscard]] std::vector<LoadedMessage> read_load(const std::string& path);

class Load {
 public:
  // Packet identifiers (QoS 1) count 1, 2, ... 65,535, 1, ...; `level` is CONNECT's: 4 for MQTT 3.1.1, 5 for 5.0.
  Load(const std::vector<LoadedMessage>& messages, int qos, int level);

  [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
  // The packets [begin, end), back to back.
  [[nodiscard]] std::string_view packets(std::size_t begin, std::size_t end) const noexcept {
    const std::size_t from = begin == 0 ? 0 : ends_[begin - 1];
    return std::string_view(bytes_).substr(from, ends_[end - 1] - from);
  }
  // The last packet that begins within `size` bytes of packet `begin`, plus one; at most `limit`.
  [[nodiscard]] std::size_t end_within(std::size_t begin, std::size_t size, std::size_t limit) const noexcept;

 private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

}  // namespace benchmark
