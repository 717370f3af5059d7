#include "paho_transport.h"

#include <MQTTAsync.h>
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "connected_sockets.h"
#include "paho_stream.h"
#include "scripted_broker.h"

namespace honeyframe {
namespace {

using testing::ConnectedSockets;

TEST(PahoTransport, OpensSocketsThatSendAtOnceAndEndWithTheProcess) {
  const testing::ScriptedBroker listener;
  const int descriptor = honeyframe_paho_socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_NE(fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(listener.port());
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int result = honeyframe_paho_connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool in_progress = result != 0 && errno == EINPROGRESS;
  EXPECT_EQ(PahoStream::of(descriptor)->is_connecting(), in_progress);
  int no_delay = 0;
  socklen_t size = sizeof no_delay;
  getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size);
  EXPECT_NE(no_delay, 0);
  EXPECT_EQ(honeyframe_paho_close(descriptor), 0);
  EXPECT_FALSE(PahoStream::of(descriptor)->is_connecting());
}

TEST(PahoTransport, AConnectionThatIsRefusedIsNotConnecting) {
  const int descriptor = honeyframe_paho_socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(1);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(honeyframe_paho_connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address), -1);
  EXPECT_EQ(errno, ECONNREFUSED);
  EXPECT_FALSE(PahoStream::of(descriptor)->is_connecting());
  honeyframe_paho_close(descriptor);
}

TEST(PahoTransport, NothingOfAConnectionIsReadFromTheNextOne) {
  int used = -1;
  {
    const ConnectedSockets pair;
    pair.send("of the first");
    char byte = 0;
    ASSERT_EQ(honeyframe_paho_recv(pair.ours(), &byte, 1, 0), 1);
    used = dup(pair.ours());  // a number that is free again after its close
    ASSERT_EQ(honeyframe_paho_recv(used, &byte, 1, 0), -1);
    char more[4];
    const ConnectedSockets other;
    other.send("ab");
    ASSERT_EQ(dup2(other.ours(), used), used);
    ASSERT_EQ(honeyframe_paho_recv(used, more, 1, 0), 1);
    EXPECT_TRUE(PahoStream::of(used)->is_readable());
    honeyframe_paho_close(used);
  }
  const int descriptor = honeyframe_paho_socket(AF_INET, SOCK_STREAM, 0);
  ASSERT_EQ(dup2(descriptor, used), used);
  EXPECT_FALSE(PahoStream::of(used)->is_readable());
  honeyframe_paho_close(descriptor);
  honeyframe_paho_close(used);
}

TEST(PahoTransport, PassesOnWhatItDoesNotKnow) {
  char byte = 0;
  EXPECT_EQ(honeyframe_paho_recv(-1, &byte, 1, 0), -1);
  EXPECT_EQ(errno, EBADF);
  const iovec piece{&byte, 1};
  EXPECT_EQ(honeyframe_paho_writev(-1, &piece, 1), -1);
  EXPECT_EQ(errno, EBADF);
  EXPECT_EQ(honeyframe_paho_poll(nullptr, 0, 0), 0);
  const ConnectedSockets pair;
  EXPECT_EQ(honeyframe_paho_recv(pair.ours(), nullptr, 0, 0), 0) << "as Paho does before it closes";
}

TEST(PahoTransport, HidesTheVariablesFromPahoAlone) {
  setenv("http_proxy", "http://user:secret@127.0.0.1:9", 1);
  setenv("MQTT_C_CLIENT_TRACE", "ON", 1);
  EXPECT_EQ(honeyframe_paho_getenv("http_proxy"), nullptr);
  EXPECT_EQ(honeyframe_paho_getenv("MQTT_C_CLIENT_TRACE"), nullptr);
  EXPECT_NE(honeyframe_paho_getenv("PATH"), nullptr);
  EXPECT_NE(std::getenv("http_proxy"), nullptr);
  unsetenv("http_proxy");
  unsetenv("MQTT_C_CLIENT_TRACE");
}

TEST(PahoTransport, LeavesTheErrorQueueToTheStreams) {
  ERR_put_error(ERR_LIB_SSL, 0, ERR_R_INTERNAL_ERROR, "here", 1);
  honeyframe_paho_ERR_clear_error();
  EXPECT_NE(ERR_peek_error(), 0u);
  ERR_clear_error();
}

TEST(PahoTransport, PahosClockIsNeverAheadAndCloseEnough) {
  timespec coarse{};
  timespec now{};
  ASSERT_EQ(honeyframe_paho_clock_gettime(CLOCK_MONOTONIC, &coarse), 0);
  clock_gettime(CLOCK_MONOTONIC, &now);
  const auto behind_ms = (now.tv_sec - coarse.tv_sec) * 1'000 + (now.tv_nsec - coarse.tv_nsec) / 1'000'000;
  EXPECT_GE(behind_ms, 0);
  EXPECT_LT(behind_ms, 100);
}

TEST(PahoTransport, PahosNamesAreItsOwn) {
  EXPECT_EQ(dlsym(RTLD_DEFAULT, "MQTTAsync_connect"), nullptr) << "another Paho in the process would meet ours";
  EXPECT_EQ(dlsym(RTLD_DEFAULT, "Log_initialize"), nullptr);
  EXPECT_NE(MQTTAsync_getVersionInfo(), nullptr) << "and we reach it all the same";
}

}  // namespace
}  // namespace honeyframe
