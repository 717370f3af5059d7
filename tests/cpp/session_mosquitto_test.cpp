// The same against a broker that is not ours: Mosquitto, where it is installed.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "session_for_tests.h"

extern char** environ;

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::connected_session;
using testing::drain;
using testing::eventually;
using testing::queue;
using testing::status_of;
using testing::subscribe;

std::string mosquitto_path() {
  for (const auto* path : {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/opt/homebrew/sbin/mosquitto"}) {
    if (access(path, X_OK) == 0) return path;
  }
  return {};
}

std::uint16_t free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  const bool bound = bind(probe, generic, size) == 0 && getsockname(probe, generic, &size) == 0;
  close(probe);
  return bound ? ntohs(address.sin_port) : std::uint16_t{0};
}

class Mosquitto : public ::testing::TestWithParam<ProtocolVersion> {
 protected:
  void SetUp() override {
    const auto path = mosquitto_path();
    if (path.empty()) GTEST_SKIP() << "mosquitto is not installed (Debian: apt-get install mosquitto)";
    char directory[] = "/tmp/honeyframe-mosquitto-XXXXXX";
    ASSERT_NE(mkdtemp(directory), nullptr);
    directory_ = directory;
    port_ = free_port();
    std::ofstream(directory_ + "/acl") << "topic readwrite plant/#\ntopic readwrite bulk/#\n";
    std::ofstream(directory_ + "/conf") << "listener " << port_
                                        << " 127.0.0.1\nallow_anonymous true\nuser root\nacl_file " << directory_
                                        << "/acl\nmax_queued_messages 0\nlog_dest none\n";
    start(path);
  }
  void TearDown() override {
    stop();
    for (const auto* name : {"/acl", "/conf"}) std::remove((directory_ + name).c_str());
    rmdir(directory_.c_str());
  }
  void start(const std::string& path) {
    const auto file = directory_ + "/conf";
    const char* const arguments[] = {"mosquitto", "-c", file.c_str(), nullptr};
    ASSERT_EQ(posix_spawn(&process_, path.c_str(), nullptr, nullptr, const_cast<char* const*>(arguments), environ), 0);
    ASSERT_TRUE(eventually([&] { return answers(); }));
  }
  void stop() {
    if (process_ <= 0) return;
    kill(process_, SIGTERM);
    waitpid(process_, nullptr, 0);
    process_ = 0;
  }
  [[nodiscard]] bool answers() const {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool open = connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    close(probe);
    return open;
  }
  [[nodiscard]] ConnectOptions options() const {
    ConnectOptions made;
    made.uri = BrokerUri::parse("mqtt://127.0.0.1:" + std::to_string(port_)).value();
    made.protocol = GetParam();
    made.reconnect_min_delay = 20ms;
    made.reconnect_max_delay = 100ms;
    return made;
  }

  std::string directory_;
  std::uint16_t port_ = 0;
  pid_t process_ = 0;
};

TEST_P(Mosquitto, CarriesEveryQosBothWays) {
  auto session = connected_session(options());
  const auto stream = queue();
  const auto [status, id, codes] = subscribe(*session, {"plant/#"}, stream, 2);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(codes, std::vector<int>{2});
  for (int qos = 0; qos < 3; ++qos) {
    EXPECT_TRUE(
        status_of(session->publish({.topic = "plant/" + std::to_string(qos), .payload = "{}", .qos = qos})).ok());
  }
  const auto messages = drain(*stream, 3);
  ASSERT_EQ(messages.size(), 3u);
  for (const auto& message : messages) EXPECT_EQ(message.topic, "plant/" + std::to_string(message.qos));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
}

TEST_P(Mosquitto, RoutesOverlappingStreamsAndRetainedMessages) {
  auto session = connected_session(options());
  ASSERT_TRUE(status_of(session->publish({.topic = "plant/state", .payload = "kept", .qos = 1, .retain = true})).ok());
  const auto all = queue();
  const auto same = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"plant/#"}, all)).ok());
  EXPECT_EQ(drain(*all, 1).size(), 1u);
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"plant/#"}, same)).ok());
  const auto kept = drain(*same, 1);
  ASSERT_EQ(kept.size(), 1u);
  EXPECT_TRUE(kept[0].retain);
  ASSERT_TRUE(status_of(session->publish({.topic = "plant/live", .payload = "now", .qos = 1})).ok());
  // Both asked within the time that a broker may take to send what it keeps: both get it, one of them twice.
  EXPECT_EQ(drain(*all, 2).at(1).payload, "now");
  EXPECT_EQ(drain(*same, 1).at(0).payload, "now");
  const auto info = session->info();
  EXPECT_EQ(info.arrived, info.routed + info.unmatched);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
}

TEST_P(Mosquitto, SurvivesARestartOfTheBroker) {
  auto session = connected_session(options());
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"plant/#"}, stream)).ok());
  stop();
  ASSERT_TRUE(eventually([&] { return session->info().state == SessionState::reconnecting; }));
  start(mosquitto_path());
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(status_of(session->publish({.topic = "plant/again", .payload = "x", .qos = 1})).ok());
  EXPECT_EQ(drain(*stream, 1).at(0).topic, "plant/again");
  EXPECT_TRUE(status_of(session->close(2s)).ok());
}

TEST_P(Mosquitto, CountsEveryMessageOfABurst) {
  constexpr std::uint64_t kMessages = 20'000;
  auto session = connected_session(options());
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"bulk/#"}, stream, 1)).ok());
  std::vector<OperationPtr> all;
  for (std::uint64_t i = 0; i < kMessages; ++i) {
    all.push_back(
        session->publish({.topic = "bulk/" + std::to_string(i % 10), .payload = std::string(200, 'x'), .qos = 1}));
    if (all.size() == 5'000) {
      for (const auto& operation : all) ASSERT_TRUE(status_of(operation).ok());
      all.clear();
    }
  }
  EXPECT_EQ(drain(*stream, kMessages).size(), kMessages);
  EXPECT_EQ(session->info().arrived, kMessages);
  EXPECT_EQ(session->info().published, kMessages);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
}

INSTANTIATE_TEST_SUITE_P(Versions, Mosquitto,
                         ::testing::Values(ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5_0));

}  // namespace
}  // namespace honeyframe
