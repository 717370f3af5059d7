#include "probe_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>

#include "test_server.h"

namespace honeyframe {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;
using namespace testing_support;

class ProbeSocketTest : public testing::Test {
 protected:
  ProbeLimit within(milliseconds time) const { return {std::chrono::steady_clock::now() + time, &cancelled_}; }
  std::atomic<bool> cancelled_{false};
};

TEST_F(ProbeSocketTest, SendsAndReceivesUntilTheEnd) {
  const TestServer server([](Connection& connection) { connection.write("you said " + connection.read_until("\n")); });
  Result<ProbeSocket> socket = ProbeSocket::connect("127.0.0.1", server.port(), within(milliseconds(3'000)));
  ASSERT_TRUE(socket.ok()) << socket.status().message();
  const std::string long_text = std::string(3'000'000, 'x') + "\n";  // more than the socket's buffer takes at once
  ASSERT_TRUE(socket->send(long_text).ok());
  std::string answer;
  for (;;) {
    const Result<std::string> bytes = socket->receive();
    ASSERT_TRUE(bytes.ok()) << bytes.status().message();
    if (bytes.value().empty()) break;
    answer += bytes.value();
  }
  EXPECT_EQ(answer.size(), long_text.size() + 9);
}

// The server has no IPv6: where localhost is both, the second address must be tried.
TEST_F(ProbeSocketTest, TriesTheAddressesInTurn) {
  const TestServer server([](Connection& connection) { connection.read_all(); });
  EXPECT_TRUE(ProbeSocket::connect("localhost", server.port(), within(milliseconds(3'000))).ok());
}

TEST_F(ProbeSocketTest, NamesWhatFails) {
  const Result<ProbeSocket> refused = ProbeSocket::connect("127.0.0.1", closed_port(), within(milliseconds(3'000)));
  EXPECT_EQ(refused.status().code(), ErrorCode::connection_refused);
  EXPECT_THAT(refused.status().message(), HasSubstr("127.0.0.1:"));
  const Result<ProbeSocket> refused6 = ProbeSocket::connect("::1", closed_port(), within(milliseconds(3'000)));
  EXPECT_THAT(refused6.status().message(), HasSubstr("[::1]:"));
  EXPECT_EQ(ProbeSocket::connect("no-such-host.invalid", 1, within(milliseconds(3'000))).status().code(),
            ErrorCode::dns_failed);
}

TEST_F(ProbeSocketTest, SilenceEndsAtTheDeadline) {
  const TestServer server([](Connection& connection) { connection.read_all(); });
  Result<ProbeSocket> socket = ProbeSocket::connect("127.0.0.1", server.port(), within(milliseconds(20'000)));
  ASSERT_TRUE(socket.ok());
  const auto begin = std::chrono::steady_clock::now();
  socket->set_deadline(begin + milliseconds(120));
  EXPECT_EQ(socket->receive().status().code(), ErrorCode::connect_timeout);
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(took, milliseconds(120));
  EXPECT_LT(took, milliseconds(1'000));
}

TEST_F(ProbeSocketTest, ACancelledProbeDoesNothing) {
  const TestServer server([](Connection& connection) { connection.read_all(); });
  Result<ProbeSocket> socket = ProbeSocket::connect("127.0.0.1", server.port(), within(milliseconds(20'000)));
  ASSERT_TRUE(socket.ok());
  cancelled_ = true;
  EXPECT_EQ(socket->receive().status().code(), ErrorCode::closed);
  EXPECT_EQ(ProbeSocket::connect("127.0.0.1", server.port(), within(milliseconds(3'000))).status().code(),
            ErrorCode::closed);
}

}  // namespace
}  // namespace honeyframe
