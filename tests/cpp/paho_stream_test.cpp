#include "paho_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "connected_sockets.h"
#include "paho_stream_tls_fixture.h"
#include "test_server.h"

namespace honeyframe {
namespace {

using testing::ConnectedSockets;

std::string read_from(int descriptor, std::size_t size) {
  std::string bytes(size, '\0');
  const auto got = PahoStream::of(descriptor)->read(descriptor, bytes.data(), size);
  bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return bytes;
}

TEST(PahoStream, ReadsAheadAndHandsOutPieces) {
  const ConnectedSockets pair;
  pair.send("0123456789");
  auto& stream = *PahoStream::of(pair.ours());
  EXPECT_FALSE(stream.is_readable()) << "nobody has read yet";
  EXPECT_EQ(read_from(pair.ours(), 1), "0");
  EXPECT_TRUE(stream.is_readable());
  EXPECT_EQ(stream.kept(), 9u);
  EXPECT_EQ(read_from(pair.ours(), 4), "1234");
  pair.send("ab");
  EXPECT_EQ(read_from(pair.ours(), 7), "56789ab") << "what was kept, and what has come since";
  EXPECT_FALSE(stream.is_readable());
  char byte = 0;
  EXPECT_EQ(stream.read(pair.ours(), &byte, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
}

TEST(PahoStream, HandsOutWhatItKeepsWhileMoreIsKept) {
  const ConnectedSockets pair;
  pair.send("012345");
  auto& stream = *PahoStream::of(pair.ours());
  std::string bytes(3, ' ');
  EXPECT_FALSE(stream.read_kept(bytes.data(), 3)) << "nothing is kept yet";
  EXPECT_EQ(read_from(pair.ours(), 1), "0");
  EXPECT_FALSE(stream.read_kept(nullptr, 0)) << "Paho does ask for nothing, into no memory";
  EXPECT_TRUE(stream.read_kept(bytes.data(), 3));
  EXPECT_EQ(bytes, "123");
  EXPECT_FALSE(stream.read_kept(bytes.data(), 2)) << "all of it: whether more can be read must be found out then";
  EXPECT_TRUE(stream.is_readable());
  EXPECT_EQ(read_from(pair.ours(), 2), "45");
  EXPECT_FALSE(stream.is_readable());
}

TEST(PahoStream, KnowsWhenTheBytesCame) {
  const ConnectedSockets pair;
  const auto now = [] {
    const auto since = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
  };
  pair.send("one, two");
  const auto before = now();
  EXPECT_EQ(read_from(pair.ours(), 3), "one");
  const auto first = PahoStream::read_time_ns();
  EXPECT_GE(first, before);
  EXPECT_LE(first, now());
  EXPECT_EQ(read_from(pair.ours(), 5), ", two");
  EXPECT_EQ(PahoStream::read_time_ns(), first) << "it was here already";
  pair.send("three");
  EXPECT_EQ(read_from(pair.ours(), 5), "three");
  EXPECT_GT(PahoStream::read_time_ns(), first);
}

TEST(PahoStream, TellsTheEndAfterTheBytes) {
  ConnectedSockets pair;
  pair.send("last words");
  pair.close_theirs();
  auto& stream = *PahoStream::of(pair.ours());
  EXPECT_EQ(read_from(pair.ours(), 5), "last ");
  EXPECT_EQ(read_from(pair.ours(), 9), "words") << "the end is found here, and kept back";
  EXPECT_TRUE(stream.is_readable()) << "there is an end to be read";
  char byte = 0;
  errno = 0;
  EXPECT_EQ(stream.read(pair.ours(), &byte, 1), 0);
  EXPECT_EQ(stream.read(pair.ours(), &byte, 1), 0) << "and again";
}

TEST(PahoStream, TellsAnErrorAfterTheBytes) {
  ConnectedSockets pair;
  pair.send("last words");
  auto& stream = *PahoStream::of(pair.ours());
  EXPECT_EQ(read_from(pair.ours(), 5), "last ");
  pair.reset_theirs();
  EXPECT_EQ(read_from(pair.ours(), 9), "words") << "the system tells a reset once; the stream keeps it";
  char byte = 0;
  EXPECT_EQ(stream.read(pair.ours(), &byte, 1), -1);
  EXPECT_EQ(errno, ECONNRESET);
}

TEST(PahoStream, ReadsLargePiecesInPlace) {
  const ConnectedSockets pair;
  std::string sent(150'000, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>(i * 7);
  pair.send(sent);
  std::string got = read_from(pair.ours(), 3);
  while (got.size() < sent.size()) {
    const auto more = read_from(pair.ours(), sent.size() - got.size());
    ASSERT_FALSE(more.empty());
    got += more;
  }
  EXPECT_EQ(got, sent);
}

TEST(PahoStream, ForgetsWhenItsDescriptorIsUsedAgain) {
  const ConnectedSockets pair;
  pair.send("of the old connection");
  auto& stream = *PahoStream::of(pair.ours());
  EXPECT_EQ(read_from(pair.ours(), 2), "of");
  stream.set_connecting(true);
  stream.forget();
  EXPECT_FALSE(stream.is_readable());
  EXPECT_FALSE(stream.is_connecting());
  EXPECT_FALSE(stream.has_room());
  pair.send("new");
  EXPECT_EQ(read_from(pair.ours(), 10), "new");
}

TEST(PahoStream, KnowsWhatIsLeftOfAWrite) {
  const ConnectedSockets pair;
  auto& stream = *PahoStream::of(pair.ours());
  stream.found_room();
  EXPECT_TRUE(stream.has_room());
  std::string small = "small";
  iovec piece{small.data(), small.size()};
  EXPECT_EQ(stream.write(pair.ours(), &piece, 1), 5);
  EXPECT_TRUE(stream.has_room()) << "little was written";
  EXPECT_FALSE(stream.has_unwritten());
  std::string large(64UL * 1024 * 1024, 'x');
  piece = {large.data(), large.size()};
  const auto sent = stream.write(pair.ours(), &piece, 1);
  EXPECT_GT(sent, 0);
  EXPECT_LT(sent, static_cast<ssize_t>(large.size()));
  EXPECT_TRUE(stream.has_unwritten());
  EXPECT_FALSE(stream.has_room());
  EXPECT_EQ(stream.write(pair.ours(), &piece, 1), -1);
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_TRUE(stream.has_unwritten());
  stream.found_room();
  EXPECT_FALSE(stream.has_unwritten()) << "until the next write says otherwise";
}

TEST(PahoStream, AWriteThatFailsIsToldByTheReadThatFindsNoMore) {
  ConnectedSockets pair;
  auto& stream = *PahoStream::of(pair.ours());
  pair.send("why it ends");
  ASSERT_EQ(shutdown(pair.ours(), SHUT_WR), 0);
  std::string bytes = "never leaves";
  const iovec piece{bytes.data(), bytes.size()};
  EXPECT_EQ(stream.write(pair.ours(), &piece, 1), 12) << "Paho frees twice what it cannot write";
  EXPECT_FALSE(stream.has_unwritten());
  EXPECT_TRUE(stream.has_failed_to_write());
  EXPECT_TRUE(stream.is_readable()) << "Paho must come and hear of it";
  EXPECT_EQ(read_from(pair.ours(), 3), "why");
  EXPECT_EQ(read_from(pair.ours(), 20), " it ends");
  char byte = 0;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(stream.read(pair.ours(), &byte, 1), -1);
    EXPECT_EQ(errno, EPIPE);
    EXPECT_TRUE(stream.is_readable());
  }
  stream.forget();
  EXPECT_FALSE(stream.has_failed_to_write()) << "that was another connection's";
  EXPECT_FALSE(stream.is_readable());
}

TEST(PahoStream, IsOneForEachDescriptorThatThereCanBe) {
  EXPECT_EQ(PahoStream::of(-1), nullptr);
  EXPECT_EQ(PahoStream::of(1 << 20), nullptr);
  EXPECT_NE(PahoStream::of((1 << 20) - 1), nullptr);
  EXPECT_NE(PahoStream::of(3), PahoStream::of(4));
  EXPECT_EQ(PahoStream::of(static_cast<const SSL*>(nullptr)), nullptr);
}

using testing::PahoStreamTls;

TEST_F(PahoStreamTls, IsConnectingWhileTheGreetingHasNotLeft) {
  const ConnectedSockets other;
  auto& connecting = *PahoStream::of(other.ours());
  std::string filler(64UL * 1024 * 1024, 'x');
  const iovec piece{filler.data(), filler.size()};
  ASSERT_GT(connecting.write(other.ours(), &piece, 1), 0);
  // What the system moves on to the other side leaves room behind it, for a moment.
  for (int full = 0; full < 5;) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    full = connecting.write(other.ours(), &piece, 1) > 0 ? 0 : full + 1;
  }
  SSL* const tls = SSL_new(client_context_.get());
  SSL_set_fd(tls, other.ours());
  ASSERT_TRUE(connecting.start_tls(tls));
  EXPECT_EQ(connecting.connect_tls(tls), -1);
  EXPECT_TRUE(connecting.is_connecting()) << "for want of room";
  connecting.free_tls(tls);
  EXPECT_FALSE(stream().is_connecting()) << "the other one has";
}

TEST_F(PahoStreamTls, IsFoundByItsConnection) {
  EXPECT_EQ(PahoStream::of(client_), &stream());
  EXPECT_EQ(PahoStream::of(server_), nullptr);
}

TEST_F(PahoStreamTls, KeepsWhatARecordHoldsBeyondTheQuestion) {
  send("packet one, packet two");
  EXPECT_EQ(read(10), "packet one");
  EXPECT_TRUE(stream().is_readable());
  EXPECT_EQ(read(100), ", packet two");
  EXPECT_FALSE(stream().is_readable());
  EXPECT_EQ(read(1), "");
  EXPECT_EQ(SSL_get_error(client_, result_), SSL_ERROR_WANT_READ);
}

TEST_F(PahoStreamTls, KnowsOfRecordsThatOpensslHasReadAhead) {
  for (const auto* text : {"one", "two", "three"}) send(text);
  EXPECT_EQ(read(1), "o");
  // The socket is empty now: all three are within.
  char byte = 0;
  EXPECT_EQ(recv(pair_.ours(), &byte, 1, MSG_PEEK), -1);
  EXPECT_EQ(read(2), "ne");
  EXPECT_TRUE(stream().is_readable());
  EXPECT_EQ(read(3), "two");
  EXPECT_EQ(read(9), "three");
  EXPECT_FALSE(stream().is_readable());
}

TEST_F(PahoStreamTls, ReadsALargePacketAcrossItsRecords) {
  const std::string sent(100'000, 'l');
  send("h" + sent);
  EXPECT_EQ(read(1), "h");
  EXPECT_EQ(read(sent.size()), sent);
}

TEST_F(PahoStreamTls, TellsTheEndAfterTheBytes) {
  send("last words");
  SSL_shutdown(server_);
  EXPECT_EQ(read(5), "last ");
  EXPECT_EQ(read(9), "words");
  EXPECT_TRUE(stream().is_readable()) << "though nothing more will come to the socket";
  EXPECT_EQ(read(1), "");
  EXPECT_EQ(SSL_get_error(client_, result_), SSL_ERROR_ZERO_RETURN);
}

TEST_F(PahoStreamTls, ReadsWithAnEmptyErrorQueue) {
  send("x");
  ERR_put_error(ERR_LIB_SSL, 0, ERR_R_INTERNAL_ERROR, "somebody else's", 1);
  EXPECT_EQ(read(1), "x");
  ERR_put_error(ERR_LIB_SSL, 0, ERR_R_INTERNAL_ERROR, "somebody else's", 1);
  EXPECT_EQ(read(1), "");
  EXPECT_EQ(SSL_get_error(client_, result_), SSL_ERROR_WANT_READ) << "not what was in the queue before";
}

TEST_F(PahoStreamTls, ForgetsWhatCameInTheClear) {
  const ConnectedSockets other;
  other.send("injected by a proxy");
  auto& plain = *PahoStream::of(other.ours());
  EXPECT_EQ(read_from(other.ours(), 1), "i");
  EXPECT_GT(plain.kept(), 0u);
  SSL* const tls = SSL_new(client_context_.get());
  ASSERT_TRUE(plain.start_tls(tls));
  EXPECT_EQ(plain.kept(), 0u);
  EXPECT_FALSE(plain.is_readable());
  plain.free_tls(tls);
}

TEST_F(PahoStreamTls, ForgetsWithItsConnection) {
  send("never read");
  EXPECT_EQ(read(1), "n");
  stream().free_tls(client_);
  client_ = nullptr;
  EXPECT_FALSE(stream().is_readable());
}

TEST_F(PahoStreamTls, KnowsWhatIsLeftOfAWrite) {
  EXPECT_EQ(stream().write_tls(client_, "small", 5), 5);
  EXPECT_FALSE(stream().has_unwritten());
  const std::string large(64UL * 1024 * 1024, 'x');
  EXPECT_EQ(stream().write_tls(client_, large.data(), static_cast<int>(large.size())), -1);
  EXPECT_EQ(SSL_get_error(client_, -1), SSL_ERROR_WANT_WRITE);
  EXPECT_TRUE(stream().has_unwritten());
}

TEST_F(PahoStreamTls, AWriteThatFailsIsToldByTheReadThatFindsNoMore) {
  send("why it ends");
  ASSERT_EQ(shutdown(pair_.ours(), SHUT_WR), 0);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(stream().write_tls(client_, "never leaves", 12), 12);
  EXPECT_TRUE(stream().has_failed_to_write());
  EXPECT_TRUE(stream().is_readable());
  EXPECT_EQ(read(3), "why");
  EXPECT_EQ(read(20), " it ends");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(read(1), "");
    EXPECT_EQ(SSL_get_error(client_, result_), SSL_ERROR_SYSCALL);
    EXPECT_TRUE(stream().is_readable());
  }
}

}  // namespace
}  // namespace honeyframe
