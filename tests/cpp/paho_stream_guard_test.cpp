// PahoStream as a guard: what Paho writes, what a broker sends, and what of it is handed out.

#include <gtest/gtest.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <csignal>
#include <string>

#include "connected_sockets.h"
#include "packet_oracle.h"
#include "packet_watch.h"
#include "paho_stream.h"
#include "paho_stream_tls_fixture.h"
#include "test_server.h"

namespace honeyframe {
namespace {

using testing::ConnectedSockets;
using testing::framed;
using testing::sized;

std::string connect_packet(const std::string& client) {
  return framed(0x10, sized("MQTT") + std::string("\x04\x02\0\x1e", 4) + sized(client));
}
const std::string kConnack("\x20\x02\0\0", 4);
const std::string kGood = framed(0x30, sized("a") + "payload");
const std::string kBad = framed(0x36, sized("a") + "QoS 3");

void write_to(const ConnectedSockets& pair, std::string bytes) {
  const iovec piece{bytes.data(), bytes.size()};
  ASSERT_EQ(PahoStream::of(pair.ours())->write(pair.ours(), &piece, 1), static_cast<ssize_t>(bytes.size()));
}

// As Paho does: all that it asks for, or what there is.
std::string read_from(const ConnectedSockets& pair, std::size_t size) {
  std::string bytes(size, '\0');
  const auto got = PahoStream::of(pair.ours())->read(pair.ours(), bytes.data(), size);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

int error_of_read(const ConnectedSockets& pair) {
  char byte = 0;
  errno = 0;
  return PahoStream::of(pair.ours())->read(pair.ours(), &byte, 1) == -1 ? errno : 0;
}

// As Paho must be told where frames come: it overlooks errors there.
bool is_at_end(const ConnectedSockets& pair) {
  char byte = 0;
  auto& stream = *PahoStream::of(pair.ours());
  return stream.is_readable() && stream.read(pair.ours(), &byte, 1) == 0 && stream.is_readable();
}

TEST(PahoStreamGuard, HandsOutWhatIsGoodAndEndsWithWhatIsNot) {
  const ConnectedSockets pair;
  const auto watch = PacketWatch::make("guarded", "broker.example", 1883, 1'000);
  auto& stream = *PahoStream::of(pair.ours());
  stream.forget();
  stream.set_peer("broker.example", 1883);
  write_to(pair, connect_packet("guarded"));
  pair.send(kConnack + kGood + kBad + kGood);
  EXPECT_EQ(read_from(pair, 1), kConnack.substr(0, 1));
  EXPECT_EQ(read_from(pair, 100), kConnack.substr(1) + kGood) << "and not a byte of what comes behind";
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(stream.is_readable());
    EXPECT_EQ(error_of_read(pair), EPROTO);
  }
  const auto refusal = watch->take();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->fault, PacketFault::qos_3);
  stream.forget();
  EXPECT_FALSE(stream.is_readable()) << "that was another connection";
  pair.send("of the next");
  EXPECT_EQ(read_from(pair, 3), "of ");
}

TEST(PahoStreamGuard, TakesTheSizeFromWhoConnects) {
  const ConnectedSockets pair;
  const auto watch = PacketWatch::make("small", "broker.example", 1883, 300);
  PahoStream::of(pair.ours())->set_peer("broker.example", 1883);
  write_to(pair, connect_packet("small"));
  pair.send(kConnack + framed(0x30, sized("a") + std::string(294, 'x')));
  EXPECT_EQ(read_from(pair, 400).size(), 4u + 300u);
  pair.send(framed(0x30, sized("a") + std::string(295, 'x')));
  EXPECT_EQ(error_of_read(pair), EPROTO);
  const auto refusal = watch->take();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->text(), "the broker sent PUBLISH of 301 bytes, and maximum_packet_size is 300");
}

// In place, past the buffer.
TEST(PahoStreamGuard, ChecksWhatIsReadIntoPahosOwnMemory) {
  const ConnectedSockets pair;
  const auto watch = PacketWatch::make("large", "broker.example", 1883, 1'000'000);
  PahoStream::of(pair.ours())->set_peer("broker.example", 1883);
  write_to(pair, connect_packet("large"));
  const auto large = framed(0x30, sized("a") + std::string(150'000, 'x'));
  const auto bad = framed(0x32, sized("a") + std::string(2, '\0') + std::string(150'000, 'x'));
  pair.send(kConnack + large);
  auto got = read_from(pair, 9);
  while (got.size() < 4 + large.size()) {
    const auto more = read_from(pair, 4 + large.size() - got.size());
    ASSERT_FALSE(more.empty());
    got += more;
  }
  EXPECT_EQ(got, kConnack + large);
  pair.send(bad);
  EXPECT_EQ(read_from(pair, 140'000), "");
  ASSERT_TRUE(watch->take());
}

TEST(PahoStreamGuard, CutsAtEveryByteMakeNoDifference) {
  const auto sent = kConnack + kGood + kBad;
  for (std::size_t cut = 1; cut < sent.size(); ++cut) {
    const ConnectedSockets pair;
    PahoStream::of(pair.ours())->forget();
    write_to(pair, connect_packet("cut"));
    pair.send(sent.substr(0, cut));
    auto got = read_from(pair, 100);
    pair.send(sent.substr(cut));
    got += read_from(pair, 100);
    EXPECT_EQ(got.substr(0, kConnack.size() + kGood.size()), kConnack + kGood);
    EXPECT_LT(got.size(), sent.size());
    EXPECT_EQ(error_of_read(pair), EPROTO);
  }
}

TEST(PahoStreamGuard, LooksAtWhatCameBeforeConnect) {
  const ConnectedSockets pair;
  PahoStream::of(pair.ours())->forget();
  write_to(pair, "CONNECT broker.example:1883 HTTP/1.1\r\n\r\n");
  pair.send("HTTP/1.1 200 OK\r\n\r\n" + kConnack + kBad);
  EXPECT_EQ(read_from(pair, 19), "HTTP/1.1 200 OK\r\n\r\n") << "a proxy's answer is no packet";
  write_to(pair, connect_packet("behind a proxy"));
  EXPECT_EQ(read_from(pair, 100), kConnack);
  EXPECT_EQ(error_of_read(pair), EPROTO);
}

TEST(PahoStreamGuard, ReadsNothingWhereItCannotReadConnect) {
  const ConnectedSockets pair;
  PahoStream::of(pair.ours())->forget();
  write_to(pair, framed(0x10, sized("MQTT") + "\x09" + "of the future"));
  pair.send(kConnack);
  EXPECT_EQ(error_of_read(pair), EPROTO);
}

std::string server_frame(const std::string& payload) {
  return "\x82" + std::string(1, static_cast<char>(payload.size())) + payload;
}
std::string client_frame(const std::string& payload) {  // masked with zeros
  return "\x82" + std::string(1, static_cast<char>(0x80 + payload.size())) + std::string(4, '\0') + payload;
}
const std::string kAnswer = "HTTP/1.1 101 Switching Protocols\r\n\r\n";

TEST(PahoStreamGuard, TakesFramesApart) {
  const ConnectedSockets pair;
  const auto watch = PacketWatch::make("framed", "broker.example", 80, 1'000);
  auto& stream = *PahoStream::of(pair.ours());
  stream.forget();
  stream.set_peer("broker.example", 80);
  write_to(pair, "GET /mqtt HTTP/1.1\r\n\r\n");
  pair.send(kAnswer.substr(0, 20));
  EXPECT_EQ(read_from(pair, 12), "") << "the answer is given when it is whole";
  EXPECT_EQ(errno, EAGAIN);
  pair.send(kAnswer.substr(20) + "\x89" + std::string(1, '\0'));
  EXPECT_EQ(read_from(pair, 12), kAnswer.substr(0, 12));
  EXPECT_EQ(read_from(pair, 1'024), kAnswer.substr(12)) << "and alone";
  EXPECT_TRUE(stream.is_readable()) << "there is a ping";
  EXPECT_EQ(read_from(pair, 2), std::string("\x89\0", 2));
  write_to(pair, client_frame(connect_packet("framed")));
  pair.send(server_frame(kConnack + kGood) + server_frame(kGood.substr(0, 3)) + server_frame(kGood.substr(3)));
  const auto expected = server_frame(kConnack) + server_frame(kGood) + server_frame(kGood);
  EXPECT_EQ(read_from(pair, 2), expected.substr(0, 2));
  EXPECT_EQ(read_from(pair, 1'000), expected.substr(2));
  EXPECT_EQ(error_of_read(pair), EAGAIN);
  pair.send(server_frame(kGood) + server_frame(kBad));
  EXPECT_EQ(read_from(pair, 1'000), server_frame(kGood));
  EXPECT_TRUE(is_at_end(pair));
  ASSERT_TRUE(watch->take());
}

// Paho would keep half a frame for the next connection.
TEST(PahoStreamGuard, GivesNoPartOfAPacketThatIsNotWhole) {
  const ConnectedSockets pair;
  const auto watch = PacketWatch::make("whole", "broker.example", 80, 1'000'000);
  auto& stream = *PahoStream::of(pair.ours());
  stream.forget();
  stream.set_peer("broker.example", 80);
  write_to(pair, "GET /mqtt HTTP/1.1\r\n\r\n");
  pair.send(kAnswer);
  EXPECT_EQ(read_from(pair, 1'000), kAnswer);
  write_to(pair, client_frame(connect_packet("whole")));
  const auto packets = server_frame(kConnack) + server_frame(kGood);
  std::string got;
  for (const char byte : packets) {
    pair.send(std::string(1, byte));
    got += read_from(pair, 1'000);
    EXPECT_TRUE(got.empty() || got == server_frame(kConnack) || got == packets) << got.size();
  }
  EXPECT_EQ(got, packets);
  // Only what the buffer cannot hold is given in parts.
  const auto large = framed(0x30, sized("a") + std::string(200'000, 'l'));
  const std::string frame = std::string("\x82\x7f\0\0\0\0\0", 7) + static_cast<char>(large.size() >> 16) +
                            static_cast<char>(large.size() >> 8) + static_cast<char>(large.size()) + large;
  pair.send(frame + packets.substr(server_frame(kConnack).size()));
  got.clear();
  for (int i = 0; i < 100 && got.size() < frame.size() + server_frame(kGood).size(); ++i)
    got += read_from(pair, 300'000);
  EXPECT_EQ(got, frame + server_frame(kGood));
  // A fault behind its header: nothing of it was given.
  pair.send(server_frame(kGood) + server_frame(framed(0x32, sized("a") + std::string(2, '\0') + "identifier 0")));
  EXPECT_EQ(read_from(pair, 1'000), server_frame(kGood));
  EXPECT_TRUE(is_at_end(pair));
  ASSERT_TRUE(watch->take());
}

TEST(PahoStreamGuard, EndsWithAServersClose) {
  const ConnectedSockets pair;
  PahoStream::of(pair.ours())->forget();
  write_to(pair, "GET /mqtt HTTP/1.1\r\n\r\n");
  pair.send(kAnswer + std::string("\x88\0", 2));
  EXPECT_EQ(read_from(pair, 1'000), kAnswer);
  EXPECT_TRUE(is_at_end(pair));
}

TEST(PahoStreamGuard, TellsAResetOfFramesAsTheirEnd) {
  ConnectedSockets pair;
  PahoStream::of(pair.ours())->forget();
  write_to(pair, "GET /mqtt HTTP/1.1\r\n\r\n");
  pair.send(kAnswer);
  EXPECT_EQ(read_from(pair, 1'000), kAnswer);
  pair.reset_theirs();
  EXPECT_EQ(read_from(pair, 1), "");
  EXPECT_TRUE(is_at_end(pair));
}

TEST(PahoStreamGuard, IsNotKeptBusyWithPongs) {
  const ConnectedSockets pair;
  PahoStream::of(pair.ours())->forget();
  write_to(pair, "GET /mqtt HTTP/1.1\r\n\r\n");
  pair.send(kAnswer);
  EXPECT_EQ(read_from(pair, 1'000), kAnswer);
  std::string pongs;
  while (pongs.size() < 100'000) pongs += "\x8A" + std::string(1, '\x7d') + std::string(125, 'p');
  pair.send(pongs);
  EXPECT_EQ(error_of_read(pair), EAGAIN) << "all of them, in one question of Paho's";
}

// The same over TLS.
class PahoStreamGuardTls : public testing::PahoStreamTls {
 protected:
  void SetUp() override {
    stream().forget();
    stream().set_peer("broker.example", 8883);
    PahoStreamTls::SetUp();
  }
  void write(const std::string& bytes) {
    ASSERT_EQ(stream().write_tls(client_, bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
  }
  void expect_cut() {
    for (int i = 0; i < 2; ++i) {
      EXPECT_TRUE(stream().is_readable());
      EXPECT_EQ(read(1), "");
      EXPECT_EQ(result_, -1);
      EXPECT_EQ(SSL_get_error(client_, result_), SSL_ERROR_SYSCALL);
    }
  }
};

TEST_F(PahoStreamGuardTls, HandsOutWhatIsGoodAndEndsWithWhatIsNot) {
  const auto watch = PacketWatch::make("guarded", "broker.example", 8883, 1'000);
  write(connect_packet("guarded"));
  send(kConnack + kGood + kBad + kGood);
  EXPECT_EQ(read(1), kConnack.substr(0, 1));
  EXPECT_EQ(read(100), kConnack.substr(1) + kGood);
  expect_cut();
  ASSERT_TRUE(watch->take());
}

TEST_F(PahoStreamGuardTls, ReadsRecordsOfOneByte) {
  write(connect_packet("sliced"));
  for (const char byte : kConnack + kGood) send(std::string(1, byte));
  EXPECT_EQ(read(4), kConnack);
  EXPECT_EQ(read(100), kGood);
  for (const char byte : kBad) send(std::string(1, byte));
  EXPECT_LT(read(100).size(), kBad.size());
  expect_cut();
}

TEST_F(PahoStreamGuardTls, TakesFramesApart) {
  const auto watch = PacketWatch::make("framed", "broker.example", 8883, 1'000);
  write("GET /mqtt HTTP/1.1\r\n\r\n");
  for (const char byte : kAnswer) send(std::string(1, byte));
  EXPECT_EQ(read(1'000), kAnswer);
  write(client_frame(connect_packet("framed")));
  send(server_frame(kConnack + kGood));
  EXPECT_EQ(read(1'000), server_frame(kConnack) + server_frame(kGood));
  EXPECT_EQ(read(1), "");
  EXPECT_EQ(SSL_get_error(client_, result_), SSL_ERROR_WANT_READ);
  send(server_frame(kBad));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(read(1), "");
    EXPECT_EQ(result_, 0);
    EXPECT_TRUE(stream().is_readable());
  }
  ASSERT_TRUE(watch->take());
}

TEST_F(PahoStreamGuardTls, TellsTheEndOfFrames) {
  write("GET /mqtt HTTP/1.1\r\n\r\n");
  send(kAnswer);
  SSL_shutdown(server_);
  EXPECT_EQ(read(1'000), kAnswer);
  EXPECT_EQ(read(1), "");
  EXPECT_EQ(result_, 0);
}

}  // namespace
}  // namespace honeyframe
