// How bytes travel below a session: what a connection may do with its pieces, its ends and its neighbours.

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "build_info.h"
#include "session_for_tests.h"
#include "test_server.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::connected_session;
using testing::drain;
using testing::eventually;
using testing::options_for;
using testing::queue;
using testing::ScriptedBroker;
using testing::status_of;
using testing::subscribe;
using testing::Type;
using testing_support::Connection;
using testing_support::TestServer;
using Clock = std::chrono::steady_clock;

bool is_lean() {
  for (const auto& [name, value] : build_info()) {
    if (name == "paho") return value.ends_with(", lean");
  }
  return false;
}

std::string publish_packet(const std::string& topic, const std::string& payload) {
  const auto size = 2 + topic.size() + payload.size();
  std::string length;
  for (auto rest = size; length.empty() || rest > 0; rest /= 128) {
    length += static_cast<char>(rest % 128 | (rest / 128 > 0 ? 0x80u : 0u));
  }
  return "\x30" + length + testing::two_bytes(static_cast<std::uint32_t>(topic.size())) + topic + payload;
}

// CONNECT and SUBSCRIBE over MQTT 3.1.1, each of which comes in one piece.
void let_in(Connection& connection) {
  connection.read_until("tester");
  connection.write(std::string("\x20\x02\x00\x00", 4));
  const auto asked = connection.read_until("wire/#");
  connection.write("\x90\x03" + asked.substr(2, 2) + std::string(1, '\0'));
}

ConnectOptions options_for_tls(std::uint16_t port) {
  ConnectOptions options;
  options.uri = BrokerUri::parse("mqtts://127.0.0.1:" + std::to_string(port)).value();
  options.client_id = "tester";
  options.protocol = ProtocolVersion::v3_1_1;
  options.tls.insecure = true;
  return options;
}

testing_support::TlsContext any_context() {
  return testing_support::server_context(testing_support::make_identity({.common_name = "localhost"}));
}

TEST(SessionTransport, DeliversAtOnceWhatIsBehindAPingrespInOneRecord) {
  if (!is_lean()) GTEST_SKIP() << "Paho's shared library waits for the next bytes";
  const auto context = any_context();
  std::atomic<Clock::rep> sent{0};
  const TestServer server([&](Connection& connection) {
    if (!connection.start_tls(context.get())) return;
    let_in(connection);
    std::this_thread::sleep_for(50ms);
    sent = Clock::now().time_since_epoch().count();
    connection.write(std::string("\xD0\x00", 2) + publish_packet("wire/a", "one") + std::string("\xD0\x00", 2) +
                     publish_packet("wire/a", "two"));
    connection.read_all();
  });
  auto session = connected_session(options_for_tls(server.port()));
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, stream, 0)).ok());
  const auto messages = drain(*stream, 2);
  const auto waited = Clock::now().time_since_epoch() - Clock::duration(sent.load());
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[1].payload, "two");
  EXPECT_LT(waited, 500ms);
  session.reset();
}

TEST(SessionTransport, DeliversManyPacketsOfOneRecordAndOnePacketOfManyRecords) {
  const auto context = any_context();
  const std::string large(300'000, 'l');
  const TestServer server([&](Connection& connection) {
    if (!connection.start_tls(context.get())) return;
    let_in(connection);
    std::string many;
    for (int i = 0; i < 300; ++i) many += publish_packet("wire/a", std::to_string(i));
    connection.write(many);
    connection.write(publish_packet("wire/a", large));
    connection.write(publish_packet("wire/a", "end"));
    connection.read_all();
  });
  auto session = connected_session(options_for_tls(server.port()));
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, stream, 0)).ok());
  const auto messages = drain(*stream, 302);
  ASSERT_EQ(messages.size(), 302u);
  for (std::size_t i = 0; i < 300; ++i) ASSERT_EQ(messages[i].payload, std::to_string(i));
  EXPECT_EQ(messages[300].payload, large);
  EXPECT_EQ(messages[301].payload, "end");
  session.reset();
}

TEST(SessionTransport, SparseMessagesAreNeverLate) {
  if (!is_lean()) GTEST_SKIP() << "Paho's shared library sleeps 100 ms after every idle second";
  std::mutex mutex;
  std::vector<Clock::time_point> sent;
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0});
  std::mt19937 random(11);
  std::uniform_int_distribution<int> gap(980, 1'080);  // around Paho's second: where it would be asleep
  for (int i = 0; i < 6; ++i) {
    broker.pause(std::chrono::milliseconds(gap(random))).run([&] {
      const std::lock_guard lock(mutex);
      sent.push_back(Clock::now());
    });
    broker.publish({.topic = "wire/a"});
  }
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, stream, 0)).ok());
  for (std::size_t i = 0; i < 6; ++i) {
    ASSERT_EQ(drain(*stream, 1).size(), 1u);
    const auto now = Clock::now();
    const std::lock_guard lock(mutex);
    EXPECT_LT(now - sent[i], 50ms) << "message " << i;
  }
  session.reset();
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionTransport, ConnectsWithoutWaitingForAnIdleSession) {
  if (!is_lean()) GTEST_SKIP() << "the shared library looks every 10 ms";
  ScriptedBroker idle;
  idle.accept().expect(Type::connect).connack().expect(Type::disconnect);
  idle.play();
  auto first = connected_session(options_for(idle));
  std::this_thread::sleep_for(100ms);  // the receive thread waits, for a second
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.play();
  const auto begin = Clock::now();
  auto second = connected_session(options_for(broker));
  EXPECT_LT(Clock::now() - begin, 500ms);
  second.reset();
  first.reset();
  EXPECT_EQ(broker.finish(), "");
  EXPECT_EQ(idle.finish(), "");
}

