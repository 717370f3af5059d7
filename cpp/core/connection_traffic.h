#pragma once

// ConnectionTraffic: what one connection below Paho has moved. Whose it is shows only in CONNECT: what went before, the
// handshake of TLS above all, is kept until then.
//
// Owned by the connection's stream, under its lock.

#include <openssl/ssl.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "traffic.h"

namespace honeyframe {

// How much of what Paho writes as WebSocket frames is MQTT. It sees what has left, in pieces that end anywhere.
class WrittenFrames {
 public:
  // Of `bytes`, how many are a data frame's content.
  [[nodiscard]] std::size_t content_of(const char* bytes, std::size_t size) noexcept;

 private:
  void add_to_header(std::uint8_t byte) noexcept;

  std::array<std::uint8_t, 14> header_{};
  std::size_t header_size_ = 0;
  std::uint64_t left_ = 0;  // of the frame's content
  bool is_data_ = false;
};

class ConnectionTraffic {
 public:
  // Where it belongs; null: nobody's.
  void belongs_to(std::shared_ptr<Traffic> session) noexcept {
    session_ = std::move(session);
    give();
  }
  [[nodiscard]] bool is_empty() const noexcept { return waiting_ == TrafficBytes(); }
  // The descriptor is another's now.
  void clear() noexcept { *this = ConnectionTraffic(); }

  // Of a socket without TLS.
  void received(std::size_t bytes) noexcept { note({.wire_in = bytes}); }
  void sent(std::size_t bytes) noexcept { note({.wire_out = bytes}); }
  // After each call that may have moved something: OpenSSL's own count of what its socket took and gave.
  void look_at(const SSL* tls) noexcept;
  // A new SSL counts from 0.
  void begin_tls() noexcept { tls_read_ = tls_written_ = 0; }

  void received_mqtt(std::uint64_t bytes) noexcept { note({.mqtt_in = bytes}); }
  void sent_mqtt(std::size_t bytes) noexcept { note({.mqtt_out = bytes}); }
  // The first `size` bytes of what was written as frames.
  void sent_frames(const iovec* pieces, int count, std::size_t size) noexcept;

 private:
  void note(const TrafficBytes& bytes) noexcept;
  void give() noexcept;

  std::shared_ptr<Traffic> session_;
  TrafficBytes waiting_;
  std::uint64_t tls_read_ = 0;
  std::uint64_t tls_written_ = 0;
  WrittenFrames frames_;
};

}  // namespace honeyframe
