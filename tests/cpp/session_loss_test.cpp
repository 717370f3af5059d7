// From the loss of a connection to the next one, or to the end.

#include <gtest/gtest.h>

#include <algorithm>

#include "paho_client.h"
#include "scripted_broker.h"
#include "session_for_tests.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::connected_session;
using testing::drain;
using testing::event_names;
using testing::eventually;
using testing::options_for;
using testing::queue;
using testing::ScriptedBroker;
using testing::status_of;
using testing::subscribe;
using testing::Type;

bool is_in(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class LossInEveryVersion : public ::testing::TestWithParam<ProtocolVersion> {};

TEST_P(LossInEveryVersion, ReconnectsAndSubscribesAgainToExactlyWhatLives) {
  const bool v5 = GetParam() == ProtocolVersion::v5_0;
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::subscribe).suback({1}).expect(Type::subscribe).suback({0}).expect(Type::unsubscribe).unsuback();
  broker.close();
  broker.accept().expect(Type::connect).connack();
  // The broker has no session, so retained messages are wanted again: 1, as the subscription is new.
  broker.expect(Type::subscribe, [=](const auto& packet) {
    return packet.contains("stays/#") && packet.subscribe_options() == (v5 ? 0x11 : 1);
  });
  broker.suback({1}).publish({.topic = "stays/here", .payload = "back", .identifiers = {1}});
  broker.expect(Type::disconnect);
  broker.play();

  auto options = options_for(broker);
  options.protocol = GetParam();
  auto session = connected_session(options);
  const auto stays = queue();
  const auto goes = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"stays/#"}, stays)).ok());
  const auto [status, id, codes] = subscribe(*session, {"goes/#"}, goes);
  ASSERT_TRUE(status.ok());
  ASSERT_TRUE(status_of(session->unsubscribe(id)).ok());
  const auto messages = drain(*stays, 1);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].payload, "back");
  std::vector<std::string> names;
  EXPECT_TRUE(eventually([&] {  // a message may be quicker than the word of the SUBACK before it
    for (auto& name : event_names(*session)) names.push_back(std::move(name));
    return is_in(names, "resubscribed");
  }));
  for (const auto* name : {"connection_lost", "retrying", "gap"}) EXPECT_TRUE(is_in(names, name)) << name;
  EXPECT_EQ(session->info().connects, 2u);
  EXPECT_EQ(session->info().state, SessionState::connected);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

INSTANTIATE_TEST_SUITE_P(Versions, LossInEveryVersion,
                         ::testing::Values(ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5_0));

TEST(SessionLoss, ResumesASessionThatTheBrokerKept) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect, [](const auto& packet) { return packet.clean(); }).connack();
  broker.expect(Type::subscribe).suback({1}).close();
  broker.accept().expect(Type::connect, [](const auto& packet) { return !packet.clean(); }).connack(0, true);
  broker.publish({.topic = "a/b", .payload = "queued", .qos = 1, .id = 3, .identifiers = {1}}).expect(Type::puback);
  broker.expect(Type::disconnect);  // no SUBSCRIBE in between
  broker.play();
  auto options = options_for(broker);
  options.session_expiry = 300s;
  auto session = connected_session(options);
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"a/#"}, stream)).ok());
  const auto messages = drain(*stream, 1);
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(messages[0].payload, "queued");
  EXPECT_TRUE(
      eventually([&] { return session->info().session_present; }));  // a message may be quicker than CONNACK's word
  EXPECT_FALSE(is_in(event_names(*session), "gap"));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionLoss, HoldsTheBacklogOfAResumedSessionUntilSomebodySubscribes) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect, [](const auto& packet) { return !packet.clean(); }).connack(0, true);
  broker.publish({.topic = "a/b", .payload = "backlog", .qos = 1, .id = 3});
  if (!counts_every_byte()) broker.expect(Type::puback);  // the system's Paho cannot wait
  broker.publish({.topic = "other", .payload = "nobody's", .qos = 1, .id = 4});
  if (!counts_every_byte()) broker.expect(Type::puback);
  broker.expect(Type::subscribe).suback({1}).publish({.topic = "a/b", .payload = "live"}).expect(Type::disconnect);
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::v5_0;
  options.clean_start = false;
  options.session_expiry = 300s;
  auto session = connected_session(options);
  ASSERT_TRUE(eventually([&] { return session->info().arrived == 2; }));
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"a/#"}, stream)).ok());
  const auto messages = drain(*stream, 2);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].payload, "backlog");
  EXPECT_EQ(messages[1].payload, "live");
  EXPECT_EQ(session->info().routed, 2u);
  EXPECT_EQ(session->info().unmatched, 0u);
  EXPECT_EQ(session->info().held, 1u);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(session->info().unmatched, 1u);
  EXPECT_TRUE(is_in(event_names(*session), "unmatched")) << "one was held to the end";
  EXPECT_EQ(broker.finish(), "");
}

