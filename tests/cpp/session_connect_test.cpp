// From connect() to CONNACK, or to the reason why there is none.

#include <gtest/gtest.h>

#include <cstdlib>
#include <future>

#include "scripted_broker.h"
#include "session_for_tests.h"
#include "test_certificates.h"
#include "test_server.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::connected_session;
using testing::event_names;
using testing::eventually;
using testing::four_bytes;
using testing::options_for;
using testing::property;
using testing::ScriptedBroker;
using testing::status_of;
using testing::two_bytes;
using testing::Type;

using Clock = std::chrono::steady_clock;

Status connect_with(const ConnectOptions& options) {
  auto created = Session::create(options);
  if (!created.ok()) return created.status();
  return status_of(created.value()->connect());
}

struct Refusal {
  ProtocolVersion version;
  int code;
  ErrorCode error;
};

class Refused : public ::testing::TestWithParam<Refusal> {};

TEST_P(Refused, IsFinalAtTheFirstConnectAndKeepsTheCode) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack(GetParam().code).close();
  broker.play();
  auto options = options_for(broker);
  options.protocol = GetParam().version;
  auto session = Session::create(options).value();
  const auto status = status_of(session->connect());
  EXPECT_EQ(status.code(), GetParam().error) << status.message();
  EXPECT_EQ(status.reason_code(), GetParam().code);
  EXPECT_EQ(session->info().state, SessionState::closed);
  EXPECT_EQ(broker.finish(), "");
  EXPECT_EQ(broker.received().size(), 1u) << "one attempt, not more";
}

INSTANTIATE_TEST_SUITE_P(Codes, Refused,
                         ::testing::Values(Refusal{ProtocolVersion::v3_1_1, 1, ErrorCode::unsupported_protocol_version},
                                           Refusal{ProtocolVersion::v3_1_1, 2, ErrorCode::identifier_rejected},
                                           Refusal{ProtocolVersion::v3_1_1, 3, ErrorCode::server_unavailable},
                                           Refusal{ProtocolVersion::v3_1_1, 4, ErrorCode::bad_credentials},
                                           Refusal{ProtocolVersion::v3_1, 5, ErrorCode::not_authorized},
                                           Refusal{ProtocolVersion::v5_0, 0x84,
                                                   ErrorCode::unsupported_protocol_version},
                                           Refusal{ProtocolVersion::v5_0, 0x85, ErrorCode::identifier_rejected},
                                           Refusal{ProtocolVersion::v5_0, 0x86, ErrorCode::bad_credentials},
                                           Refusal{ProtocolVersion::v5_0, 0x87, ErrorCode::not_authorized},
                                           Refusal{ProtocolVersion::v5_0, 0x88, ErrorCode::server_unavailable},
                                           Refusal{ProtocolVersion::v5_0, 0x8A, ErrorCode::not_authorized},
                                           Refusal{ProtocolVersion::v5_0, 0x97, ErrorCode::quota_exceeded},
                                           Refusal{ProtocolVersion::v5_0, 0x9F, ErrorCode::quota_exceeded}));

TEST(FallsBackFromSilence, AtHalfTheTimeWhereTheWayIsFine) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect, [](const auto& packet) { return packet.level() == 5; }).pause(900ms);
  broker.accept().expect_close();  // the look at the way, without an MQTT byte
  broker.accept().expect(Type::connect, [](const auto& packet) { return packet.level() == 4; }).connack();
  broker.expect(Type::disconnect);
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::automatic;
  options.connect_timeout = 1s;
  auto session = Session::create(options).value();
  const auto before = Clock::now();
  ASSERT_TRUE(status_of(session->connect()).ok());
  EXPECT_GE(Clock::now() - before, 500ms);
  EXPECT_EQ(session->info().protocol, ProtocolVersion::v3_1_1);
  static_cast<void>(status_of(session->close(1s)));
  EXPECT_EQ(broker.finish(), "");
}

TEST(FallsBackFromSilence, AndGivesUpAfterThat) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).pause(900ms).accept().expect_close();
  broker.accept().expect(Type::connect, [](const auto& packet) { return packet.level() == 4; }).expect_close();
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::automatic;
  options.connect_timeout = 1s;
  const auto begin = Clock::now();
  EXPECT_EQ(connect_with(options).code(), ErrorCode::connect_timeout);
  EXPECT_LT(Clock::now() - begin, 2s);
  EXPECT_EQ(broker.finish(), "");
}

class FallsBack : public ::testing::TestWithParam<int> {};  // the code, or -1: the broker only closes

TEST_P(FallsBack, ToMqtt311OnceAndSaysSo) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect, [](const auto& packet) { return packet.level() == 5; });
  if (GetParam() == 1) broker.send_raw(std::string("\x20\x02\x00\x01", 4));  // as a 3.1.1 broker writes it
  if (GetParam() == 0x84) broker.connack(0x84);
  broker.close();
  if (GetParam() < 0) broker.accept().expect_close();  // the probe
  broker.accept().expect(Type::connect, [](const auto& packet) { return packet.level() == 4; }).connack();
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  EXPECT_EQ(session->info().protocol, ProtocolVersion::v3_1_1);
  EXPECT_EQ(event_names(*session), (std::vector<std::string>{"protocol_fallback", "connected"}));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

