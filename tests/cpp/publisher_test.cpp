// PUBLISH, its acknowledgements, its refusals, and what a closed connection says about it.

#include "publisher.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "scripted_broker.h"
#include "session_for_tests.h"

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

ConnectOptions with_version(const ScriptedBroker& broker, ProtocolVersion version) {
  auto options = options_for(broker);
  options.protocol = version;
  return options;
}

Status publish(Session& session, const std::string& topic, int qos) {
  return status_of(session.publish({.topic = topic, .payload = "x", .qos = qos}));
}

class DeniedWithCode : public ::testing::TestWithParam<int> {};  // the QoS

TEST_P(DeniedWithCode, FailsTheOperationAndReconnectsOnce) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::publish);
  broker.acknowledge(GetParam() == 1 ? Type::puback : Type::pubrec, 0x87, "no right to publish to 'secret'");
  broker.disconnect(0x87, "no right to publish to 'secret'").close();
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::publish).acknowledge(Type::puback).expect(Type::disconnect);
  broker.play();
  auto options = with_version(broker, ProtocolVersion::v5_0);
  options.refused_retry_delay =
      ConnectOptions().refused_retry_delay;  // a minute: the DISCONNECT is no refusal to connect
  auto session = connected_session(options);
  const auto status = publish(*session, "secret", GetParam());
  EXPECT_EQ(status.code(), ErrorCode::publish_denied);
  EXPECT_EQ(status.reason_code(), 0x87);
  EXPECT_NE(status.message().find("secret"), std::string::npos) << status.message();
  EXPECT_EQ(status.reason_string(), "no right to publish to 'secret'");
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; })) << "the credential is otherwise fine";
  EXPECT_TRUE(publish(*session, "fine", 1).ok());
  const auto names = event_names(*session);
  EXPECT_NE(std::find(names.begin(), names.end(), "publish_refused"), names.end());
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

INSTANTIATE_TEST_SUITE_P(Qos, DeniedWithCode, ::testing::Values(1, 2));

class DeniedWithoutAcknowledgement : public ::testing::TestWithParam<int> {};  // the code

TEST_P(DeniedWithoutAcknowledgement, IsNotSentAgainInASessionThatTheBrokerKept) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::publish).disconnect(GetParam()).close();
  broker.accept().expect(Type::connect, [](const auto& packet) { return !packet.clean(); }).connack(0, true);
  broker.expect(Type::publish, [](const auto& packet) { return packet.contains("fine"); });
  broker.acknowledge(Type::puback).expect(Type::disconnect);
  broker.play();
  auto options = with_version(broker, ProtocolVersion::v5_0);
  options.session_expiry = 300s;
  auto session = connected_session(options);
  const auto status = publish(*session, "refused", 1);
  EXPECT_EQ(status.reason_code(), GetParam()) << status.message();
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(publish(*session, "fine", 1).ok());
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

INSTANTIATE_TEST_SUITE_P(Codes, DeniedWithoutAcknowledgement, ::testing::Values(0x87, 0x97, 0x99));

TEST(Publisher, DefersTheRefusalOfQos0ToTheNextCall) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::publish).disconnect(0x87, "not 'secret'").close();
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  EXPECT_TRUE(publish(*session, "secret", 0).ok());
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  const auto status = session->take_deferred_error();
  EXPECT_EQ(status.code(), ErrorCode::publish_denied);
  EXPECT_EQ(status.reason_string(), "not 'secret'");
  EXPECT_EQ(status.subjects(), std::vector<std::string>{"secret"});
  EXPECT_TRUE(session->take_deferred_error().ok());
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Publisher, AcknowledgesOneRefusalAmongOthers) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::publish)
      .acknowledge(Type::puback, 0x97, "slow down")
      .expect(Type::publish)
      .acknowledge(Type::puback, 0x10);
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  EXPECT_EQ(publish(*session, "a", 1).code(), ErrorCode::quota_exceeded);
  EXPECT_TRUE(publish(*session, "a", 1).ok()) << "no matching subscribers is no failure";
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

class DeniedByClosing : public ::testing::TestWithParam<std::tuple<ProtocolVersion, int>> {};

TEST_P(DeniedByClosing, TwiceRunningIsProbablyADenialAndStopsTheSession) {
  const auto [version, qos] = GetParam();
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::publish).close();
  broker.accept().expect(Type::connect).connack().expect(Type::publish).close();
  broker.play();
  auto session = connected_session(with_version(broker, version));
  auto status = publish(*session, "secret/topic", qos);  // QoS 1 is tried again on the new connection, by itself
  if (qos != 1) {
    EXPECT_EQ(status.code(), qos == 0 ? ErrorCode::ok : ErrorCode::connection_lost) << status.message();
    ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
    status = publish(*session, "secret/topic", qos);
  }
  ASSERT_TRUE(eventually([&] { return session->info().state == SessionState::closed; }));
  if (qos == 0) status = session->take_deferred_error();
  EXPECT_EQ(status.code(), ErrorCode::publish_probably_denied) << status.message();
  EXPECT_EQ(status.subjects(), std::vector<std::string>{"secret/topic"});
  EXPECT_EQ(publish(*session, "other", 0).code(), ErrorCode::publish_probably_denied) << "why the session is over";
  EXPECT_EQ(broker.finish(), "");
}