// Nobody wants all of it, and nothing that comes behind may be acknowledged before it. A publish of our own of QoS 2
// goes on meanwhile.
TEST(SessionLoss, AcknowledgesTheBacklogInItsOrderAndNotBeforeItIsGivenUp) {
  if (!counts_every_byte()) GTEST_SKIP() << "with the system's Paho it is acknowledged when it comes";
  const auto has_id = [](std::uint16_t id) { return [id](const auto& packet) { return packet.packet_id() == id; }; };
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack(0, true);
  broker.publish({.topic = "a", .payload = "1", .qos = 1, .id = 7});
  broker.publish({.topic = "b", .payload = "2", .qos = 2, .id = 8});
  broker.publish({.topic = "a", .payload = "3", .qos = 1, .id = 9});
  broker.expect(Type::publish).acknowledge(Type::pubrec).expect(Type::pubrel).acknowledge(Type::pubcomp);
  broker.expect(Type::subscribe).suback({2}).publish({.topic = "a", .payload = "4", .qos = 1, .id = 10});
  broker.expect(Type::puback, has_id(7)).expect(Type::pubrec, has_id(8)).expect(Type::puback, has_id(9));
  broker.expect(Type::puback, has_id(10)).expect(Type::disconnect);
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::v5_0;
  options.clean_start = false;
  options.session_expiry = 300s;
  options.hold_backlog = 500ms;
  auto session = connected_session(options);
  ASSERT_TRUE(eventually([&] { return session->info().held == 3; }));
  EXPECT_TRUE(status_of(session->publish({.topic = "out", .payload = "x", .qos = 2})).ok());
  const auto a = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"a"}, a, 2)).ok());
  EXPECT_EQ(drain(*a, 3).size(), 3u);
  EXPECT_EQ(session->info().held, 1u);
  ASSERT_TRUE(eventually([&] { return session->info().unmatched == 1; }));
  std::this_thread::sleep_for(100ms);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionLoss, GivesTheBacklogUpSomeTimeAfterTheFirstSubscription) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack(0, true).publish({.topic = "other"});
  broker.expect(Type::subscribe).suback({1}).expect(Type::disconnect);
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::v5_0;
  options.clean_start = false;
  options.session_expiry = 300s;
  options.hold_backlog = 300ms;
  auto session = connected_session(options);
  ASSERT_TRUE(eventually([&] { return session->info().held == 1; }));
  std::this_thread::sleep_for(400ms);
  EXPECT_EQ(session->info().held, 1u) << "nobody has subscribed yet";
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"a/#"}, queue())).ok());
  EXPECT_EQ(session->info().held, 1u);
  ASSERT_TRUE(eventually([&] { return session->info().unmatched == 1; }));
  EXPECT_EQ(session->info().held, 0u);
  EXPECT_TRUE(eventually([&] { return is_in(event_names(*session), "unmatched"); }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionLoss, SubscribesWhileReconnectingOnceItIsBack) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().close();
  broker.accept().expect(Type::connect).pause(200ms).connack();
  broker.expect(Type::subscribe).suback({1}).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  ASSERT_TRUE(eventually([&] { return session->info().state == SessionState::reconnecting; }));
  const auto stream = queue();
  EXPECT_TRUE(std::get<0>(subscribe(*session, {"late/#"}, stream)).ok());
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

struct Goodbye {
  int code;
  ErrorCode error;
  SessionState then;
};

class ServerDisconnect : public ::testing::TestWithParam<Goodbye> {};

TEST_P(ServerDisconnect, IsUnderstood) {
  const auto [code, error, state] = GetParam();
  const SessionState then = state;  // a lambda of clang 14 sees no structured binding
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1});
  broker.disconnect(code, "because").close();
  if (then == SessionState::connected)
    broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1}).expect(Type::disconnect);
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::v5_0;
  auto session = connected_session(options);
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"a/#"}, stream)).ok());
  ASSERT_TRUE(eventually([&] {
    const auto info = session->info();
    return info.state == then && (then == SessionState::closed || info.connects == 2);
  })) << to_string(session->info().state);
  const auto last = session->info().last_error;
  EXPECT_EQ(last.code(), error) << last.message();
  EXPECT_EQ(last.reason_code(), code);
  EXPECT_EQ(last.reason_string(), "because");
  if (then == SessionState::closed) {
    EXPECT_EQ(status_of(session->publish({.topic = "a", .payload = "x"})).code(), error);
    EXPECT_TRUE(stream->closed());
  } else {
    ASSERT_TRUE(eventually([&] { return is_in(event_names(*session), "resubscribed"); }));
    EXPECT_TRUE(status_of(session->close(2s)).ok());
  }
  EXPECT_EQ(broker.finish(), "");
}

