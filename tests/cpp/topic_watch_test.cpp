#include "topic_watch.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

void push(MessageQueue& queue, std::string_view topic, std::string_view payload) {
  MessageView message;
  message.topic = topic;
  message.payload = payload;
  (void)queue.push(message);
}

std::shared_ptr<MessageQueue> make_queue() {
  QueueLimits limits;
  limits.policy = OverflowPolicy::block;
  return std::make_shared<MessageQueue>(limits);
}

bool soon(const auto& condition) {
  for (int i = 0; i < 1'000 && !condition(); ++i) std::this_thread::sleep_for(5ms);
  return condition();
}

TEST(TopicWatch, CountsWhileNobodyReads) {
  auto queue = make_queue();
  auto watch = TopicWatch::create(queue, {}).value();
  for (int i = 0; i < 1'000; ++i) push(*queue, "t/" + std::to_string(i % 10), "{}");
  EXPECT_TRUE(soon([&] { return watch->totals().messages == 1'000; }));
  EXPECT_FALSE(watch->wait_end(0ns));
  const StreamCounters counters = queue->counters();
  EXPECT_EQ(counters.delivered, 1'000U);
  EXPECT_EQ(watch->totals().topics, 10U);
}

TEST(TopicWatch, CountsWhatIsQueuedWhenItCloses) {
  auto queue = make_queue();
  for (int i = 0; i < 50'000; ++i) push(*queue, "t/" + std::to_string(i), "1");
  auto watch = TopicWatch::create(queue, {}).value();
  watch->close();
  EXPECT_TRUE(watch->wait_end(10s));
  EXPECT_EQ(watch->totals().topics, 50'000U);
  EXPECT_TRUE(watch->end_reason().ok());
  std::int64_t rows = 0;
  for (const auto& batch : watch->batches(0)) rows += batch->rows();
  EXPECT_EQ(rows, 50'000);
}

TEST(TopicWatch, StopsAtSoManyMessagesExactly) {
  auto queue = make_queue();
  auto watch = TopicWatch::create(queue, {}, 1'234).value();
  for (int i = 0; i < 5'000; ++i) push(*queue, "t", "1");
  EXPECT_TRUE(watch->wait_end(10s));
  EXPECT_EQ(watch->totals().messages, 1'234U);
  const StreamCounters counters = queue->counters();
  EXPECT_EQ(counters.delivered, 1'234U);
  EXPECT_EQ(counters.received, counters.delivered + counters.discarded_on_close);
}

TEST(TopicWatch, SaysWhyTheQueueWasClosed) {
  auto queue = make_queue();
  auto watch = TopicWatch::create(queue, {}).value();
  queue->close(Status(ErrorCode::subscribe_denied, "no"));
  EXPECT_TRUE(watch->wait_end(10s));
  EXPECT_EQ(watch->end_reason().code(), ErrorCode::subscribe_denied);
}

TEST(TopicWatch, RefusesLimitsThatAreNone) {
  EXPECT_EQ(TopicWatch::create(make_queue(), {.max_topics = 0}).status().code(), ErrorCode::invalid_argument);
}

TEST(TopicWatch, IsReadWhileItCounts) {
  auto queue = make_queue();
  auto watch = TopicWatch::create(queue, {}).value();
  std::atomic<bool> stop{false};
  std::thread producer([&] {
    for (int i = 0; !stop; ++i) push(*queue, "t/" + std::to_string(i % 20'000), "{\"a\": 1}");
  });
  for (int i = 0; i < 20; ++i) {
    const auto tree = watch->tree(50, 0);
    EXPECT_LE(tree.size(), 51U);
    EXPECT_FALSE(watch->batches(0).empty());
  }
  stop = true;
  producer.join();
  watch->close();
  EXPECT_TRUE(watch->wait_end(10s));
  EXPECT_EQ(watch->totals().messages, queue->counters().received);
}

TEST(TopicWatch, GoesAtOnceWhateverIsQueued) {
  auto queue = make_queue();
  for (int i = 0; i < 100'000; ++i) push(*queue, "t/" + std::to_string(i), "1");
  auto watch = TopicWatch::create(queue, {}).value();
  watch.reset();
  EXPECT_TRUE(queue->closed());
  const StreamCounters counters = queue->counters();
  EXPECT_EQ(counters.received, counters.delivered + counters.discarded_on_close);
}

TEST(TopicWatch, AChildOfForkLeavesItAlone) {
  auto watch = TopicWatch::create(make_queue(), {}).value();
  const ::pid_t child = ::fork();
  if (child == 0) {
    const bool known = watch->in_forked_child();
    watch.reset();
    ::_exit(known ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace honeyframe
