#include "websocket_frames.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <string>
#include <vector>

#include "packet_oracle.h"

namespace honeyframe {
namespace {

using testing::framed;
using testing::PacketSource;
using testing::sized;
using End = WebSocketFrames::End;

constexpr std::uint32_t kMaximum = 100'000;
const std::string kAnswer = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";

// A server's frame; `first` is 0x80 (the last of its message) and the opcode.
std::string frame(int first, const std::string& payload) {
  std::string header(1, static_cast<char>(first));
  if (payload.size() < 126) {
    header += static_cast<char>(payload.size());
  } else if (payload.size() < 65'536) {
    header += "\x7e" + sized(payload).substr(0, 2);
  } else {
    header += '\x7f';
    for (int shift = 56; shift >= 0; shift -= 8) header += static_cast<char>(payload.size() >> shift);
  }
  return header + payload;
}

std::string connack() {
  return std::string("\x20\x03\0\0\0", 5);
}
std::string publish(std::size_t payload) {
  return framed(0x30, sized("a") + std::string(1, '\0') + std::string(payload, 'p'));
}

struct Rebuilt {
  std::vector<std::string> moves;  // what each gave
  std::string bytes;
  End end = End::none;
  PacketRefusal refusal;
};

// In pieces of `piece`, with `room` for what is given.
Rebuilt rebuild(const std::string& sent, std::size_t piece = 1'000'000, std::size_t room = 65'536) {
  WebSocketFrames frames;
  frames.begin(kLevel5, kMaximum);
  Rebuilt rebuilt;
  std::string kept;
  std::string to(room, '\0');
  for (std::size_t at = 0; at < sent.size() && frames.end() == End::none; at += piece) {
    kept += sent.substr(at, piece);
    do {
      const auto moved = frames.move(kept.data(), kept.size(), to.data(), to.size());
      kept.erase(0, moved.taken);
      if (moved.given > 0) rebuilt.moves.push_back(to.substr(0, moved.given));
      rebuilt.bytes.append(to, 0, moved.given);
    } while (frames.has_more());
  }
  rebuilt.end = frames.end();
  rebuilt.refusal = frames.refusal();
  return rebuilt;
}

TEST(WebSocketFrames, GivesTheAnswerAloneAndWhole) {
  const auto sent = kAnswer + frame(0x82, connack());
  for (const std::size_t piece : {1U, 5U, 1'000U}) {
    const auto rebuilt = rebuild(sent, piece);
    ASSERT_GE(rebuilt.moves.size(), 2u);
    EXPECT_EQ(rebuilt.moves[0], kAnswer);
    EXPECT_EQ(rebuilt.bytes, sent);
  }
}

TEST(WebSocketFrames, EndsWhereTheAnswerIsNotYes) {
  for (const auto& answer : {std::string("HTTP/1.1 404 Not Found\r\n\r\n"), std::string("\x20\x02\0\0", 4),
                             "HTTP/1.1 101" + std::string(9'000, 'x')}) {
    const auto rebuilt = rebuild(answer, 1);
    EXPECT_EQ(rebuilt.end, End::not_upgraded);
    EXPECT_EQ(rebuilt.bytes, "");
    EXPECT_FALSE(rebuilt.refusal) << "that is no packet: the session finds out what the server says";
  }
}

TEST(WebSocketFrames, RebuildsPacketsHoweverTheyAreFramed) {
  const std::vector<std::string> packets{connack(),        publish(3),      publish(125),
                                         framed(0xD0, ""), publish(70'000), publish(300)};
  std::string expected = kAnswer;
  std::string all;
  for (const auto& packet : packets) {
    expected += frame(0x82, packet);
    all += packet;
  }
  std::string split = kAnswer;  // messages in pieces, with pings and pongs between, and empty frames
  for (std::size_t at = 0; at < all.size(); at += 1'001) {
    split += frame(0x02, all.substr(at, 400)) + frame(0x8A, "") + frame(0x00, "") + frame(0x8A, "pong");
    split += frame(0x80, all.size() > at + 400 ? all.substr(at + 400, 601) : "");
  }
  const auto coalesced = kAnswer + frame(0x82, all);
  for (const std::size_t piece : {1U, 7U, 1'000U, 1'000'000U}) {
    for (const std::size_t room : {200U, 65'536U}) {
      EXPECT_EQ(rebuild(expected, piece, room).bytes, expected) << piece;
      EXPECT_EQ(rebuild(coalesced, piece, room).bytes, expected) << piece;
      EXPECT_EQ(rebuild(split, piece, room).bytes, expected) << piece;
    }
  }
}

TEST(WebSocketFrames, HandsAPingOnBetweenTwoPackets) {
  const auto packet = publish(50);
  const auto sent = kAnswer + frame(0x82, connack()) + frame(0x89, "") + frame(0x02, packet.substr(0, 20)) +
                    frame(0x89, "first") + frame(0x89, "second") + frame(0x8A, "pong") +
                    frame(0x80, packet.substr(20)) + frame(0x82, publish(1));
  const auto expected = kAnswer + frame(0x82, connack()) + frame(0x89, "") + frame(0x82, packet) +
                        frame(0x89, "second") + frame(0x82, publish(1));
  for (const std::size_t piece : {1U, 1'000U}) EXPECT_EQ(rebuild(sent, piece).bytes, expected);
}

TEST(WebSocketFrames, EndsWhereTheServerCloses) {
  const auto before = kAnswer + frame(0x82, connack());
  const auto rebuilt = rebuild(before + frame(0x02, publish(10).substr(0, 5)) + frame(0x88, "\x03\xe8") + "behind");
  EXPECT_EQ(rebuilt.end, End::closed);
  EXPECT_EQ(rebuilt.bytes.substr(0, before.size()), before);
  EXPECT_FALSE(rebuilt.refusal);
}

TEST(WebSocketFrames, RefusesFramesThatAreNone) {
  const struct {
    std::string frame;
    PacketFault fault;
  } cases[] = {
      {std::string("\x82\x81\0\0\0\0\x30", 7), PacketFault::frame_masked},
      {frame(0xC2, "x"), PacketFault::frame_reserved_bits},
      {frame(0x92, "x"), PacketFault::frame_reserved_bits},
      {frame(0x83, "x"), PacketFault::frame_opcode},
      {frame(0x8B, ""), PacketFault::frame_opcode},
      {frame(0x81, "x"), PacketFault::frame_text},
      {frame(0x09, "x"), PacketFault::frame_control_split},
      {frame(0x89, std::string(126, 'x')), PacketFault::frame_control_long},
      {frame(0x80, "x"), PacketFault::frame_without_beginning},
      {frame(0x02, "\x30") + frame(0x82, "\x03"), PacketFault::frame_interrupts_message},
      {std::string("\x82\x7e\0\x05", 4), PacketFault::frame_length_padded},
      {std::string("\x82\x7f\0\0\0\0\0\0\xff\xff", 10), PacketFault::frame_length_padded},
      {std::string("\x82\x7f\0\0\0\0\x10\0\0\0", 10), PacketFault::frame_too_large},
      {std::string("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10), PacketFault::frame_too_large},
      {frame(0x82, std::string("\x36\x02\0\0", 4)), PacketFault::qos_3},
      {frame(0x82, std::string("\x30\x80\x80\x80\x60", 5)), PacketFault::too_large},
      {frame(0x82, framed(0x30, std::string("\0\1a\x7f", 4) + "payload")), PacketFault::property_length},
  };
  const auto before = kAnswer + frame(0x82, connack());
  for (const auto& bad : cases) {
    for (const std::size_t piece : {1U, 1'000'000U}) {
      const auto rebuilt = rebuild(before + bad.frame + frame(0x82, publish(1)), piece);
      EXPECT_EQ(rebuilt.end, End::refused) << to_string(bad.fault);
      EXPECT_EQ(to_string(rebuilt.refusal.fault), to_string(bad.fault));
      EXPECT_EQ(rebuilt.bytes.substr(0, before.size()), before) << "what came before it";
    }
  }
}

TEST(WebSocketFrames, RefusesPacketsBeforeConnectWasWritten) {
  WebSocketFrames frames;
  std::array<char, 1'000> to{};
  const auto ping = kAnswer + frame(0x89, "early");
  auto moved = frames.move(ping.data(), ping.size(), to.data(), to.size());
  moved = frames.move(ping.data() + moved.taken, ping.size() - moved.taken, to.data(), to.size());
  EXPECT_EQ(std::string(to.data(), moved.given), frame(0x89, "early"));
  const auto early = frame(0x82, connack());
  EXPECT_EQ(frames.move(early.data(), early.size(), to.data(), to.size()).given, 0u);
  EXPECT_EQ(frames.end(), End::refused);
  EXPECT_EQ(frames.refusal().fault, PacketFault::before_connack);
}

// Whatever comes in: what goes out is frames of one whole, good packet each, and pings.
TEST(WebSocketFrames, GivesNothingButGoodPacketsInFramesOfTheirOwn) {
  const char* const wanted = std::getenv("HONEYFRAME_HOSTILE_PACKETS");
  const auto count = (wanted == nullptr ? 50'000U : static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 10))) / 50;
  PacketSource source(31);
  std::size_t given = 0;
  for (std::uint32_t round = 0; round < count; ++round) {
    std::string sent = frame(0x82, connack());
    for (int i = 0; i < 5; ++i) {
      auto packet = source.below(8) == 0 ? source.spoiled(5) : source.good(5);
      if (packet[0] == 0x20) continue;
      const auto cut = source.below(static_cast<std::uint32_t>(packet.size() + 1));
      sent += frame(0x02, packet.substr(0, cut)) + (source.below(3) == 0 ? frame(0x89, "ping") : "");
      sent += frame(0x80, packet.substr(cut));
    }
    if (source.below(2) == 0)
      sent[source.below(static_cast<std::uint32_t>(sent.size()))] = static_cast<char>(source.below(256));
    const auto out = rebuild(kAnswer + sent, 1 + source.below(100)).bytes.substr(kAnswer.size());
    for (std::size_t at = 0; at < out.size();) {
      ASSERT_LT(at + 1, out.size());
      const bool is_ping = out[at] == '\x89';
      ASSERT_TRUE(is_ping || out[at] == '\x82');
      std::size_t size = static_cast<unsigned char>(out[at + 1]);
      const std::size_t header = 2U + (size == 126 ? 2U : size == 127 ? 8U : 0U);
      if (at + header > out.size()) break;
      if (header > 2) size = 0;
      for (std::size_t i = 2; i < header; ++i) size = size << 8 | static_cast<unsigned char>(out[at + i]);
      if (at + header + size > out.size()) break;  // begun, then refused, or not whole yet
      if (!is_ping) {
        ASSERT_TRUE(testing::is_well_formed(out.substr(at + header, size), 5));
        ++given;
      }
      at += header + size;
    }
  }
  EXPECT_GT(given, count);
}

}  // namespace
}  // namespace honeyframe
