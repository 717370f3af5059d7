// Rows in flight, over a real session to a scripted broker.

#include "row_sender.h"

#include <gtest/gtest.h>

#include "columns_for_tests.h"
#include "scripted_broker.h"
#include "session_for_tests.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using namespace testing;

constexpr std::int64_t kRows = 4;

RecordBatchPtr lines() {
  return batch_of({{{"line", kString}, strings({"a", std::nullopt, "c", "d"})},
                   {{"n", kInt64}, numbers<std::int64_t>({0, 1, 2, 3})}});
}

ConnectOptions version_5(const ScriptedBroker& broker) {
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::v5_0;
  return options;
}

std::shared_ptr<RowPublisher> started(Session& session, RowPublishRequest request) {
  request.rows.topic = "plant/{line}";
  auto rows = session.publish_rows(std::move(request));
  EXPECT_TRUE(rows.ok()) << rows.status().message();
  EXPECT_TRUE(rows.value()->offer(lines(), {}).ok());
  rows.value()->finish();
  return rows.value();
}

std::vector<std::string> outcomes(const RowReport& report) {
  std::vector<std::string> texts;
  for (const auto& refusal : report.refusals) {
    texts.push_back(std::to_string(refusal.row) + " " + std::string(to_string(refusal.outcome)) + " " + refusal.topic);
  }
  std::sort(texts.begin(), texts.end());
  return texts;
}

auto to(std::string topic) {
  return [topic = std::move(topic)](const Packet& packet) { return packet.contains(topic); };
}

