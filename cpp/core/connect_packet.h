#pragma once

// What Paho writes first on a connection, read in passing: whether that is CONNECT, and what it says of the connection.
// Pure functions.

#include <sys/uio.h>

#include <cstdint>
#include <string>

namespace honeyframe {

enum class FirstWrite : std::uint8_t {
  connect,
  upgrade,  // GET: WebSocket frames will follow
  other,    // to a proxy
};

// Of one whole write; within a frame where the connection has been upgraded.
[[nodiscard]] FirstWrite kind_of_write(const iovec* pieces, int count, bool framed) noexcept;

struct ConnectPacket {
  std::uint8_t level = 0;  // 0: it cannot be read
  std::string client_id;   // empty as well where memory has run out
};

// Of a write that is CONNECT.
[[nodiscard]] ConnectPacket read_connect(const iovec* pieces, int count, bool framed) noexcept;

}  // namespace honeyframe
