// SUBSCRIBE and every code that may come back.

#include "subscriber.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

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
using testing::property;
using testing::queue;
using testing::ScriptedBroker;
using testing::status_of;
using testing::subscribe;
using testing::Type;

ConnectOptions with_version(const ScriptedBroker& broker, ProtocolVersion version) {
  auto options = options_for(broker);
  options.protocol = version;
  return options;
}

class SubackInEveryVersion : public ::testing::TestWithParam<ProtocolVersion> {};

TEST_P(SubackInEveryVersion, GrantsEachFilterItsOwnQos) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::subscribe).suback({2}).expect(Type::subscribe).suback({0}).expect(Type::subscribe).suback({1});
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, GetParam()));
  const auto [status, id, codes] = subscribe(*session, {"a/#", "b/+", "c"}, queue(), 2);
  EXPECT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(codes, (std::vector<int>{2, 0, 1}));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST_P(SubackInEveryVersion, NamesTheFiltersThatWereDeniedAndTakesTheOthersBack) {
  if (GetParam() == ProtocolVersion::v3_1) GTEST_SKIP() << "MQTT 3.1 has no code for it";
  const bool v5 = GetParam() == ProtocolVersion::v5_0;
  const int denied = v5 ? 0x87 : 0x80;
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::subscribe).suback({1});
  broker.expect(Type::subscribe).suback({denied}, "Not authorized to subscribe");
  broker.expect(Type::subscribe).suback({denied});
  broker.expect(Type::unsubscribe, [](const auto& packet) { return packet.contains("fine/#"); });
  broker.expect(Type::unsubscribe, [](const auto& packet) { return packet.contains("secret/#"); });
  broker.expect(Type::unsubscribe, [](const auto& packet) { return packet.contains("hidden"); });
  std::atomic<bool> taken_back{false};  // close() does not wait for UNSUBSCRIBE
  broker.run([&] { taken_back = true; }).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, GetParam()));
  const auto [status, id, codes] = subscribe(*session, {"fine/#", "secret/#", "hidden"}, queue());
  EXPECT_EQ(status.code(), ErrorCode::subscribe_denied);
  EXPECT_EQ(status.reason_code(), denied);
  EXPECT_EQ(status.reason_string(), v5 ? "Not authorized to subscribe" : "");
  EXPECT_NE(status.message().find("secret/#"), std::string::npos) << status.message();
  EXPECT_EQ(status.subjects(), (std::vector<std::string>{"hidden", "secret/#"}));
  EXPECT_EQ(codes, (std::vector<int>{1, denied, denied}));
  EXPECT_EQ(session->info().state, SessionState::connected);
  const auto names = event_names(*session);
  EXPECT_EQ(std::count(names.begin(), names.end(), "subscribe_refused"), 1);
  EXPECT_TRUE(eventually([&] { return taken_back.load(); }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

INSTANTIATE_TEST_SUITE_P(Versions, SubackInEveryVersion,
                         ::testing::Values(ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5_0));

TEST(Subscriber, TakesAClosedConnectionForADenialInMqtt31) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::subscribe).close();
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);  // and does not ask again
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v3_1));
  const auto [status, id, codes] = subscribe(*session, {"secret/#"}, queue());
  EXPECT_EQ(status.code(), ErrorCode::subscribe_denied);
  EXPECT_NE(status.message().find("probably"), std::string::npos) << status.message();
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, AsksOnceMoreWhereTheConnectionWasLostAndThenGivesUp) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).close();
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).close();
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v3_1_1));
  const auto [status, id, codes] = subscribe(*session, {"secret/#"}, queue());
  EXPECT_EQ(status.code(), ErrorCode::subscribe_denied) << status.message();
  ASSERT_TRUE(eventually([&] { return session->info().connects == 3; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, StopsWhereTheFiltersItHoldsAreDeniedByClosing) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1}).close();
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).close();
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).close();
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v3_1));
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"revoked/#"}, stream)).ok());
  ASSERT_TRUE(eventually([&] { return session->info().state == SessionState::closed; }));
  EXPECT_EQ(session->info().last_error.code(), ErrorCode::subscribe_denied);
  EXPECT_TRUE(stream->closed());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, UnderstandsADisconnectAboutTheFilter) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).disconnect(0x9E, "no shares here").close();
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  const auto [status, id, codes] = subscribe(*session, {"$share/group/a"}, queue());
  EXPECT_EQ(status.reason_code(), 0x9E);
  EXPECT_FALSE(status.ok());
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, EndsTheStreamsOfAFilterWhoseRenewalIsDeniedAndNoOthers) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  for (int i = 0; i < 3; ++i) broker.expect(Type::subscribe).suback({1});
  broker.publish({.topic = "revoked/x", .payload = "before"}).close();
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::subscribe, [](const auto& packet) { return packet.contains("revoked/#"); });
  broker.suback({0x87}, "no longer").expect(Type::subscribe).suback({1}).expect(Type::subscribe).suback({1});
  broker.expect(Type::unsubscribe, [](const auto& packet) { return packet.contains("revoked/#"); });
  broker.expect(Type::unsubscribe, [](const auto& packet) { return packet.contains("beside"); });
  broker.publish({.topic = "fine/x", .payload = "after"}).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  const auto ended = queue();
  const auto other = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"revoked/#", "beside"}, ended)).ok());
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"fine/#"}, other)).ok());
  ASSERT_TRUE(eventually([&] { return ended->closed(); }));
  EXPECT_EQ(drain(*other, 1).size(), 1u);
  EXPECT_FALSE(other->closed());
  EXPECT_EQ(drain(*ended, 1).size(), 1u) << "what was queued stays readable";
  EXPECT_EQ(ended->close_reason().code(), ErrorCode::subscribe_denied);
  EXPECT_EQ(ended->close_reason().reason_code(), 0x87);
  EXPECT_EQ(ended->close_reason().reason_string(), "no longer");
  EXPECT_EQ(ended->close_reason().subjects(), (std::vector<std::string>{"revoked/#"}));
  EXPECT_TRUE(session->take_deferred_error().ok()) << "it is no later call's";
  std::vector<std::string> names;
  const auto told = [&](const char* name) { return std::count(names.begin(), names.end(), name); };
  EXPECT_TRUE(eventually([&] {
    for (auto& name : event_names(*session)) names.push_back(std::move(name));
    return told("resubscribed") == 1;
  })) << "the others were granted";
  EXPECT_EQ(told("subscribe_refused"), 1);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, WaitsForAnAnswerThatNeverComesOnlyAsLongAsTheCallerDoes) {
  ScriptedBroker broker;
  broker.accept()
      .expect(Type::connect)
      .connack()
      .expect(Type::subscribe)
      .expect(Type::unsubscribe)
      .expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  std::uint64_t id = 0;
  const auto operation = session->subscribe({.filters = {"a"}}, queue(), id);
  EXPECT_FALSE(operation->wait_for(200ms));
  const auto letting_go = session->unsubscribe(id);
  EXPECT_EQ(status_of(operation).code(), ErrorCode::closed);
  EXPECT_FALSE(letting_go->wait_for(100ms)) << "the broker is silent";
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_TRUE(letting_go->done());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, CountsReferencesToAFilter) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::subscribe)
      .suback({1})
      .publish({.topic = "a/x", .payload = "kept", .retain = true, .identifiers = {1}});
  // Again for the second stream, which wants the retained message, too.
  broker.expect(Type::subscribe)
      .publish({.topic = "a/x", .payload = "kept", .retain = true, .identifiers = {1}})
      .suback({1});
  broker.publish({.topic = "a/x", .payload = "live", .identifiers = {1}});
  broker.expect(Type::unsubscribe).unsuback();  // once: with the second of them
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  const auto first = queue();
  const auto second = queue();
  const auto [status1, id1, codes1] = subscribe(*session, {"a/#"}, first);
  const auto before = drain(*first, 1);
  const auto [status2, id2, codes2] = subscribe(*session, {"a/#"}, second);
  ASSERT_TRUE(status1.ok() && status2.ok());
  const auto later = drain(*first, 2);
  const auto all = drain(*second, 2);
  ASSERT_EQ(before.size() + later.size() + all.size(), 5u);
  EXPECT_TRUE(before[0].retain);
  EXPECT_EQ(later[0].payload, "kept") << "it may still be the first's: they asked right after each other";
  EXPECT_EQ(later[1].payload, "live");
  EXPECT_EQ(all[0].payload, "kept");
  EXPECT_EQ(all[1].payload, "live");
  EXPECT_TRUE(status_of(session->unsubscribe(id1)).ok());
  EXPECT_TRUE(status_of(session->unsubscribe(id2)).ok());
  EXPECT_EQ(session->info().arrived, 3u);
  EXPECT_EQ(session->info().routed, 3u);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, DetachesWithoutAWordToTheBroker) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::subscribe).suback({1});
  broker.expect(Type::subscribe).suback({1});
  broker.publish({.topic = "a/x", .payload = "late", .identifiers = {1}});
  broker.publish({.topic = "b", .payload = "live", .identifiers = {2}});
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  const auto [status1, id1, codes1] = subscribe(*session, {"a/#"}, queue());
  EXPECT_TRUE(status_of(session->detach(id1)).ok());
  const auto kept = queue();
  const auto [status2, id2, codes2] = subscribe(*session, {"b"}, kept);
  ASSERT_TRUE(status1.ok() && status2.ok());
  EXPECT_EQ(drain(*kept, 1).size(), 1u);
  EXPECT_EQ(session->info().unmatched, 1u);
  EXPECT_TRUE(status_of(session->detach(99)).ok()) << "nobody's";
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, NumbersItsFiltersWhereTheBrokerAllows) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::subscribe, [](const auto& packet) { return packet.subscription_identifier() == 1; }).suback({1});
  broker.expect(Type::subscribe, [](const auto& packet) { return packet.subscription_identifier() == 2; }).suback({1});
  broker.publish({.topic = "a/b", .payload = "both", .identifiers = {1, 2}});
  broker.publish({.topic = "a/b", .payload = "second", .identifiers = {2}});
  broker.publish({.topic = "a/b", .payload = "nobody", .identifiers = {99}});
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  const auto first = queue();
  const auto second = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"a/#"}, first)).ok());
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"a/+"}, second)).ok());
  EXPECT_EQ(drain(*first, 1).size(), 1u);
  EXPECT_EQ(drain(*second, 2).size(), 2u);
  ASSERT_TRUE(eventually([&] { return session->info().arrived == 3; }));
  const auto info = session->info();
  EXPECT_EQ(info.routed, 2u);
  EXPECT_EQ(info.unmatched, 1u);
  EXPECT_EQ(first->counters().received, 1u);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, MatchesTopicsWhereTheBrokerForbidsIdentifiers) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack(0, false, property(41, std::string(1, '\0')));
  broker.expect(Type::subscribe, [](const auto& packet) { return packet.subscription_identifier() == 0; }).suback({1});
  broker.publish({.topic = "a/b"}).publish({.topic = "elsewhere"}).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"a/#"}, stream)).ok());
  EXPECT_EQ(drain(*stream, 1).size(), 1u);
  ASSERT_TRUE(eventually([&] { return session->info().unmatched == 1; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, RenewsAgainWhereTheRenewalWasCutOffAndTheBrokerKeptTheEmptySession) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1}).close();
  broker.accept().expect(Type::connect).connack(0, false).expect(Type::subscribe).close();
  broker.accept().expect(Type::connect).connack(0, true);
  broker.expect(Type::subscribe, [](const auto& packet) { return packet.contains("held/#"); }).suback({1});
  broker.publish({.topic = "held/x", .identifiers = {1}}).expect(Type::disconnect);
  broker.play();
  auto options = with_version(broker, ProtocolVersion::v5_0);
  options.session_expiry = 300s;
  auto session = connected_session(options);
  const auto stream = queue();
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"held/#"}, stream)).ok());
  EXPECT_EQ(drain(*stream, 1).size(), 1u);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, RepeatsAnUnsubscribeThatWasLostOnItsWay) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1});
  broker.expect(Type::unsubscribe).close();
  broker.accept().expect(Type::connect).connack(0, true);
  broker.expect(Type::unsubscribe, [](const auto& packet) { return packet.contains("gone/#"); }).unsuback();
  std::atomic<bool> repeated{false};
  broker.run([&] { repeated = true; }).expect(Type::disconnect);
  broker.play();
  auto options = with_version(broker, ProtocolVersion::v5_0);
  options.session_expiry = 300s;
  auto session = connected_session(options);
  const auto [status, id, codes] = subscribe(*session, {"gone/#"}, queue());
  ASSERT_TRUE(status.ok());
  EXPECT_TRUE(status_of(session->unsubscribe(id)).ok());
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(eventually([&] { return repeated.load(); }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, DoesNotTakePlainLossesForADenialInMqtt5) {
  ScriptedBroker broker;
  for (int i = 0; i < 2; ++i) broker.accept().expect(Type::connect).connack().expect(Type::subscribe).close();
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1}).close();
  for (int i = 0; i < 2; ++i) broker.accept().expect(Type::connect).connack().expect(Type::subscribe).close();
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1}).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  const auto [status, id, codes] = subscribe(*session, {"fine/#"}, queue());
  EXPECT_TRUE(status.ok()) << status.message();
  ASSERT_TRUE(eventually([&] { return session->info().connects == 6; })) << session->info().last_error.message();
  ASSERT_TRUE(eventually([&] {
    const auto names = event_names(*session);
    return std::find(names.begin(), names.end(), "resubscribed") != names.end();
  }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, SaysWhereTheBrokerGrantsALowerQos) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1}).close();
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0}).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(with_version(broker, ProtocolVersion::v5_0));
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"modest/#"}, queue(), 2)).ok());
  std::vector<std::string> details;
  ASSERT_TRUE(eventually([&] {
    for (const auto& event : session->take_events()) {
      if (event.kind == SessionEvent::Kind::qos_lowered) details.push_back(event.detail);
    }
    return details.size() == 2;
  }));
  EXPECT_EQ(details[0], "'modest/#': asked for QoS 2, the broker grants QoS 1");
  EXPECT_EQ(details[1], "'modest/#': asked for QoS 2, the broker grants QoS 0") << "on renewal";
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(Subscriber, RefusesWhatCannotBeAskedFor) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({1}).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  EXPECT_EQ(std::get<0>(subscribe(*session, {}, queue())).code(), ErrorCode::invalid_argument);
  EXPECT_EQ(std::get<0>(subscribe(*session, {"a/#/b"}, queue())).code(), ErrorCode::invalid_topic_filter);
  EXPECT_EQ(std::get<0>(subscribe(*session, {"a"}, queue(), 3)).code(), ErrorCode::invalid_argument);
  EXPECT_EQ(std::get<0>(subscribe(*session, {"a"}, nullptr)).code(), ErrorCode::invalid_argument);
  EXPECT_EQ(std::get<0>(subscribe(*session, {"own/#"}, queue())).code(), ErrorCode::ok);
  std::uint64_t id = 7;
  const auto differs = status_of(session->subscribe({.filters = {"b", "own/#"}, .no_local = true}, queue(), id));
  EXPECT_EQ(differs.code(), ErrorCode::invalid_argument);
  EXPECT_NE(differs.message().find("'own/#'"), std::string::npos) << differs.message();
  EXPECT_EQ(id, 0u);
  QueueLimits patient;
  patient.policy = OverflowPolicy::block;
  patient.block_timeout = 16s;  // keepalive is 30 s
  EXPECT_EQ(std::get<0>(subscribe(*session, {"a"}, queue(patient))).code(), ErrorCode::invalid_argument);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

}  // namespace
}  // namespace honeyframe