TEST(SessionTransport, DeliversABurstBeforeItTellsTheLoss) {
  constexpr std::size_t kCount = 2'000;
  std::string burst;
  for (std::size_t i = 0; i < kCount; ++i) burst += publish_packet("wire/a", std::to_string(i));
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0}).send_raw(burst).close();
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::v3_1_1;
  options.reconnect_min_delay = options.reconnect_max_delay = 10s;
  auto session = connected_session(options);
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, stream, 0)).ok());
  const auto messages = drain(*stream, kCount);
  ASSERT_EQ(messages.size(), kCount);
  EXPECT_EQ(messages.back().payload, std::to_string(kCount - 1));
  EXPECT_TRUE(eventually([&] { return session->info().state == SessionState::reconnecting; }));
  EXPECT_EQ(broker.finish(), "");
  session.reset();
}

TEST(SessionTransport, ReadsNothingOfTheLastConnectionOnTheNextOne) {
  ScriptedBroker broker;
  // Half a packet, then the end; the next connection has, most likely, the same descriptor.
  for (int i = 0; i < 3; ++i) {
    broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0});
    broker.publish({.topic = "wire/a", .payload = std::to_string(i)});
    broker.send_raw(publish_packet("wire/a", "never whole").substr(0, 9)).close();
  }
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0});
  broker.publish({.topic = "wire/a", .payload = "end"}).expect(Type::disconnect);
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::v3_1_1;
  auto session = connected_session(options);
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, stream, 0)).ok());
  std::vector<std::string> payloads;
  for (const auto& message : drain(*stream, 4)) payloads.push_back(message.payload);
  EXPECT_EQ(payloads, (std::vector<std::string>{"0", "1", "2", "end"}));
  session.reset();
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionTransport, AFloodedSessionStarvesNoOther) {
  std::atomic<bool> stop{false};
  const auto context = any_context();
  std::string block;
  while (block.size() < 60'000) block += publish_packet("wire/flood", std::string(200, 'f'));
  const TestServer server([&](Connection& connection) {
    if (!connection.start_tls(context.get())) return;
    let_in(connection);
    while (!stop) connection.write(block);
  });
  auto flooded = connected_session(options_for_tls(server.port()));
  const auto flood = queue({.max_messages = 1'000});
  ASSERT_TRUE(std::get<0>(subscribe(*flooded, {"wire/#"}, flood, 0)).ok());
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1});
  for (std::uint16_t i = 1; i <= 20; ++i) {
    broker.publish({.topic = "wire/a", .qos = 1, .id = i}).expect(Type::puback);
  }
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  const auto stream = queue();
  const auto begin = Clock::now();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/a"}, stream)).ok());
  EXPECT_EQ(drain(*stream, 20).size(), 20u);
  EXPECT_LT(Clock::now() - begin, 3s) << "twenty round trips";
  EXPECT_TRUE(eventually([&] { return flood->counters().received > 1'000; })) << "the other one was not busy";
  session.reset();
  EXPECT_EQ(broker.finish(), "");
  stop = true;
  flooded.reset();
}

TEST(SessionTransport, WritesALargeMessageToASlowReader) {
  ScriptedBroker broker;
  std::string payload(3'000'000, '\0');
  for (std::size_t i = 0; i < payload.size(); ++i) payload[i] = static_cast<char>(i * 31);
  broker.accept().expect(Type::connect).connack().pause(200ms);
  broker.expect(Type::publish, [&](const auto& packet) { return packet.body.ends_with(payload); });
  broker.acknowledge(Type::puback).expect(Type::publish).acknowledge(Type::puback).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  const auto begin = Clock::now();
  const auto large = session->publish({.topic = "wire/large", .payload = payload, .qos = 1});
  const auto small = session->publish({.topic = "wire/small", .payload = "s", .qos = 1});
  EXPECT_TRUE(status_of(large).ok()) << status_of(large).message();
  EXPECT_TRUE(status_of(small).ok()) << status_of(small).message();
  if (is_lean()) {
    EXPECT_LT(Clock::now() - begin, 2s) << "the rest goes as soon as there is room";
  }
  session.reset();
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionTransport, ReadsSlicesOfOneByte) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).slowly().connack().expect(Type::subscribe).suback({0});
  for (int i = 0; i < 5; ++i)
    broker.publish({.topic = "wire/a", .payload = std::string(140, static_cast<char>('a' + i))});
  broker.slowly(false).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, stream, 0)).ok());
  const auto messages = drain(*stream, 5);
  ASSERT_EQ(messages.size(), 5u);
  EXPECT_EQ(messages[4].payload, std::string(140, 'e'));
  session.reset();
  EXPECT_EQ(broker.finish(), "");
}

