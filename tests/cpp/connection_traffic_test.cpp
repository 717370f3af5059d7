#include "connection_traffic.h"

#include <gtest/gtest.h>

#include <string>

namespace honeyframe {
namespace {

std::string masked_frame(unsigned opcode, std::size_t size) {
  std::string frame(1, static_cast<char>(0x80U | opcode));
  if (size < 126) {
    frame += static_cast<char>(0x80U | size);
  } else {
    const std::size_t bytes = size < 65'536 ? 2 : 8;
    frame += static_cast<char>(0x80U | (bytes == 2 ? 126U : 127U));
    for (std::size_t i = bytes; i > 0; --i) frame += static_cast<char>(size >> 8 * (i - 1));
  }
  return frame + "mask" + std::string(size, 'c');
}

TEST(WrittenFrames, CountsTheContentOfDataFramesWhereverThePiecesEnd) {
  const auto written = masked_frame(2, 100) + masked_frame(10, 20) + masked_frame(2, 0) + masked_frame(2, 126) +
                       masked_frame(8, 2) + masked_frame(0, 70'000) + masked_frame(2, 1);
  for (const std::size_t piece : {1UL, 3UL, 7UL, 1'000UL, 100'000UL}) {
    WrittenFrames frames;
    std::size_t content = 0;
    for (std::size_t at = 0; at < written.size(); at += piece)
      content += frames.content_of(written.data() + at, std::min(piece, written.size() - at));
    EXPECT_EQ(content, 100u + 126u + 70'000u + 1u) << "in pieces of " << piece;
  }
}

TEST(ConnectionTraffic, KeepsWhatCameBeforeItIsKnownWhoseItIs) {
  const auto session = std::make_shared<Traffic>();
  ConnectionTraffic connection;
  connection.sent(10);
  connection.received(20);
  EXPECT_FALSE(connection.is_empty());
  connection.belongs_to(session);
  EXPECT_TRUE(connection.is_empty());
  connection.sent(1);
  connection.sent_mqtt(1);
  connection.received(2);
  connection.received_mqtt(2);
  EXPECT_EQ(session->bytes(), (TrafficBytes{.mqtt_in = 2, .mqtt_out = 1, .wire_in = 22, .wire_out = 11}));
  connection.clear();
  connection.sent(5);
  EXPECT_EQ(session->bytes().wire_out, 11u) << "the next one's is not the last one's";
}

TEST(ConnectionTraffic, CountsOnlyTheFramesThatHaveLeft) {
  const auto session = std::make_shared<Traffic>();
  ConnectionTraffic connection;
  connection.belongs_to(session);
  auto head = masked_frame(2, 50);
  std::string tail = masked_frame(2, 8);
  const iovec pieces[] = {{head.data(), head.size()}, {tail.data(), tail.size()}};
  connection.sent_frames(pieces, 2, 6 + 30);
  EXPECT_EQ(session->bytes().mqtt_out, 30u);
  const iovec rest[] = {{head.data() + 36, head.size() - 36}, {tail.data(), tail.size()}};
  connection.sent_frames(rest, 2, head.size() - 36 + tail.size());
  EXPECT_EQ(session->bytes().mqtt_out, 58u);
}

}  // namespace
}  // namespace honeyframe
