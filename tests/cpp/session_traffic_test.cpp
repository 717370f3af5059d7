// A session's bytes against what the other end counts.

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <array>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "build_info.h"
#include "session_for_tests.h"
#include "test_server.h"

namespace honeyframe {
namespace {

using testing::connected_session;
using testing::drain;
using testing::eventually;
using testing::queue;
using testing::status_of;
using testing::subscribe;
using testing_support::Connection;
using testing_support::TestServer;

bool is_lean() {
  for (const auto& [name, value] : build_info()) {
    if (name == "paho") return value.ends_with(", lean");
  }
  return false;
}

std::string packet(char type, const std::string& body) {
  std::string length;
  for (auto rest = body.size(); length.empty() || rest > 0; rest /= 128) {
    length += static_cast<char>(rest % 128 | (rest / 128 > 0 ? 0x80U : 0U));
  }
  return type + length + body;
}

std::string publish_packet(int qos, std::uint32_t id, const std::string& payload) {
  return packet(static_cast<char>(0x30 | qos << 1),
                testing::two_bytes(6) + "wire/a" + (qos > 0 ? testing::two_bytes(id) : "") + payload);
}

// The other end of MQTT 3.1.1, and what it counted. In the clear: as it is written.
class Peer {
 public:
  explicit Peer(Connection& connection) : connection_(connection) {}
  virtual ~Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  // One packet from the client; its body.
  std::string expect(char type) {
    auto [found, body] = next();
    EXPECT_EQ(found, type);
    return body;
  }
  std::pair<char, std::string> next() {
    std::string bytes = content(2);
    const char type = bytes[0];
    std::size_t size = static_cast<unsigned char>(bytes[1]) & 0x7FU;
    for (unsigned shift = 7; (bytes.back() & 0x80) != 0; shift += 7) {
      bytes += content(1);
      size |= (static_cast<unsigned char>(bytes.back()) & 0x7FUL) << shift;
    }
    const auto body = content(size);
    mqtt.in += bytes.size() + body.size();
    return {type, body};
  }
  // Up to the client's leaving.
  void take_rest() { mqtt.in += buffer_.size() + connection_.read_all().size(); }
  virtual void send(const std::string& packets) {
    mqtt.out += packets.size();
    connection_.write(packets);
  }

  Connection::Moved mqtt;

 protected:
  virtual std::string content(std::size_t size) {
    while (buffer_.size() < size) {
      const auto more = connection_.read_some();
      if (more.empty()) return std::string(size, '\0');
      buffer_ += more;
    }
    auto bytes = buffer_.substr(0, size);
    buffer_.erase(0, size);
    return bytes;
  }
  Connection& connection_;

 private:
  std::string buffer_;
};

// In frames, each packet in two of them, with a ping in between.
class WebSocketPeer final : public Peer {
 public:
  explicit WebSocketPeer(Connection& connection) : Peer(connection) {
    const auto request = connection.read_until("\r\n\r\n");
    constexpr std::string_view kName = "Sec-WebSocket-Key: ";
    const auto begin = request.find(kName) + kName.size();
    const auto key =
        request.substr(begin, request.find("\r\n", begin) - begin) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, 20> digest{};
    EVP_Digest(key.data(), key.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
    std::array<unsigned char, 29> text{};
    EVP_EncodeBlock(text.data(), digest.data(), digest.size());
    connection.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
        std::string(reinterpret_cast<const char*>(text.data())) + "\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n");
  }
  void send(const std::string& packets) override {
    mqtt.out += packets.size();
    const auto half = packets.size() / 2;
    connection_.write(std::string("\x02", 1) + length(half) + packets.substr(0, half) + std::string("\x89\x02hi", 4) +
                      std::string("\x80", 1) + length(packets.size() - half) + packets.substr(half));
  }

 protected:
  std::string content(std::size_t size) override {
    while (content_.size() < size) {
      const auto header = Peer::content(2);
      std::size_t left = static_cast<unsigned char>(header[1]) & 0x7FU;
      if (left == 126) {
        const auto bytes = Peer::content(2);
        left =
            static_cast<std::size_t>(static_cast<unsigned char>(bytes[0])) << 8 | static_cast<unsigned char>(bytes[1]);
      }
      const auto mask = Peer::content(4);
      auto bytes = Peer::content(left);
      if (left == 0 && header[0] == '\0') return std::string(size, '\0');  // gone
      for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] ^ mask[i % 4]);
      if ((header[0] & 0x0F) < 8) content_ += bytes;
    }
    auto bytes = content_.substr(0, size);
    content_.erase(0, size);
    return bytes;
  }