TEST(RowSender, SendsInOrderAndSkipsWhatIsNoMessage) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::publish, to("plant/a")).acknowledge(Type::puback);
  broker.expect(Type::publish, to("plant/c")).acknowledge(Type::puback);
  broker.expect(Type::publish, to("plant/d")).acknowledge(Type::puback).expect(Type::disconnect);
  broker.play();
  auto options = options_for(broker);
  options.protocol = ProtocolVersion::v3_1_1;
  auto session = connected_session(options);
  const auto rows = started(*session, {});
  ASSERT_TRUE(rows->wait_until_ended(kPatience));
  const auto report = rows->report();
  EXPECT_TRUE(report.error.ok()) << report.error.message();
  EXPECT_EQ(report.published, 3);
  EXPECT_EQ(report.tried, kRows);
  EXPECT_EQ(outcomes(report), std::vector<std::string>{"1 invalid "});
  EXPECT_EQ(session->info().published, 3u);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(RowSender, KeepsToTheCallersMaximum) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  // Each next one must not come before the answer: the script would find it in place of what it expects.
  for (int i = 0; i < 3; ++i) broker.expect(Type::publish).pause(30ms).acknowledge(Type::puback);
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(version_5(broker));
  const auto rows = started(*session, {.max_in_flight = 1});
  ASSERT_TRUE(rows->wait_until_ended(kPatience));
  EXPECT_EQ(rows->report().published, 3);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(RowSender, ARefusalIsOfItsRowAlone) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::publish).acknowledge(Type::puback, 0x87, "not there");
  broker.expect(Type::publish).acknowledge(Type::puback).expect(Type::publish).acknowledge(Type::puback, 0x97);
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(version_5(broker));
  const auto rows = started(*session, {.max_in_flight = 1});
  ASSERT_TRUE(rows->wait_until_ended(kPatience));
  const auto report = rows->report();
  EXPECT_TRUE(report.error.ok());
  EXPECT_EQ(report.published, 1);
  EXPECT_EQ(outcomes(report), (std::vector<std::string>{"0 refused plant/a", "1 invalid ", "3 refused plant/d"}));
  for (const auto& refusal : report.refusals) {
    if (refusal.row == 1) continue;
    EXPECT_EQ(refusal.reason_code, refusal.row == 0 ? 0x87 : 0x97);
    EXPECT_EQ(refusal.reason, refusal.row == 0 ? "not there" : "");
  }
  const auto names = event_names(*session);
  EXPECT_EQ(std::count(names.begin(), names.end(), "publish_refused"), 1) << "one event for all";
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(RowSender, ALostConnectionEndsItAndNothingIsSentTwice) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::publish).acknowledge(Type::puback).expect(Type::publish).close();
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.play();
  auto session = connected_session(version_5(broker));
  const auto rows = started(*session, {.max_in_flight = 1});
  ASSERT_TRUE(rows->wait_until_ended(kPatience));
  const auto report = rows->report();
  EXPECT_EQ(report.error.code(), ErrorCode::connection_lost);
  EXPECT_EQ(report.published, 1);
  EXPECT_EQ(report.tried, 3) << "row 3 was not touched";
  EXPECT_EQ(outcomes(report), (std::vector<std::string>{"1 invalid ", "2 unacknowledged plant/c"}));
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(RowSender, APubackThatRefusesAndADisconnectBlameNobodyElse) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::publish).acknowledge(Type::puback, 0x87, "no").expect(Type::publish).expect(Type::publish);
  broker.disconnect(0x87, "no").close();
  broker.accept().expect(Type::connect).connack().expect(Type::disconnect);
  broker.play();
  auto options = version_5(broker);
  options.refused_retry_delay = ConnectOptions().refused_retry_delay;  // a minute: it must not be waited for
  auto session = connected_session(options);
  const auto rows = started(*session, {.max_in_flight = 2});
  ASSERT_TRUE(rows->wait_until_ended(kPatience));
  const auto report = rows->report();
  EXPECT_EQ(outcomes(report), (std::vector<std::string>{"0 refused plant/a", "1 invalid ", "2 unacknowledged plant/c",
                                                        "3 unacknowledged plant/d"}));
  EXPECT_FALSE(report.error.ok());
  ASSERT_TRUE(eventually([&] { return session->info().connects == 2; }));
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(RowSender, StoppedItStillCountsWhatTheBrokerHas) {
  ScriptedBroker broker;
  broker.accept()
      .expect(Type::connect)
      .connack(0, false, property(0x21, two_bytes(2)));  // one at a time: see publisher.cpp
  broker.expect(Type::publish, to("plant/a")).pause(200ms).acknowledge(Type::puback);
  broker.expect(Type::publish, to("after")).acknowledge(Type::puback).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(version_5(broker));
  const auto rows = started(*session, {});
  std::this_thread::sleep_for(50ms);
  rows->stop(Status(ErrorCode::closed, "enough"));
  ASSERT_TRUE(rows->wait_until_ended(kPatience));
  const auto report = rows->report();
  EXPECT_EQ(report.error.message(), "enough");
  EXPECT_EQ(report.published, 0);
  EXPECT_EQ(outcomes(report), (std::vector<std::string>{"0 unacknowledged plant/a"}));
  EXPECT_TRUE(status_of(session->publish({.topic = "after", .payload = "x", .qos = 1})).ok());
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(RowSender, WhatTheBrokerDoesNotTakeIsRefusedBeforehand) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack(0, false, property(0x24, std::string(1, '\0')));  // QoS 0 only
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(version_5(broker));
  const auto rows = started(*session, {});
  ASSERT_TRUE(rows->wait_until_ended(kPatience));
  EXPECT_EQ(rows->report().error.code(), ErrorCode::invalid_argument);
  EXPECT_EQ(rows->report().tried, 0);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

TEST(RowSender, ClosingWaitsForWhatIsInFlightAndSendsNoMore) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::publish, to("plant/a")).pause(100ms).acknowledge(Type::puback).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(version_5(broker));
  const auto rows = started(*session, {.max_in_flight = 1});
  std::this_thread::sleep_for(30ms);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  ASSERT_TRUE(rows->wait_until_ended(kPatience));
  const auto report = rows->report();
  EXPECT_EQ(report.published, 1);
  EXPECT_EQ(report.error.code(), ErrorCode::closed);
  EXPECT_EQ(broker.finish(), "");
}

TEST(RowSender, WithoutAnswersQos0IsPublishedWhenWritten) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  for (int i = 0; i < 3; ++i) broker.expect(Type::publish, [](const Packet& packet) { return packet.qos() == 0; });
  broker.expect(Type::disconnect);
  broker.play();
  auto session = connected_session(version_5(broker));
  const auto rows = started(*session, {.qos = 0});
  ASSERT_TRUE(rows->wait_until_ended(kPatience));
  EXPECT_EQ(rows->report().published, 3);
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

}  // namespace
}  // namespace honeyframe
