#include "held_messages.h"

#include <gtest/gtest.h>

#include <string_view>

#include "session_for_tests.h"

namespace honeyframe {
namespace {

using testing::drain;
using testing::queue;

MessageView view(std::string_view topic, std::string_view payload) {
  MessageView message;
  message.topic = topic;
  message.payload = payload;
  message.qos = 1;
  return message;
}

TEST(HeldMessages, DeliversWhatMatchesInOrderAndKeepsTheRest) {
  HeldMessages held;
  for (const auto* topic : {"a/1", "b", "a/2", "c"}) ASSERT_TRUE(held.hold(view(topic, topic)));
  const auto stream = queue();
  EXPECT_EQ(held.deliver({"a/+", "$share/group/c"}, *stream), 3u);
  const auto messages = drain(*stream, 3);
  ASSERT_EQ(messages.size(), 3u);
  EXPECT_EQ(messages[0].payload, "a/1");
  EXPECT_EQ(messages[1].payload, "a/2");
  EXPECT_EQ(messages[2].topic, "c");
  EXPECT_EQ(messages[2].qos, 1);
  EXPECT_EQ(held.size(), 1u);
  EXPECT_EQ(held.deliver({"a/+"}, *stream), 0u);
}

TEST(HeldMessages, SaysWhetherSomeAreToBeAcknowledged) {
  HeldMessages held;
  auto at_most_once = view("a", "0");
  at_most_once.qos = 0;
  ASSERT_TRUE(held.hold(at_most_once));
  EXPECT_FALSE(held.is_acknowledgeable());
  for (const auto* topic : {"a", "b"}) ASSERT_TRUE(held.hold(view(topic, "1")));
  EXPECT_TRUE(held.is_acknowledgeable());
  const auto stream = queue();
  EXPECT_EQ(held.deliver({"a"}, *stream), 2u);
  EXPECT_TRUE(held.is_acknowledgeable());
  EXPECT_EQ(held.deliver({"b"}, *stream), 1u);
  EXPECT_FALSE(held.is_acknowledgeable());
  ASSERT_TRUE(held.hold(view("c", "1")));
  held.clear();
  EXPECT_FALSE(held.is_acknowledgeable());
}

TEST(HeldMessages, KeepsProperties) {
  HeldMessages held;
  const MessageProperties properties{"text/plain", {}, {}, {{"unit", "bar"}}};
  auto message = view("a", "1");
  message.properties = &properties;
  ASSERT_TRUE(held.hold(message));
  QueueLimits limits;
  limits.keep_properties = true;
  const auto stream = queue(limits);
  ASSERT_EQ(held.deliver({"a"}, *stream), 1u);
  const auto block = stream->take(std::chrono::seconds(1));
  ASSERT_NE(block, nullptr);
  ASSERT_NE(block->properties((*block)[0]), nullptr);
  EXPECT_EQ(block->properties((*block)[0])->user_properties, properties.user_properties);
}

TEST(HeldMessages, IsBoundedByMessagesAndBytes) {
  HeldMessages many;
  for (std::size_t i = 0; i < HeldMessages::kMaxMessages; ++i) ASSERT_TRUE(many.hold(view("a", "")));
  EXPECT_FALSE(many.hold(view("a", "")));
  HeldMessages large;
  const std::string payload(HeldMessages::kMaxBytes / 2, 'x');
  EXPECT_TRUE(large.hold(view("a", payload)));
  EXPECT_FALSE(large.hold(view("a", payload)));
  large.clear();
  EXPECT_TRUE(large.hold(view("a", payload)));
}

}  // namespace
}  // namespace honeyframe