std::size_t resident_bytes() {
  std::size_t total = 0;
  std::size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

TEST(SessionTransport, GivesBackTheMemoryOfAHugePacket) {
  constexpr std::size_t kHuge = 64UL * 1024 * 1024;
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0});
  broker.publish({.topic = "wire/huge", .payload = std::string(kHuge, 'h')}).publish({.topic = "wire/a"});
  broker.expect(Type::disconnect);
  broker.play();
  auto options = options_for(broker);
  options.maximum_packet_size = 2 * kHuge;
  auto session = connected_session(options);
  const auto stream = queue({.max_bytes = 1'000'000});  // it is too large for the queue, and dropped
  const auto before = resident_bytes();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, stream, 0)).ok());
  const auto messages = drain(*stream, 1);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].topic, "wire/a");
#ifndef HONEYFRAME_SANITIZED
  if (is_lean()) {
    // The script holds the payload, twice, until it has been sent.
    EXPECT_TRUE(eventually([&] { return resident_bytes() < before + kHuge / 2; })) << before << " " << resident_bytes();
  }
#else
  static_cast<void>(before);
#endif
  session.reset();
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionTransport, EndsAConnectionWithAMalformedPacketAndSaysSo) {
  if (!is_lean()) GTEST_SKIP() << "Paho's shared library reads for itself";
  const auto good = publish_packet("wire/a", "good");
  const std::string bad("\x36\x03\0\1a", 5);
  for (const auto version : {ProtocolVersion::v3_1, ProtocolVersion::v3_1_1}) {
    ScriptedBroker broker;
    broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0});
    broker.send_raw(good + bad).expect_close();
    broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0});
    broker.publish({.topic = "wire/a", .payload = "again"}).expect(Type::disconnect);
    broker.play();
    auto options = options_for(broker);
    options.protocol = version;
    auto session = connected_session(options);
    const auto stream = queue();
    ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, stream, 0)).ok());
    const auto messages = drain(*stream, 2);
    ASSERT_EQ(messages.size(), 2u);
    EXPECT_EQ(messages[0].payload, "good") << "what came before it";
    EXPECT_EQ(messages[1].payload, "again");
    EXPECT_EQ(session->info().refused_packets, 1u);
    std::vector<SessionEvent> refusals;
    for (auto& event : session->take_events()) {
      if (event.kind == SessionEvent::Kind::packet_refused) refusals.push_back(std::move(event));
      EXPECT_NE(event.kind, SessionEvent::Kind::publish_refused);
    }
    ASSERT_EQ(refusals.size(), 1u);
    EXPECT_EQ(refusals[0].status.code(), ErrorCode::packet_refused);
    EXPECT_EQ(refusals[0].detail, "the broker sent a malformed PUBLISH: QoS 3");
    EXPECT_NE(refusals[0].status.hint(), "");
    session.reset();
    EXPECT_EQ(broker.finish(), "");
  }
}

TEST(SessionTransport, RefusesToConnectOverAMalformedConnack) {
  if (!is_lean()) GTEST_SKIP() << "Paho's shared library reads for itself";
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).send_raw(std::string("\x20\x02\x80\0", 4)).expect_close();
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::v5_0;
  const auto session = Session::create(options).value();
  const auto status = status_of(session->connect());
  EXPECT_EQ(status.code(), ErrorCode::packet_refused) << status.message();
  EXPECT_EQ(status.message(), "the broker sent a malformed CONNACK: acknowledge flags 0x80");
  EXPECT_EQ(session->info().refused_packets, 1u);
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionTransport, TakesPacketsUpToTheSizeThatWasAskedFor) {
  if (!is_lean()) GTEST_SKIP() << "Paho's shared library takes any";
  for (const auto version : {ProtocolVersion::v3_1_1, ProtocolVersion::v5_0}) {
    const std::string none(version == ProtocolVersion::v5_0 ? 1 : 0, '\0');  // properties
    ScriptedBroker broker;
    broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0});
    broker.send_raw(publish_packet("wire/a", none + std::string(1'988 - none.size(), 'f')));
    broker.send_raw(publish_packet("wire/a", none + std::string(1'990 - none.size(), 'l'))).expect_close();
    broker.play();
    auto options = options_for(broker);
    options.protocol = version;
    options.maximum_packet_size = 2'000;
    options.reconnect = false;
    auto session = connected_session(options);
    const auto stream = queue();
    ASSERT_TRUE(std::get<0>(subscribe(*session, {"wire/#"}, stream, 0)).ok());
    EXPECT_EQ(drain(*stream, 1).size(), 1u);
    EXPECT_TRUE(eventually([&] { return session->info().state == SessionState::closed; }));
    EXPECT_EQ(session->info().last_error.message(),
              "the broker sent PUBLISH of 2001 bytes, and maximum_packet_size is 2000");
    EXPECT_EQ(broker.finish(), "");
  }
}

}  // namespace
}  // namespace honeyframe
