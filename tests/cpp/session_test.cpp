// Session against a scripted broker: the normal way, in all three versions.

#include "session.h"

#include <gtest/gtest.h>

#include <atomic>

#include "scripted_broker.h"
#include "session_for_tests.h"

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

class EveryVersion : public ::testing::TestWithParam<ProtocolVersion> {};

TEST_P(EveryVersion, ConnectsSubscribesReceivesPublishesAndCloses) {
  std::atomic<bool> acknowledged = false;
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::subscribe, [](const auto& packet) { return packet.contains("plant/+/t"); }).suback({1});
  broker.publish({.topic = "plant/a/t", .payload = "{\"t\":1}", .qos = 0});
  broker.publish({.topic = "plant/b/t", .payload = "{\"t\":2}", .qos = 1, .id = 7});
  broker.expect(Type::puback, [&](const auto&) { return acknowledged = true; });
  broker.expect(Type::publish, [](const auto& packet) { return packet.qos() == 0 && packet.contains("out/0"); });
  broker.expect(Type::publish, [](const auto& packet) { return packet.qos() == 1; }).acknowledge(Type::puback);
  broker.expect(Type::publish, [](const auto& packet) { return packet.qos() == 2; }).acknowledge(Type::pubrec);
  broker.expect(Type::pubrel).acknowledge(Type::pubcomp);
  broker.expect(Type::disconnect).expect_close();
  broker.play();

  auto options = options_for(broker);
  options.protocol = GetParam();
  auto session = connected_session(options);
  const auto stream = queue();
  auto [status, id, codes] = subscribe(*session, {"plant/+/t"}, stream);
  ASSERT_TRUE(status.ok()) << status.message();
  EXPECT_EQ(codes, std::vector<int>{1});

  const auto messages = drain(*stream, 2);
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].topic, "plant/a/t");
  EXPECT_EQ(messages[1].payload, "{\"t\":2}");
  EXPECT_EQ(messages[1].qos, 1);

  ASSERT_TRUE(eventually([&] { return acknowledged.load(); }));  // which a PUBLISH of another thread may overtake
  EXPECT_TRUE(status_of(session->publish({.topic = "out/0", .payload = "0", .qos = 0})).ok());
  EXPECT_TRUE(status_of(session->publish({.topic = "out/1", .payload = "1", .qos = 1})).ok());
  EXPECT_TRUE(status_of(session->publish({.topic = "out/2", .payload = "2", .qos = 2})).ok());
  EXPECT_TRUE(status_of(session->close(2s)).ok());

  EXPECT_EQ(broker.finish(), "");
  const auto info = session->info();
  EXPECT_EQ(info.state, SessionState::closed);
  EXPECT_EQ(info.protocol, GetParam());
  EXPECT_EQ(info.arrived, 2u);
  EXPECT_EQ(info.routed, 2u);
  EXPECT_EQ(info.published, 3u);
  EXPECT_TRUE(stream->closed());
}

INSTANTIATE_TEST_SUITE_P(Versions, EveryVersion,
                         ::testing::Values(ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5_0));

}  // namespace
}  // namespace honeyframe
