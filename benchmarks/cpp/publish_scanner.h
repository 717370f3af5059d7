#pragma once

// PublishScanner: the least that a subscriber can do: finds the payloads of PUBLISH packets (MQTT 3.1.1, QoS 0 or 1) in
// what it read, in place. One thread.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "stream_socket.h"

namespace benchmark {

class PublishScanner {
 public:
  // `padding`: bytes that can be read behind every payload.
  PublishScanner(StreamSocket& stream, std::size_t padding) : stream_(stream), buffer_(kBufferBytes + padding) {}

  // CONNECT; ends the process where the answer is not CONNACK.
  void open();
  void subscribe(int qos);

  // Calls `visit(payload)` for `wanted` messages. False: the connection ended.
  template <typename Visit>
  [[nodiscard]] bool receive(std::uint64_t wanted, Visit visit) {
    while (wanted > 0) {
      const std::size_t got = stream_.read(buffer_.data() + filled_, kBufferBytes - filled_);
      if (got == 0) return false;
      filled_ += got;
      std::size_t at = 0;
      Packet packet;
      while (wanted > 0 && find_packet(at, packet)) {
        if (packet.is_publish) {
          visit(packet.payload);
          --wanted;
        }
        at = packet.end;
      }
      if (!acknowledgements_.empty() && !send_acknowledgements()) return false;
      std::memmove(buffer_.data(), buffer_.data() + at, filled_ - at);
      filled_ -= at;
    }
    return true;
  }

 private:
  static constexpr std::size_t kBufferBytes = 4u << 20;

  struct Packet {
    bool is_publish = false;
    std::string_view payload;
    std::size_t end = 0;
  };

  // The whole packet at `at`, if it is there; notes the PUBACK that it asks for.
  [[nodiscard]] bool find_packet(std::size_t at, Packet& packet) {
    std::size_t length = 0, body = at + 1;
    for (unsigned shift = 0;; shift += 7) {
      if (body >= filled_) return false;
      const auto byte = static_cast<unsigned char>(buffer_[body++]);
      length |= static_cast<std::size_t>(byte & 127u) << shift;
      if (byte < 128) break;
    }
    if (body + length > filled_) return false;
    packet.end = body + length;
    const auto first = static_cast<unsigned char>(buffer_[at]);
    packet.is_publish = first >> 4 == 3;
    if (!packet.is_publish) return true;
    const char* topic = buffer_.data() + body;
    std::size_t skip = 2u + (static_cast<std::size_t>(static_cast<unsigned char>(topic[0])) << 8 |
                             static_cast<unsigned char>(topic[1]));
    if ((first & 6u) != 0) {
      acknowledgements_.append("\x40\x02", 2).append(topic + skip, 2);
      skip += 2;
    }
    packet.payload = {topic + skip, length - skip};
    return true;
  }

  [[nodiscard]] bool send_acknowledgements() {
    const bool sent = stream_.write(acknowledgements_);
    acknowledgements_.clear();
    return sent;
  }

  StreamSocket& stream_;
  std::vector<char> buffer_;
  std::size_t filled_ = 0;
  std::string acknowledgements_;
};

}  // namespace benchmark