INSTANTIATE_TEST_SUITE_P(Codes, ServerDisconnect,
                         ::testing::Values(Goodbye{0x8E, ErrorCode::session_taken_over, SessionState::closed},
                                           Goodbye{0x81, ErrorCode::disconnected_by_broker, SessionState::closed},
                                           Goodbye{0x82, ErrorCode::disconnected_by_broker, SessionState::closed},
                                           Goodbye{0x9D, ErrorCode::server_unavailable, SessionState::closed},
                                           Goodbye{0x80, ErrorCode::disconnected_by_broker, SessionState::connected},
                                           Goodbye{0x89, ErrorCode::server_unavailable, SessionState::connected},
                                           Goodbye{0x8B, ErrorCode::server_unavailable, SessionState::connected},
                                           Goodbye{0x8D, ErrorCode::disconnected_by_broker, SessionState::connected},
                                           Goodbye{0x97, ErrorCode::quota_exceeded, SessionState::connected},
                                           Goodbye{0xA0, ErrorCode::disconnected_by_broker, SessionState::connected}));

TEST(SessionLoss, AsksForTheKeepaliveThatTheBrokerSet) {
  const auto keepalive = [](const auto& packet) { return static_cast<unsigned char>(packet.body[9]); };
  ScriptedBroker broker;
  broker.accept().expect(Type::connect, [=](const auto& packet) { return keepalive(packet) == 30; });
  broker.connack(0, false, testing::property(19, testing::two_bytes(12))).close();
  broker.accept().expect(Type::connect, [=](const auto& packet) { return keepalive(packet) == 12; }).connack();
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionLoss, SaysThatItWasTakenOver) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().disconnect(0x8E).close();
  broker.play();
  auto session = connected_session(options_for(broker));
  ASSERT_TRUE(eventually([&] { return session->info().state == SessionState::closed; }));
  std::vector<std::string> names;
  EXPECT_TRUE(eventually([&] {
    for (auto& name : event_names(*session)) names.push_back(std::move(name));
    return is_in(names, "taken_over");
  }));
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionLoss, EndsAConnectionThatTheBrokerDeclaredOverButKeepsOpen) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().disconnect(0x8B);
  broker.expect_close();  // without DISCONNECT: the broker said its own
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionLoss, RetriesARefusalLaterAndVisibly) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().close();
  broker.accept().expect(Type::connect).connack(0x87).close();
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  const auto events = session->take_events();
  const auto refused = std::find_if(events.begin(), events.end(),
                                    [](const auto& event) { return event.kind == SessionEvent::Kind::refused; });
  ASSERT_NE(refused, events.end());
  EXPECT_EQ(refused->status.code(), ErrorCode::not_authorized);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionLoss, StopsWhereReconnectingWasNotWanted) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().close();
  broker.play();
  auto options = options_for(broker);
  options.reconnect = false;
  auto session = connected_session(options);
  ASSERT_TRUE(eventually([&] { return session->info().state == SessionState::closed; }));
  EXPECT_EQ(session->info().last_error.code(), ErrorCode::connection_lost);
  EXPECT_FALSE(session->wait_event(0ms) && session->take_events().empty());
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionLoss, ComesBackWhenTheBrokerDoes) {
  auto first = std::make_unique<ScriptedBroker>();
  first->accept().expect(Type::connect).connack();
  first->play();
  auto session = connected_session(options_for(*first));
  ASSERT_EQ(first->finish(), "");
  first.reset();  // nobody listens any more: refused, and tried again
  ASSERT_TRUE(eventually([&] { return session->info().last_error.code() == ErrorCode::connection_refused; }));
  EXPECT_EQ(session->info().state, SessionState::reconnecting);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
}

TEST(SessionLoss, AnOldLossIsNotWhyAClosedSessionRefuses) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().close();
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(status_of(session->publish({.topic = "a", .payload = "x"})).code(), ErrorCode::closed);
  EXPECT_EQ(broker.finish(), "");
}

TEST(SessionLoss, ClosesWhileItWaitsToReconnect) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().close();
  broker.play();
  auto options = options_for(broker);
  options.reconnect_min_delay = options.reconnect_max_delay = 30'000ms;
  auto session = connected_session(options);
  ASSERT_TRUE(eventually([&] { return session->info().state == SessionState::reconnecting; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

}  // namespace
}  // namespace honeyframe