INSTANTIATE_TEST_SUITE_P(Answers, FallsBack, ::testing::Values(1, 0x84, -1));

TEST(SessionConnect, DoesNotFallBackWhereTheVersionWasAskedFor) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).close().accept().expect_close();
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::v5_0;
  const auto status = connect_with(options);
  EXPECT_EQ(status.code(), ErrorCode::disconnected_by_broker) << status.message();
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionConnect, ReportsWhatConnackSays) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect);
  broker.connack(0, false,
                 property(33, two_bytes(10)) + property(39, four_bytes(5'000)) + property(17, four_bytes(60)) +
                     property(19, two_bytes(20)) + property(36, std::string(1, '\1')));
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  const auto info = session->info();
  EXPECT_EQ(info.state, SessionState::connected);
  EXPECT_EQ(info.server_receive_maximum, 10u);
  EXPECT_EQ(info.server_maximum_packet_size, 5'000u);
  EXPECT_EQ(info.server_session_expiry, 60u);
  EXPECT_EQ(info.server_keepalive, 20u);
  EXPECT_EQ(info.server_maximum_qos, 1u);
  EXPECT_EQ(info.connects, 1u);
  EXPECT_EQ(info.client_id, "tester");
  session.reset();  // the last reference closes, in the background
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionConnect, SendsWhatItWasTold) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect, [](const auto& packet) {
    return packet.contains("tester") && packet.contains("anna") && packet.contains("s3cret") &&
           packet.contains("gone/topic") && packet.contains(std::string("by\0te", 5)) && packet.contains("colour") &&
           !packet.clean() && packet.contains(property(17, four_bytes(3'600))) &&
           packet.contains(property(33, two_bytes(7))) && packet.contains(property(39, four_bytes(4'096))) &&
           !packet.contains(property(34, two_bytes(0)).substr(0, 2));
  });
  broker.connack().expect(Type::disconnect);
  broker.play();
  auto options = options_for(broker);
  options.username = "anna";
  options.password = Secret("s3cret");
  options.clean_start = false;
  options.session_expiry = 3'600s;
  options.receive_maximum = 7;
  options.maximum_packet_size = 4'096;
  options.user_properties = {{"colour", "blue"}};
  options.last_will = LastWill{"gone/topic", std::string("by\0te", 5), 1, true};
  auto session = connected_session(options);
  session.reset();
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionConnect, ReadsPacketsThatComeByteByByte) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).slowly().connack();
  broker.expect(Type::subscribe).suback({0});
  broker.publish({.topic = "slow/topic", .payload = std::string(300, 'p')});
  broker.slowly(false).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  const auto stream = testing::queue();
  EXPECT_TRUE(std::get<0>(testing::subscribe(*session, {"slow/#"}, stream)).ok());
  const auto messages = testing::drain(*stream, 1);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].payload, std::string(300, 'p'));
  session.reset();
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionConnect, TimesOutWhereNobodyAnswers) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).expect_close();
  broker.play();
  auto options = options_for(broker);
  options.connect_timeout = 2s;
  options.protocol = ProtocolVersion::v5_0;
  const auto begin = Clock::now();
  const auto status = connect_with(options);
  EXPECT_EQ(status.code(), ErrorCode::connect_timeout) << status.message();
  EXPECT_LT(Clock::now() - begin, 3s);
  EXPECT_EQ(broker.finish(), "");
}

// A certificate is renewed, and its key a moment later: in between the two do not belong together.
TEST(SessionConnect, TriesAgainSlowlyWhereThisMachineIsAtFaultOnceItWasConnected) {
  const auto authority = testing_support::make_identity({.common_name = "authority", .is_authority = true});
  const auto server_identity =
      testing_support::make_identity({.common_name = "broker", .alternative_names = "IP:127.0.0.1"}, &authority);
  const auto client = testing_support::make_identity({.common_name = "client"}, &authority);
  const testing_support::TemporaryDirectory files;
  const auto key_file = files.write_key("client.key", client);
  const auto context = testing_support::server_context(server_identity);
  std::atomic<int> connections{0};
  testing_support::TestServer server([&](testing_support::Connection& connection) {
    if (!connection.start_tls(context.get())) return;
    connection.read_until("tester");
    connection.write(std::string("\x20\x02\x00\x00", 4));
    if (++connections > 1) return static_cast<void>(connection.read_all());
    files.write_key("client.key", testing_support::make_identity({.common_name = "newer"}, &authority));
  });
  ConnectOptions options;
  options.uri = BrokerUri::parse("mqtts://127.0.0.1:" + std::to_string(server.port())).value();
  options.client_id = "tester";
  options.protocol = ProtocolVersion::v3_1_1;
  options.tls.ca_file = files.write_certificates("ca.pem", {authority});
  options.tls.client_certificate_file = files.write_certificates("client.pem", {client});
  options.tls.client_key_file = key_file;
  options.reconnect_min_delay = 20ms;
  options.refused_retry_delay = 200ms;
  auto session = connected_session(options);
  std::vector<SessionEvent> refused;
  ASSERT_TRUE(eventually([&] {
    for (auto& event : session->take_events()) {
      if (event.kind == SessionEvent::Kind::refused) refused.push_back(std::move(event));
    }
    return !refused.empty() || session->info().state == SessionState::closed;
  }));
  ASSERT_EQ(session->info().state, SessionState::reconnecting) << session->info().last_error.message();
  EXPECT_EQ(refused[0].status.code(), ErrorCode::invalid_argument) << refused[0].detail;
  files.write_key("client.key", client);
  EXPECT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
}

