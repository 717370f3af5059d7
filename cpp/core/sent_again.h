#pragma once

// SentAgain: the packet identifiers of one session under which QoS 2 has come with the DUP flag. Paho clears that flag
// before it shows the message, so that a copy after a crash would not be known as one. The guard notes every PUBLISH of
// QoS 2 that passes; the callback asks when Paho delivers it. Both are the receive thread; any other may, too.
//
// MQTT keeps an identifier until its exchange is over (5.0, section 2.2.1): none comes anew before it was asked for.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace honeyframe {

class SentAgain {
 public:
  void note(std::uint16_t packet_id, bool dup) noexcept {
    if (dup) {
      word(packet_id).fetch_or(bit(packet_id), std::memory_order_relaxed);
    } else if (knows(packet_id)) {
      word(packet_id).fetch_and(~bit(packet_id), std::memory_order_relaxed);
    }
  }
  [[nodiscard]] bool knows(std::uint16_t packet_id) noexcept {
    return (word(packet_id).load(std::memory_order_relaxed) & bit(packet_id)) != 0;
  }

 private:
  [[nodiscard]] std::atomic<std::uint64_t>& word(std::uint16_t packet_id) noexcept { return words_[packet_id / 64U]; }
  [[nodiscard]] static std::uint64_t bit(std::uint16_t packet_id) noexcept {
    return std::uint64_t{1} << packet_id % 64U;
  }

  std::array<std::atomic<std::uint64_t>, 1024> words_{};
};

}  // namespace honeyframe
