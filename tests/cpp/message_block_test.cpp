#include "message_block.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <thread>

namespace honeyframe {
namespace {

MessageView message(std::string_view topic, std::string_view payload) {
  MessageView view;
  view.topic = topic;
  view.payload = payload;
  return view;
}

bool padding_is_zero(const MessageBlock& block, std::size_t index) {
  const std::string_view payload = block.payload(block[index]);
  const char* const end = payload.data() + payload.size();
  return std::all_of(end, end + kPayloadPadding, [](char byte) { return byte == 0; });
}

TEST(TopicDictionary, NumbersTopicsInOrderOfAppearance) {
  TopicDictionary topics;
  EXPECT_EQ(topics.intern("a"), 0U);
  EXPECT_EQ(topics.intern("b/c"), 1U);
  EXPECT_EQ(topics.intern("a"), 0U);
  EXPECT_EQ(topics.size(), 2U);
  EXPECT_EQ(topics.find("b/c"), 1U);
  EXPECT_EQ(topics.find("b"), std::nullopt);
  EXPECT_EQ(topics.topic(1), "b/c");
  EXPECT_EQ(topics.bytes(), TopicDictionary::empty_bytes() + TopicDictionary::cost("a") + TopicDictionary::cost("b/c"));
}

TEST(TopicDictionary, RemembersTheRightTopic) {
  TopicDictionary topics;
  EXPECT_EQ(topics.find(""), std::nullopt);
  EXPECT_EQ(topics.intern("a"), 0U);
  EXPECT_EQ(topics.find("b"), std::nullopt);
  EXPECT_EQ(topics.intern("b"), 1U);
  EXPECT_EQ(topics.find("a"), 0U);
  EXPECT_EQ(topics.find("b"), 1U);
  EXPECT_EQ(topics.intern("a"), 0U);
}

TEST(TopicDictionary, EveryDictionaryHasItsOwnGeneration) {
  const TopicDictionary first;
  const TopicDictionary second;
  EXPECT_NE(first.generation(), second.generation());
}

// Growth must not move what the consumer is reading: run under the thread sanitizer.
TEST(TopicDictionary, EarlierTopicsAreReadWhileNewOnesAreInterned) {
  TopicDictionary topics;
  for (int i = 0; i < 100; ++i) (void)topics.intern("topic/" + std::to_string(i));
  std::size_t wrong = 0;
  std::thread reader([&] {
    for (int round = 0; round < 200; ++round) {
      for (std::uint32_t id = 0; id < 100; ++id) {
        if (topics.topic(id) != "topic/" + std::to_string(id)) ++wrong;
      }
    }
  });
  for (int i = 100; i < 20'000; ++i) EXPECT_EQ(topics.intern("topic/" + std::to_string(i)), static_cast<unsigned>(i));
  reader.join();
  EXPECT_EQ(wrong, 0U);
  EXPECT_EQ(topics.topic(15), "topic/15");  // the edges of the chunks
  EXPECT_EQ(topics.topic(16), "topic/16");
  EXPECT_EQ(topics.topic(47), "topic/47");
  EXPECT_EQ(topics.topic(48), "topic/48");
  EXPECT_EQ(topics.topic(19'999), "topic/19999");
}

TEST(MessageBlock, KeepsWhatWasAppended) {
  auto topics = std::make_shared<TopicDictionary>();
  MessageBlock block(4096, topics);
  MessageView view = message("plant/1", R"({"t":1})");
  view.receive_time_ns = 1'700'000'000'000'000'001;
  view.qos = 2;
  view.retain = true;
  view.dup = true;
  ASSERT_TRUE(block.append(view, topics->intern(view.topic), false));
  ASSERT_TRUE(block.append(message("plant/2", ""), topics->intern("plant/2"), false));

  ASSERT_EQ(block.size(), 2U);
  EXPECT_EQ(block.payload(block[0]), R"({"t":1})");
  EXPECT_EQ(block.topic(block[0]), "plant/1");
  EXPECT_EQ(block[0].receive_time_ns, 1'700'000'000'000'000'001);
  EXPECT_EQ(block[0].qos, 2);
  EXPECT_TRUE(block[0].retain);
  EXPECT_TRUE(block[0].dup);
  EXPECT_EQ(block.properties(block[0]), nullptr);
  EXPECT_EQ(block.payload(block[1]), "");
  EXPECT_EQ(block.topic(block[1]), "plant/2");
  EXPECT_FALSE(block[1].retain);
  EXPECT_EQ(block.payload_bytes(), 7U);
  EXPECT_TRUE(padding_is_zero(block, 0));
  EXPECT_TRUE(padding_is_zero(block, 1));
}

TEST(MessageBlock, RefusesWhatDoesNotFitWithItsPadding) {
  MessageBlock block(100 + kPayloadPadding, std::make_shared<TopicDictionary>());
  EXPECT_FALSE(block.append(message("t", std::string(101, 'x')), 0, false));
  EXPECT_TRUE(block.append(message("t", std::string(100, 'x')), 0, false));
  EXPECT_FALSE(block.append(message("t", ""), 0, false));
  EXPECT_EQ(block.size(), 1U);
}

TEST(MessageBlock, RefusesMoreMessagesThanItHasRoomFor) {
  MessageBlock block(4096, std::make_shared<TopicDictionary>(), 2);
  EXPECT_TRUE(block.append(message("t", "1"), 0, false));
  EXPECT_TRUE(block.append(message("t", "2"), 0, false));
  EXPECT_FALSE(block.append(message("t", "3"), 0, false));
}

TEST(MessageBlock, ReuseLeavesNoStaleBytesBehindAPayload) {
  auto topics = std::make_shared<TopicDictionary>();
  MessageBlock block(4096, topics);
  ASSERT_TRUE(block.append(message("t", std::string(3000, '[')), topics->intern("t"), false));
  const std::size_t capacity = block.capacity_bytes();

  block.reset(topics);
  EXPECT_EQ(block.size(), 0U);
  EXPECT_EQ(block.payload_bytes(), 0U);
  ASSERT_TRUE(block.append(message("t", "[["), topics->intern("t"), false));
  EXPECT_EQ(block.payload(block[0]), "[[");
  EXPECT_TRUE(padding_is_zero(block, 0));
  EXPECT_EQ(block.capacity_bytes(), capacity);
}

TEST(MessageBlock, KeepsPropertiesOnlyWhereAskedAndCountsThem) {
  auto topics = std::make_shared<TopicDictionary>();
  MessageBlock block(4096, topics);
  MessageProperties properties;
  properties.content_type = "application/json";
  properties.user_properties = {{"unit", "C"}, {"unit", "K"}};
  MessageView view = message("t", "{}");
  view.properties = &properties;
  const std::size_t capacity = block.capacity_bytes();
  ASSERT_TRUE(block.append(view, 0, false));
  EXPECT_EQ(block.properties(block[0]), nullptr);
  EXPECT_EQ(block.capacity_bytes(), capacity);
  ASSERT_TRUE(block.append(view, 0, true));
  ASSERT_NE(block.properties(block[1]), nullptr);
  EXPECT_EQ(block.properties(block[1])->content_type, "application/json");
  EXPECT_EQ(block.properties(block[1])->user_properties.size(), 2U);
  EXPECT_EQ(block.capacity_bytes(), capacity + MessageBlock::properties_bytes(properties));
}

}  // namespace
}  // namespace honeyframe
