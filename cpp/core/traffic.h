#pragma once

// Traffic: how many bytes a session has moved, over all its connections.
//
//   mqtt   the packets, fixed headers included, without what carries them
//   wire   what the socket took and gave: with TLS its records and handshakes, with WebSockets the frames and the
//          upgrade, with a proxy what was said to it. TCP's and IP's own headers are nobody's to see
//
// Counted below Paho where it is lean (connection_traffic), to the byte. Where Paho is the system's, its connections
// are not ours to look at: estimated from the messages (traffic_estimate). Any thread; never goes back.

#include <atomic>
#include <cstdint>

namespace honeyframe {

struct TrafficBytes {
  std::uint64_t mqtt_in = 0;
  std::uint64_t mqtt_out = 0;
  std::uint64_t wire_in = 0;
  std::uint64_t wire_out = 0;

  bool operator==(const TrafficBytes&) const = default;
};

class Traffic {
 public:
  void add(const TrafficBytes& bytes) noexcept {
    add(mqtt_in_, bytes.mqtt_in);
    add(mqtt_out_, bytes.mqtt_out);
    add(wire_in_, bytes.wire_in);
    add(wire_out_, bytes.wire_out);
  }
  [[nodiscard]] TrafficBytes bytes() const noexcept {
    return {.mqtt_in = mqtt_in_.load(std::memory_order_relaxed),
            .mqtt_out = mqtt_out_.load(std::memory_order_relaxed),
            .wire_in = wire_in_.load(std::memory_order_relaxed),
            .wire_out = wire_out_.load(std::memory_order_relaxed)};
  }

 private:
  static void add(std::atomic<std::uint64_t>& to, std::uint64_t bytes) noexcept {
    if (bytes != 0) to.fetch_add(bytes, std::memory_order_relaxed);
  }

  std::atomic<std::uint64_t> mqtt_in_{0};
  std::atomic<std::uint64_t> mqtt_out_{0};
  std::atomic<std::uint64_t> wire_in_{0};
  std::atomic<std::uint64_t> wire_out_{0};
};

}  // namespace honeyframe
