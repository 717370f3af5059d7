#include "consumer_wakes.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "message_queue.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

constexpr auto kLong = 5s;
constexpr auto kShort = 100ms;

MessageView message(std::string_view payload = "{}") {
  return {.topic = "a/b", .payload = payload};
}

// A consumer that is asleep in take() when this returns.
std::future<std::size_t> sleeping_consumer(MessageQueue& queue) {
  auto taken = std::async(std::launch::async, [&queue] {
    const auto block = queue.take(kLong);
    return block ? block->size() : 0;
  });
  std::this_thread::sleep_for(50ms);
  return taken;
}

// In a thread of its own: a promise lasts as long as its thread.
template <typename Call>
void in_receive_thread(Call call) {
  std::thread([&call] {
    ConsumerWakes::promise_to_flush();
    call();
    ConsumerWakes::flush();
  }).join();
}

TEST(ConsumerWakes, ComeAtOnceWhereNobodyFlushes) {
  const auto queue = std::make_shared<MessageQueue>(QueueLimits{});
  auto taken = sleeping_consumer(*queue);
  EXPECT_EQ(queue->push(message()), PushResult::stored);
  EXPECT_EQ(taken.wait_for(kLong), std::future_status::ready);
  EXPECT_EQ(taken.get(), 1u);
}

TEST(ConsumerWakes, ComeOnceAtTheEndOfABurst) {
  const auto queue = std::make_shared<MessageQueue>(QueueLimits{});
  auto taken = sleeping_consumer(*queue);
  in_receive_thread([&] {
    for (int i = 0; i < 100; ++i) EXPECT_EQ(queue->push(message()), PushResult::stored);
    EXPECT_EQ(taken.wait_for(kShort), std::future_status::timeout);
    ConsumerWakes::flush();
    EXPECT_EQ(taken.wait_for(kLong), std::future_status::ready);
  });
  EXPECT_EQ(taken.get(), 100u);
}

TEST(ConsumerWakes, ComeWithAFullBlock) {
  const auto queue = std::make_shared<MessageQueue>(QueueLimits{});
  const std::string payload(10'000, 'x');
  auto taken = sleeping_consumer(*queue);
  in_receive_thread([&] {
    for (int i = 0; i < 50; ++i) EXPECT_EQ(queue->push(message(payload)), PushResult::stored);
    EXPECT_EQ(taken.wait_for(kLong), std::future_status::ready) << "without a flush";
  });
  EXPECT_GT(taken.get(), 1u);
}

TEST(ConsumerWakes, ComeBeforeAWaitForRoom) {
  QueueLimits limits;
  limits.max_messages = 1;
  limits.policy = OverflowPolicy::block;
  const auto queue = std::make_shared<MessageQueue>(limits);
  auto taken = sleeping_consumer(*queue);
  in_receive_thread([&] {
    EXPECT_EQ(queue->push(message()), PushResult::stored);
    EXPECT_EQ(queue->push(message()), PushResult::stored) << "the consumer was never woken";
  });
  EXPECT_EQ(taken.get(), 1u);
  EXPECT_LT(queue->counters().blocked_ns, 1'000'000'000u);
}

TEST(ConsumerWakes, AQueueMayGoBeforeTheFlush) {
  in_receive_thread([] {
    const auto queue = std::make_shared<MessageQueue>(QueueLimits{});
    std::future<std::size_t> taken = sleeping_consumer(*queue);
    EXPECT_EQ(queue->push(message()), PushResult::stored);
    queue->close();
    EXPECT_EQ(taken.get(), 1u);
  });
}

TEST(ConsumerWakes, HaveNoBoundOnTheirStreams) {
  std::vector<std::shared_ptr<MessageQueue>> queues;
  std::vector<std::future<std::size_t>> taken;
  for (int i = 0; i < 70; ++i) {
    queues.push_back(std::make_shared<MessageQueue>(QueueLimits{}));
    taken.push_back(std::async(std::launch::async, [queue = queues.back()] {
      const auto block = queue->take(kLong);
      return block ? block->size() : 0;
    }));
  }
  std::this_thread::sleep_for(200ms);
  in_receive_thread([&] {
    for (const auto& queue : queues) EXPECT_EQ(queue->push(message()), PushResult::stored);
  });
  for (auto& one : taken) EXPECT_EQ(one.get(), 1u);
}

}  // namespace
}  // namespace honeyframe