 private:
  static std::string length(std::size_t size) {
    if (size < 126) return std::string(1, static_cast<char>(size));
    return std::string("\x7E", 1) + testing::two_bytes(static_cast<std::uint32_t>(size));
  }
  std::string content_;
};

struct Counted {
  std::mutex mutex;
  Connection::Moved mqtt;
  Connection::Moved wire;
  int connections = 0;

  void add(const Peer& peer, const Connection& connection) {
    const std::lock_guard lock(mutex);
    mqtt.in += peer.mqtt.in;
    mqtt.out += peer.mqtt.out;
    wire.in += connection.moved().in;
    wire.out += connection.moved().out;
    ++connections;
  }
  [[nodiscard]] int count() {
    const std::lock_guard lock(mutex);
    return connections;
  }
};

constexpr int kMessages = 40;

// CONNECT, SUBSCRIBE, messages there and back, DISCONNECT.
void serve(Peer& peer) {
  peer.expect(0x10);
  peer.send(std::string("\x20\x02\0\0", 4));
  const auto asked = peer.expect(static_cast<char>(0x82));
  peer.send("\x90\x03" + asked.substr(0, 2) + std::string(1, '\1'));
  std::string many;
  for (std::uint32_t i = 1; i <= kMessages; ++i) many += publish_packet(i % 2, i, std::string(i * 11, 'p'));
  peer.send(many);
  // The acknowledgements, and use()'s two messages.
  for (int i = 0; i < kMessages / 2 + 2; ++i) {
    const auto [type, body] = peer.next();
    if (type == 0x32) peer.send("\x40\x02" + body.substr(8, 2));
  }
}

ConnectOptions options_at(const std::string& scheme, std::uint16_t port) {
  ConnectOptions options;
  options.uri = BrokerUri::parse(scheme + "://127.0.0.1:" + std::to_string(port)).value();
  options.client_id = "tester";
  options.protocol = ProtocolVersion::v3_1_1;
  options.reconnect_min_delay = std::chrono::milliseconds(20);
  options.reconnect_max_delay = std::chrono::milliseconds(50);
  options.tls.insecure = options.uri.uses_tls();
  return options;
}

// The client's part of serve().
void use(Session& session, MessageQueue& messages) {
  EXPECT_EQ(drain(messages, kMessages).size(), static_cast<std::size_t>(kMessages));
  EXPECT_TRUE(status_of(session.publish({.topic = "wire/b", .payload = std::string(200, 'q')})).ok());
  EXPECT_TRUE(status_of(session.publish({.topic = "wire/b", .payload = std::string(3'000, 'r'), .qos = 1})).ok());
}

// To the byte where the connection is ours to look at; else the messages dominate, and all else is small.
void expect_counted(const SessionInfo& info, Counted& counted) {
  const std::lock_guard lock(counted.mutex);
  const auto& ours = info.traffic;
  EXPECT_EQ(info.traffic_is_exact, is_lean());
  if (is_lean()) {
    EXPECT_EQ(ours.mqtt_in, counted.mqtt.out);
    EXPECT_EQ(ours.mqtt_out, counted.mqtt.in);
    EXPECT_EQ(ours.wire_in, counted.wire.out);
    EXPECT_EQ(ours.wire_out, counted.wire.in);
    return;
  }
  const auto expect_near = [](std::uint64_t estimated, std::uint64_t real, double part) {
    EXPECT_NEAR(static_cast<double>(estimated), static_cast<double>(real), part * static_cast<double>(real));
  };
  expect_near(ours.mqtt_in, counted.mqtt.out, 0.03);
  expect_near(ours.mqtt_out, counted.mqtt.in, 0.03);
  expect_near(ours.wire_in, counted.wire.out, 0.3);
  expect_near(ours.wire_out, counted.wire.in, 0.3);
}

// Connects, uses and closes a session against `script`, which adds to what it is given.
void expect_same_count(const std::string& scheme, const std::function<void(Connection&, Counted&)>& script) {
  Counted counted;
  const TestServer server([&](Connection& connection) { script(connection, counted); });
  auto session = connected_session(options_at(scheme, server.port()));
  const auto messages = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, messages, 1)).ok());
  use(*session, *messages);
  ASSERT_TRUE(status_of(session->close(std::chrono::seconds(2))).ok());
  ASSERT_TRUE(eventually([&] { return counted.count() == 1; }));
  expect_counted(session->info(), counted);
}

TEST(SessionTraffic, CountsTcpAsTheOtherEndDoes) {
  expect_same_count("mqtt", [](Connection& connection, Counted& counted) {
    Peer peer(connection);
    serve(peer);
    peer.expect(static_cast<char>(0xE0));
    counted.add(peer, connection);
  });
}

TEST(SessionTraffic, CountsTheRecordsOfTlsAsTheOtherEndDoes) {
  const auto context = testing_support::server_context(testing_support::make_identity({.common_name = "localhost"}));
  expect_same_count("mqtts", [&](Connection& connection, Counted& counted) {
    if (!connection.start_tls(context.get())) return;
    Peer peer(connection);
    serve(peer);
    peer.expect(static_cast<char>(0xE0));
    EXPECT_EQ(connection.read_all(), "") << "only the end of TLS";
    counted.add(peer, connection);
  });
}

TEST(SessionTraffic, CountsFramesAndWhatIsInThemAsTheOtherEndDoes) {
  if (!is_lean()) GTEST_SKIP() << "Paho's shared library loses count of frames like these";
  expect_same_count("ws", [](Connection& connection, Counted& counted) {
    WebSocketPeer peer(connection);
    serve(peer);
    peer.expect(static_cast<char>(0xE0));
    static_cast<void>(connection.read_all());  // pongs may come last, and a close
    counted.add(peer, connection);
  });
}

TEST(SessionTraffic, GoesOnAcrossConnections) {
  const auto context = testing_support::server_context(testing_support::make_identity({.common_name = "localhost"}));
  Counted counted;
  const TestServer server([&](Connection& connection) {
    if (!connection.start_tls(context.get())) return;
    Peer peer(connection);
    serve(peer);
    if (counted.count() < 2) connection.end();  // it leaves, and is connected to again
    peer.take_rest();
    counted.add(peer, connection);
  });
  auto session = connected_session(options_at("mqtts", server.port()));
  const auto messages = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, messages, 1)).ok());
  for (std::uint64_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(eventually([&] { return session->info().connects == i; }));
    use(*session, *messages);
  }
  ASSERT_TRUE(status_of(session->close(std::chrono::seconds(2))).ok());
  ASSERT_TRUE(eventually([&] { return counted.count() == 3; }));
  const auto info = session->info();
  const std::lock_guard lock(counted.mutex);
  if (!is_lean()) return;
  EXPECT_EQ(info.traffic.mqtt_in, counted.mqtt.out);
  EXPECT_EQ(info.traffic.mqtt_out, counted.mqtt.in);
  EXPECT_EQ(info.traffic.wire_in, counted.wire.out);
  EXPECT_EQ(info.traffic.wire_out, counted.wire.in);
}