TEST(SessionConnect, NamesAClosedPort) {
  std::string uri;
  {
    ScriptedBroker gone;
    uri = gone.uri();
  }
  ConnectOptions options;
  options.uri = BrokerUri::parse(uri).value();
  const auto status = connect_with(options);
  EXPECT_EQ(status.code(), ErrorCode::connection_refused) << status.message();
}

TEST(SessionConnect, NamesAHostWithoutAddress) {
  ConnectOptions options;
  options.uri = BrokerUri::parse("mqtt://no-such-host.invalid").value();
  const auto status = connect_with(options);
  EXPECT_EQ(status.code(), ErrorCode::dns_failed) << status.message();
  EXPECT_NE(status.message().find("no-such-host.invalid"), std::string::npos);
}

TEST(SessionConnect, ClosesWhileItConnects) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).expect_close();
  broker.play();
  auto session = Session::create(options_for(broker)).value();
  const auto connecting = session->connect();
  ASSERT_TRUE(eventually([&] { return !broker.received().empty(); }));
  const auto begin = Clock::now();
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_LT(Clock::now() - begin, 2s);
  EXPECT_EQ(status_of(connecting).code(), ErrorCode::closed);
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionConnect, ClosesBeforeItConnects) {
  ScriptedBroker broker;
  auto session = Session::create(options_for(broker)).value();
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(status_of(session->connect()).code(), ErrorCode::closed);
}

TEST(SessionConnect, RefusesBadOptionsBeforeASocketExists) {
  ConnectOptions options;
  options.uri = BrokerUri::parse("mqtt://127.0.0.1:1").value();
  options.receive_maximum = 0;
  EXPECT_EQ(Session::create(options).status().code(), ErrorCode::invalid_argument);
}

TEST(SessionConnect, AllowsOneWebSocketSessionAtATime) {
  ConnectOptions options;
  options.uri = BrokerUri::parse("ws://127.0.0.1:1/mqtt").value();
  auto first = Session::create(options).value();
  EXPECT_EQ(Session::create(options).status().code(), ErrorCode::websocket_in_use);
  EXPECT_TRUE(status_of(first->close(1s)).ok());
  auto second = Session::create(options);
  EXPECT_TRUE(second.ok()) << second.status().message();
  EXPECT_TRUE(status_of(second.value()->close(1s)).ok());
}

TEST(SessionConnect, GoesThroughTheProxyItWasGiven) {
  for (const std::string scheme_and_login : {"http://", "http://me:p%40ss@", "HTTP://me:p%40ss@"}) {
    const bool has_login = scheme_and_login.ends_with('@');
    const std::string heard = has_login ? "Basic bWU6cEBzcw==\r\n" : "CONNECT broker.invalid:1883";  // me:p@ss
    ScriptedBroker proxy;  // and the broker behind it, in one
    proxy.accept().expect_head(heard).send_raw("HTTP/1.1 200 OK\r\n\r\n");
    proxy.expect(Type::connect).connack().expect(Type::disconnect);
    proxy.play();
    auto options = options_for(proxy);
    options.uri = BrokerUri::parse("mqtt://broker.invalid").value();  // only the proxy could resolve it
    options.http_proxy = Secret(scheme_and_login + "127.0.0.1:" + std::to_string(proxy.port()) + "/");
    auto session = connected_session(options);
    session.reset();
    EXPECT_EQ(proxy.finish(), "") << scheme_and_login;
  }
}

TEST(SessionConnect, TakesNoProxyFromTheEnvironment) {
  ScriptedBroker proxy;
  proxy.accept();
  proxy.play();
  setenv("http_proxy", ("http://user:secret@127.0.0.1:" + std::to_string(proxy.port())).c_str(), 1);
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  session.reset();
  EXPECT_EQ(broker.finish(), "");
  EXPECT_NE(std::getenv("http_proxy"), nullptr) << "the environment is not ours to change";
  unsetenv("http_proxy");
  EXPECT_NE(proxy.finish(0s), "") << "nobody may have come here";
}

}  // namespace
}  // namespace honeyframe
