#pragma once

// What messages cost where nobody can look at the connection (the system's Paho): a PUBLISH to the byte, its
// acknowledgements, and what TLS or WebSockets add to each packet when it travels alone. Left out: pings, and what is
// sent again. Many packets in one TLS record make the wire's figure too high, never too low by much.

#include <cstddef>
#include <cstdint>
#include <utility>

#include "traffic.h"

namespace honeyframe {

class TrafficEstimate {
 public:
  TrafficEstimate(bool uses_tls, bool uses_websocket, bool is_v5) noexcept
      : in_packet_((uses_tls ? kRecord : 0) + (uses_websocket ? kFrameIn : 0)),
        out_packet_((uses_tls ? kRecord : 0) + (uses_websocket ? kFrameOut : 0)),
        handshake_(uses_tls),
        is_v5_(is_v5) {}

  // A PUBLISH's size; `properties`: their encoded size, without its own length.
  [[nodiscard]] std::uint64_t publish_size(std::size_t topic, std::size_t payload, int qos,
                                           std::size_t properties) const noexcept {
    const std::uint64_t of_properties = is_v5_ ? number_size(properties) + properties : 0;
    const std::uint64_t body = 2 + topic + (qos > 0 ? 2U : 0U) + of_properties + payload;
    return 1 + number_size(body) + body;
  }
  // With what answers it.
  [[nodiscard]] TrafficBytes arrived(std::uint64_t publish_size, int qos) const noexcept {
    const auto [there, back] = exchange(publish_size, qos);
    return of(there, back);
  }
  [[nodiscard]] TrafficBytes published(std::uint64_t publish_size, int qos) const noexcept {
    const auto [there, back] = exchange(publish_size, qos);
    return of(back, there);
  }
  // CONNECT and CONNACK, behind the handshake of TLS.
  [[nodiscard]] TrafficBytes connected(std::size_t client_id) const noexcept {
    auto bytes = of({.bytes = is_v5_ ? 20U : 4U, .packets = 1}, {.bytes = 20 + client_id, .packets = 1});
    bytes.wire_in += handshake_ ? kHandshakeIn : 0;
    bytes.wire_out += handshake_ ? kHandshakeOut : 0;
    return bytes;
  }

 private:
  static constexpr std::uint64_t kAck = 4;
  static constexpr std::uint64_t kRecord = 22;  // TLS 1.3: header, type, tag
  static constexpr std::uint64_t kFrameIn = 2;
  static constexpr std::uint64_t kFrameOut = 6;  // masked
  static constexpr std::uint64_t kHandshakeIn = 3'500;
  static constexpr std::uint64_t kHandshakeOut = 700;

  struct Way {
    std::uint64_t bytes = 0;
    std::uint64_t packets = 0;
  };
  // PUBLISH, and PUBREL, one way; the answers the other.
  [[nodiscard]] static std::pair<Way, Way> exchange(std::uint64_t publish_size, int qos) noexcept {
    const auto answers = static_cast<std::uint64_t>(qos);
    const std::uint64_t releases = qos == 2 ? 1 : 0;
    return {{.bytes = publish_size + releases * kAck, .packets = 1 + releases},
            {.bytes = answers * kAck, .packets = answers}};
  }
  [[nodiscard]] static std::uint64_t number_size(std::uint64_t number) noexcept {
    std::uint64_t size = 1;
    for (; number >= 128; number /= 128) ++size;
    return size;
  }
  [[nodiscard]] TrafficBytes of(const Way& in, const Way& out) const noexcept {
    return {.mqtt_in = in.bytes,
            .mqtt_out = out.bytes,
            .wire_in = in.bytes + in.packets * in_packet_,
            .wire_out = out.bytes + out.packets * out_packet_};
  }

  std::uint64_t in_packet_;
  std::uint64_t out_packet_;
  bool handshake_;
  bool is_v5_;
};

}  // namespace honeyframe
