#include "message_cursor.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

namespace honeyframe {
namespace {

using namespace std::chrono_literals;

TEST(MessageCursor, GivesMessagesOneByOneWithTheirProperties) {
  QueueLimits limits;
  limits.keep_properties = true;
  auto queue = std::make_shared<MessageQueue>(limits);
  MessageCursor cursor(queue);
  OwnedMessage found;
  EXPECT_EQ(cursor.next(found, 0ns), MessageCursor::Found::nothing);

  MessageProperties properties;
  properties.correlation_data = std::string("\0id", 3);
  properties.response_topic = "answers";
  properties.user_properties = {{"a", "1"}};
  MessageView message;
  message.topic = "a/b";
  message.payload = "payload";
  message.receive_time_ns = 42;
  message.qos = 1;
  message.retain = true;
  message.properties = &properties;
  (void)queue->push(message);
  message.topic = "c";
  message.properties = nullptr;
  message.retain = false;
  (void)queue->push(message);

  ASSERT_EQ(cursor.next(found, 1s), MessageCursor::Found::message);
  EXPECT_EQ(found.topic, "a/b");
  EXPECT_EQ(found.payload, "payload");
  EXPECT_EQ(found.receive_time_ns, 42);
  EXPECT_EQ(found.qos, 1);
  EXPECT_TRUE(found.retain);
  EXPECT_EQ(found.properties.correlation_data, properties.correlation_data);
  EXPECT_EQ(found.properties.response_topic, "answers");
  ASSERT_EQ(found.properties.user_properties.size(), 1U);
  EXPECT_EQ(queue->counters().delivered, 1U);
  EXPECT_EQ(queue->counters().in_batch, 1U);

  ASSERT_EQ(cursor.next(found, 1s), MessageCursor::Found::message);
  EXPECT_EQ(found.topic, "c");
  EXPECT_FALSE(found.retain);
  EXPECT_TRUE(found.properties.response_topic.empty());  // nothing of the one before
  EXPECT_EQ(cursor.next(found, 0ns), MessageCursor::Found::nothing);
  EXPECT_EQ(queue->counters().delivered, 2U);
}

TEST(MessageCursor, EndsWithItsQueue) {
  auto queue = std::make_shared<MessageQueue>(QueueLimits{});
  MessageCursor cursor(queue);
  MessageView message;
  message.topic = "a";
  (void)queue->push(message);
  queue->close(Status(ErrorCode::subscribe_denied, "no"));
  OwnedMessage found;
  EXPECT_EQ(cursor.next(found, 1s), MessageCursor::Found::message);
  EXPECT_EQ(cursor.next(found, 1s), MessageCursor::Found::ended);
  EXPECT_EQ(cursor.end_reason().code(), ErrorCode::subscribe_denied);
}

}  // namespace
}  // namespace honeyframe
