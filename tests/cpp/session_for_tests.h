#pragma once

// What the tests of sessions share: options for a scripted broker, and the waits.

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "scripted_broker.h"
#include "session.h"

namespace honeyframe::testing {

inline constexpr std::chrono::seconds kPatience{10};

inline ConnectOptions options_for(const ScriptedBroker& broker) {
  ConnectOptions options;
  options.uri = BrokerUri::parse(broker.uri()).value();
  options.client_id = "tester";
  options.reconnect_min_delay = std::chrono::milliseconds(20);
  options.reconnect_max_delay = std::chrono::milliseconds(100);
  options.refused_retry_delay = std::chrono::milliseconds(200);
  return options;
}

inline Status status_of(const OperationPtr& operation) {
  if (!operation->wait_for(kPatience)) return Status(ErrorCode::timeout, "the operation was not done in time");
  return operation->status();
}

inline std::shared_ptr<Session> connected_session(const ConnectOptions& options) {
  auto created = Session::create(options);
  EXPECT_TRUE(created.ok()) << created.status().message();
  auto session = std::move(created).value();
  const auto status = status_of(session->connect());
  EXPECT_TRUE(status.ok()) << status.message();
  return session;
}

inline std::shared_ptr<MessageQueue> queue(QueueLimits limits = {}) {
  return std::make_shared<MessageQueue>(limits);
}

inline std::tuple<Status, std::uint64_t, std::vector<int>> subscribe(Session& session, std::vector<std::string> filters,
                                                                     const std::shared_ptr<MessageQueue>& to,
                                                                     int qos = 1) {
  std::uint64_t id = 0;
  const auto operation = session.subscribe({.filters = std::move(filters), .qos = qos}, to, id);
  auto status = status_of(operation);
  return {std::move(status), id, operation->reason_codes()};
}

struct Received {
  std::string topic;
  std::string payload;
  int qos;
  bool retain;
};

// The next `count` messages, or as many as come within kPatience.
inline std::vector<Received> drain(MessageQueue& from, std::size_t count) {
  std::vector<Received> messages;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (messages.size() < count && std::chrono::steady_clock::now() < deadline) {
    const auto block = from.take(std::chrono::milliseconds(50));
    for (std::size_t i = 0; block != nullptr && i < block->size(); ++i) {
      const auto& stored = (*block)[i];
      messages.push_back(
          {std::string(block->topic(stored)), std::string(block->payload(stored)), stored.qos, stored.retain});
    }
  }
  return messages;
}

// Waits until `condition` holds; false after kPatience.
template <typename Condition>
bool eventually(Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

// The names of the events so far, in order, each as to_string() spells it.
inline std::vector<std::string> event_names(Session& session) {
  std::vector<std::string> names;
  for (const auto& event : session.take_events()) names.emplace_back(to_string(event.kind));
  return names;
}

}  // namespace honeyframe::testing
