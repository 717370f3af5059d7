#include "connect_packet.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "packet_oracle.h"

namespace honeyframe {
namespace {

using testing::framed;
using testing::sized;

// Cut where Paho cuts a write, or elsewhere.
std::vector<iovec> pieces_of(std::string& bytes, std::size_t cut) {
  return {{bytes.data(), cut}, {nullptr, 0}, {bytes.data() + cut, bytes.size() - cut}};
}

std::string connect(int level, const std::string& properties = "") {
  const std::string head =
      sized(level == 3 ? "MQIsdp" : "MQTT") + std::string(1, static_cast<char>(level)) + std::string("\x02\0\x1e", 3);
  return framed(0x10, head + (level == 5 ? testing::with_length(properties) : "") + sized("a client") + sized("user"));
}

// As a client must: masked.
std::string in_frame(std::string payload, int opcode = 2) {
  const std::string mask = "\x11\x22\x33\x44";
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(payload[i] ^ mask[i % 4]);
  std::string header(1, static_cast<char>(0x80 + opcode));
  if (payload.size() < 126) {
    header += static_cast<char>(0x80 + payload.size());
  } else {
    header += static_cast<char>(0x80 + 126);
    header += sized(payload).substr(0, 2);
  }
  return header + mask + payload;
}

TEST(ConnectPacket, SaysTheVersionAndWhoConnects) {
  for (const int level : {3, 4, 5}) {
    for (const bool has_properties : {false, true}) {
      auto bytes = connect(level, has_properties ? std::string(300, '\x26') : "");
      for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
        const auto pieces = pieces_of(bytes, cut);
        ASSERT_EQ(kind_of_write(pieces.data(), 3, false), FirstWrite::connect);
        const auto packet = read_connect(pieces.data(), 3, false);
        ASSERT_EQ(packet.level, level);
        ASSERT_EQ(packet.client_id, "a client");
      }
    }
  }
}

TEST(ConnectPacket, IsReadWithinAFrame) {
  for (const auto& properties : {std::string(), std::string(300, '\x26')}) {
    auto bytes = in_frame(connect(5, properties));
    for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
      const auto pieces = pieces_of(bytes, cut);
      ASSERT_EQ(kind_of_write(pieces.data(), 3, true), FirstWrite::connect);
      ASSERT_EQ(read_connect(pieces.data(), 3, true).client_id, "a client");
    }
  }
}

TEST(ConnectPacket, IsToldFromWhatElseIsWritten) {
  const auto kind = [](std::string bytes, bool framed_write) {
    const iovec piece{bytes.data(), bytes.size()};
    return kind_of_write(&piece, 1, framed_write);
  };
  EXPECT_EQ(kind("GET /mqtt HTTP/1.1\r\n", false), FirstWrite::upgrade);
  EXPECT_EQ(kind("CONNECT host:8883 HTTP/1.1\r\n", false), FirstWrite::other) << "to a proxy";
  EXPECT_EQ(kind("", false), FirstWrite::other);
  EXPECT_EQ(kind(in_frame("\x10", 10), true), FirstWrite::other) << "a pong";
  EXPECT_EQ(kind(in_frame("\xc0"), true), FirstWrite::other);
}

TEST(ConnectPacket, HasNoLevelWhereItIsNotOne) {
  for (auto bytes : {std::string("\x10\x02\x00\x04", 4), framed(0x10, sized("MQTT") + "\x09"),
                     framed(0x10, sized("MQIsdp") + "\x05rest of it"), std::string("\x10")}) {
    const iovec piece{bytes.data(), bytes.size()};
    EXPECT_EQ(read_connect(&piece, 1, false).level, 0) << ::testing::PrintToString(bytes);
  }
}

}  // namespace
}  // namespace honeyframe