INSTANTIATE_TEST_SUITE_P(Versions, DeniedByClosing,
                         ::testing::Combine(::testing::Values(ProtocolVersion::v3_1, ProtocolVersion::v3_1_1),
                                            ::testing::Values(0, 1, 2)));

TEST(Publisher, DoesNotTakeTwoUnrelatedClosesForADenial) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::publish).close();
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::publish).acknowledge(Type::puback);  // the same message again: accepted
  broker.expect(Type::publish).close();
  broker.accept()
      .expect(Type::connect)
      .connack()
      .expect(Type::publish)
      .acknowledge(Type::puback)
      .expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v3_1_1));
  EXPECT_TRUE(publish(*session, "a", 1).ok());
  EXPECT_TRUE(publish(*session, "a", 1).ok());
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Publisher, ChecksTheBrokersLimitsBeforeItSends) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect);
  broker.connack(
      0, false,
      property(39, four_bytes(200)) + property(36, std::string(1, '\1')) + property(37, std::string(1, '\0')));
  broker.expect(Type::publish,
                [](const auto& packet) { return packet.body.size() == 197; });  // 200 with its header: just fits
  broker.acknowledge(Type::puback).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  const std::string fits(200 - 3 - 2 - 1 - 2 - 1, 'p');  // header and length, topic, identifier, properties
  EXPECT_EQ(status_of(session->publish({.topic = "t", .payload = fits + "p", .qos = 1})).code(),
            ErrorCode::packet_too_large);
  EXPECT_EQ(status_of(session->publish({.topic = "t", .payload = "x", .qos = 2})).code(), ErrorCode::invalid_argument);
  EXPECT_EQ(status_of(session->publish({.topic = "t", .payload = "x", .qos = 0, .retain = true})).code(),
            ErrorCode::invalid_argument);
  EXPECT_EQ(status_of(session->publish({.topic = "t/#", .payload = "x"})).code(), ErrorCode::invalid_topic);
  EXPECT_TRUE(status_of(session->publish({.topic = "t", .payload = fits, .qos = 1})).ok());
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Publisher, KeepsToTheReceiveMaximum) {
  constexpr int kMessages = 12;
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack(0, false, property(33, two_bytes(3)));
  for (int i = 0; i < kMessages; ++i) broker.expect(Type::publish).pause(5ms).acknowledge(Type::puback);
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  std::vector<OperationPtr> all;
  for (int i = 0; i < kMessages; ++i)
    all.push_back(session->publish({.topic = "t", .payload = std::to_string(i), .qos = 1}));
  const auto begin = std::chrono::steady_clock::now();
  for (const auto& operation : all) EXPECT_TRUE(status_of(operation).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Publisher, SendsWhatWaitedForTheConnection) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().close();
  broker.accept().expect(Type::connect).pause(100ms).connack().expect(Type::publish).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  ASSERT_TRUE(eventually([&] { return session->info().state == SessionState::reconnecting; }));
  EXPECT_TRUE(publish(*session, "t", 0).ok());
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Publisher, SendsMqtt5PropertiesAndRefusesThemBefore) {
  for (const auto version : {ProtocolVersion::v5_0, ProtocolVersion::v3_1_1}) {
    const bool v5 = version == ProtocolVersion::v5_0;
    ScriptedBroker broker;
    broker.accept().expect(Type::connect).connack();
    if (v5) {
      broker.expect(Type::publish, [](const auto& packet) {
        return packet.contains("application/json") && packet.contains("answer/here") && packet.contains("colour") &&
               packet.contains(property(2, four_bytes(60))) && packet.contains(std::string("\x09\x00\x02\x01\x00", 5));
      });
    }
    broker.expect(Type::disconnect);
    broker.play();
    auto session = connected_session(with_version(broker, version));
    PublishRequest message{.topic = "t", .payload = "{}"};
    message.properties = {"application/json", "answer/here", std::string("\1\0", 2), {{"colour", "blue"}}};
    message.message_expiry_s = 60;
    EXPECT_EQ(status_of(session->publish(message)).code(), v5 ? ErrorCode::ok : ErrorCode::invalid_argument);
    EXPECT_TRUE(status_of(session->close(2s)).ok());
    EXPECT_EQ(broker.finish(), "");
  }
}

TEST(Publisher, HandsOverEverythingBeforeItCloses) {
  constexpr int kMessages = 3'000;
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  for (int i = 0; i < kMessages; ++i) broker.expect(Type::publish);
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  std::vector<OperationPtr> all;
  for (int i = 0; i < kMessages; ++i) all.push_back(session->publish({.topic = "t", .payload = std::string(100, 'x')}));
  for (const auto& operation : all) ASSERT_TRUE(status_of(operation).ok());
  EXPECT_TRUE(status_of(session->close(5s)).ok());
  EXPECT_EQ(broker.finish(), "");
  EXPECT_EQ(session->info().published, static_cast<std::uint64_t>(kMessages));
}

}  // namespace
}  // namespace honeyframe