TEST(SessionTraffic, CountsWhatIsSaidToAProxy) {
  const auto context = testing_support::server_context(testing_support::make_identity({.common_name = "localhost"}));
  Counted counted;
  const TestServer proxy([&](Connection& connection) {
    static_cast<void>(connection.read_until("\r\n\r\n"));
    connection.write("HTTP/1.1 200 Connection established\r\n\r\n");
    if (!connection.start_tls(context.get())) return;
    Peer peer(connection);
    serve(peer);
    peer.expect(static_cast<char>(0xE0));
    static_cast<void>(connection.read_all());
    counted.add(peer, connection);
  });
  auto options = options_at("mqtts", 8883);
  options.http_proxy = Secret("http://user:password@127.0.0.1:" + std::to_string(proxy.port()));
  auto session = connected_session(options);
  const auto messages = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, messages, 1)).ok());
  use(*session, *messages);
  ASSERT_TRUE(status_of(session->close(std::chrono::seconds(2))).ok());
  ASSERT_TRUE(eventually([&] { return counted.count() == 1; }));
  expect_counted(session->info(), counted);
}

TEST(SessionTraffic, CountsAConnectionThatCameToNothing) {
  if (!is_lean()) GTEST_SKIP() << "nobody can look at the connection";
  std::mutex mutex;
  std::vector<std::uint64_t> read;
  const TestServer server([&](Connection& connection) {
    static_cast<void>(connection.read_some());  // the greeting of TLS, and no answer
    connection.end();
    static_cast<void>(connection.read_all());
    const std::lock_guard lock(mutex);
    read.push_back(connection.moved().in);
  });
  const auto session = Session::create(options_at("mqtts", server.port())).value();
  EXPECT_FALSE(status_of(session->connect()).ok());
  const auto info = session->info();
  const std::lock_guard lock(mutex);
  ASSERT_FALSE(read.empty());
  EXPECT_EQ(info.traffic.wire_out, read[0]) << "the others are of those who look for the cause";
  EXPECT_EQ(info.traffic.wire_in, 0u);
  EXPECT_EQ(info.traffic.mqtt_out, 0u);
}

}  // namespace
}  // namespace honeyframe
