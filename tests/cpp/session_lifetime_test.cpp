// The ends of sessions: many of them, the process's, a forked child's.

#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "scripted_broker.h"
#include "session_for_tests.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::connected_session;
using testing::eventually;
using testing::options_for;
using testing::queue;
using testing::ScriptedBroker;
using testing::status_of;
using testing::subscribe;
using testing::Type;

std::size_t entries(const char* directory) {
  std::size_t count = 0;
  DIR* const listing = opendir(directory);
  if (listing == nullptr) return 0;
  while (readdir(listing) != nullptr) ++count;
  closedir(listing);
  return count;
}
std::size_t descriptors() {
  return entries("/proc/self/fd");
}
std::size_t threads() {
  return entries("/proc/self/task");
}

// One broker a session, so that all of them connect at once: each connect costs Paho up to a second of sleep.
void open_and_close(std::size_t count) {
  std::vector<std::unique_ptr<ScriptedBroker>> brokers;
  std::vector<std::shared_ptr<Session>> sessions;
  std::vector<OperationPtr> connecting;
  for (std::size_t i = 0; i < count; ++i) {
    auto& broker = *brokers.emplace_back(std::make_unique<ScriptedBroker>());
    broker.accept().expect(Type::connect).connack().publish({.topic = "in/flight", .qos = 1}).expect(Type::puback);
    broker.expect(Type::disconnect);
    broker.play();
    sessions.push_back(Session::create(options_for(broker)).value());
    connecting.push_back(sessions.back()->connect());
  }
  for (const auto& operation : connecting) ASSERT_TRUE(status_of(operation).ok());
  for (const auto& session : sessions) ASSERT_TRUE(eventually([&] { return session->info().arrived == 1; }));
  sessions.clear();
  for (const auto& broker : brokers) ASSERT_EQ(broker->finish(), "");
}

TEST(SessionLifetime, LeavesNothingBehindAfterTwoHundredSessions) {
  open_and_close(2);  // Paho's threads and the sentinel come with the first
  std::this_thread::sleep_for(200ms);
  const auto descriptors_before = descriptors();
  const auto threads_before = threads();
  for (int round = 0; round < 10; ++round) open_and_close(20);
  EXPECT_TRUE(eventually([&] { return descriptors() <= descriptors_before && threads() <= threads_before; }))
      << descriptors() << " descriptors after " << descriptors_before << ", " << threads() << " threads after "
      << threads_before;
}

TEST(SessionLifetime, ClosesEverySessionAtOnce) {
  ScriptedBroker first;
  ScriptedBroker second;
  for (auto* broker : {&first, &second}) {
    broker->accept().expect(Type::connect).connack().expect(Type::disconnect);
    broker->play();
  }
  ScriptedBroker silent;
  silent.accept().expect(Type::connect).expect_close();
  silent.play();
  auto one = connected_session(options_for(first));
  auto two = connected_session(options_for(second));
  auto three = Session::create(options_for(silent)).value();
  const auto connecting = three->connect();
  const auto begin = std::chrono::steady_clock::now();
  close_all_sessions(2s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
  for (const auto& session : {one, two, three}) EXPECT_EQ(session->info().state, SessionState::closed);
  EXPECT_EQ(first.finish(), "");
  EXPECT_EQ(second.finish(), "");
}

TEST(SessionLifetime, ClosesWhileAPushWaitsForRoom) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0});
  for (int i = 0; i < 50; ++i) broker.publish({.topic = "a", .payload = std::string(60'000, 'x'), .identifiers = {1}});
  broker.play();
  auto session = connected_session(options_for(broker));
  QueueLimits small;
  small.max_bytes = 1u << 20;
  small.policy = OverflowPolicy::block;
  small.block_timeout = 14s;
  const auto stream = queue(small);
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"a"}, stream)).ok());
  ASSERT_TRUE(eventually([&] { return stream->counters().queued > 10; }));
  std::this_thread::sleep_for(100ms);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(SessionLifetime, ClosesAllWhileAPushOfTheLastOneWaitsForRoom) {
  ScriptedBroker quiet;
  quiet.accept().expect(Type::connect).connack();
  quiet.play();
  auto first = connected_session(options_for(quiet));  // is closed first, and would wait for the other's push
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack().expect(Type::subscribe).suback({0});
  for (int i = 0; i < 50; ++i) broker.publish({.topic = "a", .payload = std::string(60'000, 'x'), .identifiers = {1}});
  broker.play();
  auto session = connected_session(options_for(broker));
  QueueLimits small;
  small.max_bytes = 1u << 20;
  small.policy = OverflowPolicy::block;
  small.block_timeout = 14s;
  const auto stream = queue(small);
  ASSERT_TRUE(std::get<0>(subscribe(*session, {"a"}, stream)).ok());
  ASSERT_TRUE(eventually([&] { return stream->counters().queued > 10; }));
  std::this_thread::sleep_for(100ms);
  const auto begin = std::chrono::steady_clock::now();
  close_all_sessions(10s);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
  EXPECT_EQ(session->info().state, SessionState::closed);
  EXPECT_EQ(first->info().state, SessionState::closed);
}

TEST(SessionLifetime, AnswersForkedInAChildAndLeavesTheParentAlone) {
  ScriptedBroker broker;
  broker.accept().expect(Type::connect).connack();
  broker.expect(Type::publish).acknowledge(Type::puback).expect(Type::disconnect);
  broker.play();
  auto session = connected_session(options_for(broker));
  EXPECT_FALSE(in_forked_child());
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    int wrong = 0;
    wrong += in_forked_child() ? 0 : 1;
    std::uint64_t id = 0;
    wrong += session->connect()->status().code() == ErrorCode::forked ? 0 : 1;
    wrong += session->publish({.topic = "a", .payload = ""})->status().code() == ErrorCode::forked ? 0 : 1;
    wrong += session->subscribe({.filters = {"a"}}, queue(), id)->status().code() == ErrorCode::forked ? 0 : 1;
    wrong += session->unsubscribe(1)->status().code() == ErrorCode::forked ? 0 : 1;
    wrong += session->close(1s)->status().code() == ErrorCode::forked ? 0 : 1;
    wrong += session->info().last_error.code() == ErrorCode::forked ? 0 : 1;
    wrong += session->take_deferred_error().code() == ErrorCode::forked ? 0 : 1;
    wrong += !session->wait_event(1ms) && session->take_events().empty() ? 0 : 1;
    wrong += Session::create(ConnectOptions()).status().code() == ErrorCode::forked ? 0 : 1;
    close_all_sessions(1s);
    session.reset();
    _exit(wrong);
  }
  int outcome = -1;
  ASSERT_EQ(waitpid(child, &outcome, 0), child);
  EXPECT_TRUE(WIFEXITED(outcome));
  EXPECT_EQ(WEXITSTATUS(outcome), 0);
  EXPECT_TRUE(status_of(session->publish({.topic = "a", .payload = "x", .qos = 1})).ok());
  EXPECT_TRUE(status_of(session->close(2s)).ok());
  EXPECT_EQ(broker.finish(), "");
}

}  // namespace
}  // namespace honeyframe
