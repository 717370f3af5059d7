#include "latest_slots.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "allocation_counter.h"

namespace honeyframe {
namespace {

constexpr std::size_t kPlenty = 1u << 20;
using Stored = LatestSlots::Stored;

MessageView message(std::string_view topic, std::string_view payload) {
  MessageView view;
  view.topic = topic;
  view.payload = payload;
  return view;
}

std::vector<std::string> read_all(LatestSlots& slots) {
  std::vector<std::string> read;
  for (; slots.unread() > 0; slots.pop()) {
    const MessageView next = slots.front();
    read.push_back(std::string(next.topic) + "=" + std::string(next.payload));
  }
  return read;
}

using Read = std::vector<std::string>;

TEST(LatestSlots, KeepTheNewestOfEachTopicInTheTurnOfTheFirst) {
  LatestSlots slots(10, 10, false);
  EXPECT_EQ(slots.store(message("a", "1"), kPlenty), Stored::stored);
  EXPECT_EQ(slots.store(message("b", "2"), kPlenty), Stored::stored);
  EXPECT_EQ(slots.store(message("a", "345"), kPlenty), Stored::superseded);
  EXPECT_EQ(slots.unread(), 2U);
  EXPECT_EQ(slots.superseded_bytes(), 1U);
  EXPECT_EQ(read_all(slots), (Read{"a=345", "b=2"}));
  EXPECT_EQ(slots.unread_bytes(), 0U);
  EXPECT_EQ(slots.store(message("b", "6"), kPlenty), Stored::stored);  // what was read is not superseded
  EXPECT_EQ(read_all(slots), Read{"b=6"});
}

TEST(LatestSlots, KeepEverythingThatBelongsToAMessage) {
  LatestSlots slots(10, 10, true);
  MessageProperties properties;
  properties.content_type = "application/json, and a text that needs memory of its own";
  MessageView full = message("a", "1");
  full.receive_time_ns = 17;
  full.qos = 2;
  full.retain = full.dup = true;
  full.properties = &properties;
  (void)slots.store(full, kPlenty);
  const std::size_t with_properties = slots.bytes();
  const MessageView kept = slots.front();
  EXPECT_EQ(kept.receive_time_ns, 17);
  EXPECT_EQ(kept.qos, 2);
  EXPECT_TRUE(kept.retain && kept.dup);
  ASSERT_NE(kept.properties, nullptr);
  EXPECT_EQ(kept.properties->content_type, properties.content_type);

  EXPECT_EQ(slots.store(message("a", "2"), kPlenty), Stored::superseded);
  EXPECT_EQ(slots.front().properties, nullptr);  // they were the other message's
  EXPECT_FALSE(slots.front().retain);
  EXPECT_LT(slots.bytes(), with_properties);

  LatestSlots without(10, 10, false);
  (void)without.store(full, kPlenty);
  EXPECT_EQ(without.front().properties, nullptr);
}

TEST(LatestSlots, NoTopicMoreThanMaxTopics) {
  LatestSlots slots(2, 10, false);
  EXPECT_EQ(slots.store(message("a", "1"), kPlenty), Stored::stored);
  EXPECT_EQ(slots.store(message("b", "2"), kPlenty), Stored::stored);
  EXPECT_EQ(slots.store(message("c", "3"), kPlenty), Stored::no_slot);
  EXPECT_EQ(slots.store(message("a", "4"), kPlenty), Stored::superseded);  // there is always room for it
  EXPECT_FALSE(slots.knows("c"));
  slots.pop();
  EXPECT_EQ(slots.store(message("c", "5"), kPlenty), Stored::stored);  // in the slot that was read
  EXPECT_FALSE(slots.knows("a"));
  EXPECT_EQ(slots.store(message("a", "6"), kPlenty), Stored::no_slot);
  EXPECT_EQ(read_all(slots), (Read{"b=2", "c=5"}));
}

TEST(LatestSlots, NoMessageMoreThanMaxMessages) {
  LatestSlots slots(10, 1, false);
  EXPECT_EQ(slots.store(message("a", "1"), kPlenty), Stored::stored);
  EXPECT_EQ(slots.store(message("b", "2"), kPlenty), Stored::no_room);
  slots.pop();
  EXPECT_EQ(slots.store(message("b", "2"), kPlenty), Stored::stored);
  EXPECT_EQ(slots.store(message("a", "3"), kPlenty), Stored::no_room);  // its slot is there, but was read
  EXPECT_EQ(read_all(slots), Read{"b=2"});
}

TEST(LatestSlots, TheBudgetTakesWhatWasReadBeforeItRefuses) {
  const std::string large(1'000, 'x');
  LatestSlots slots(100, 100, false);
  const std::size_t budget = 4 * slots.cost(message("a", large));
  for (const char* topic : {"a", "b", "c", "d"}) EXPECT_EQ(slots.store(message(topic, large), budget), Stored::stored);
  EXPECT_EQ(slots.bytes(), budget);
  EXPECT_EQ(slots.store(message("e", large), budget), Stored::no_room);
  EXPECT_EQ(slots.store(message("a", std::string(2'000, 'y')), budget), Stored::no_room);
  EXPECT_EQ(slots.front().payload, large);  // the old one is still there
  slots.pop();
  slots.pop();
  EXPECT_EQ(slots.bytes(), budget);  // kept for the next of their topics
  EXPECT_EQ(slots.store(message("e", large), budget), Stored::stored);
  EXPECT_FALSE(slots.knows("a"));  // the longest read
  EXPECT_TRUE(slots.knows("b"));
  EXPECT_FALSE(slots.shrink(1));  // what is unread stays
  EXPECT_EQ(slots.unread(), 3U);
  EXPECT_EQ(slots.bytes(), slots.unread_bytes());
  slots.clear();
  EXPECT_EQ(slots.bytes() + slots.unread_bytes() + slots.unread(), 0U);
}

TEST(LatestSlots, ABufferThatWastesMuchIsReplaced) {
  LatestSlots slots(10, 10, false);
  (void)slots.store(message("a", std::string(200'000, 'x')), kPlenty);
  EXPECT_GT(slots.bytes(), 200'000U);
  (void)slots.store(message("a", "small"), kPlenty);
  EXPECT_LT(slots.bytes(), 1'000U);
  slots.pop();
  (void)slots.store(message("a", std::string(200'000, 'x')), kPlenty);
  slots.pop();
  (void)slots.store(message("a", "small"), kPlenty);
  EXPECT_LT(slots.bytes(), 1'000U);
  EXPECT_EQ(slots.bytes(), slots.unread_bytes());
}

TEST(LatestSlots, StoreAllocatesNothingForAKnownTopic) {
  LatestSlots slots(100, 100, false);
  const auto round = [&] {
    for (int i = 0; i < 10; ++i) {
      for (const char* topic : {"plant/1", "plant/2", "plant/3"}) {
        (void)slots.store(message(topic, std::string_view("0123456789012345678901234567890123456789")
                                             .substr(0, static_cast<std::size_t>(30 + i))),
                          kPlenty);
      }
      if (i % 3 == 0) {
        while (slots.unread() > 0) slots.pop();
      }
    }
  };
  round();
  const std::uint64_t before = testing::allocations_of_this_thread();
  for (int i = 0; i < 100; ++i) round();
  EXPECT_EQ(testing::allocations_of_this_thread(), before);
}

TEST(LatestSlots, WithoutMemoryNothingIsLost) {
  LatestSlots slots(10, 10, true);
  MessageProperties properties;
  properties.content_type = std::string(100, 'c');
  (void)slots.store(message("a", "old"), kPlenty);
  (void)slots.store(message("b", "read"), kPlenty);
  const std::size_t bytes = slots.bytes();
  for (std::uint64_t after = 0; after < 4; ++after) {
    MessageView large = message("a", std::string_view());
    const std::string payload(500, 'x');
    large.payload = payload;
    large.properties = &properties;
    bool failed = false;
    {
      const testing::FailingAllocations no_memory(after);
      try {
        (void)slots.store(large, kPlenty);
      } catch (const std::bad_alloc&) {
        failed = true;
      }
    }
    if (!failed) {
      EXPECT_EQ(slots.front().payload, payload);
      break;
    }
    EXPECT_EQ(slots.front().payload, "old");
    EXPECT_EQ(slots.bytes(), bytes);
    EXPECT_EQ(slots.unread(), 2U);
    {
      const testing::FailingAllocations no_memory;
      EXPECT_THROW((void)slots.store(message("new", payload), kPlenty), std::bad_alloc);
    }
    EXPECT_FALSE(slots.knows("new"));
  }
}

}  // namespace
}  // namespace honeyframe
