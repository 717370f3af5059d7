#include "top_topics.h"

#include <gtest/gtest.h>

#include <string>

#include "allocation_counter.h"

namespace honeyframe {
namespace {

TEST(TopTopics, CountsFewTopicsExactly) {
  TopTopics topics;
  for (int i = 0; i < 32; ++i) topics.add("t/" + std::to_string(i), 1 + static_cast<std::uint64_t>(i));
  topics.add("t/3", 100);
  const auto top = topics.top();
  ASSERT_EQ(top.size(), TopTopics::kTold);
  EXPECT_EQ(top[0].topic, "t/3");
  EXPECT_EQ(top[0].count, 104U);
  EXPECT_EQ(top[1].topic, "t/31");
  EXPECT_EQ(top[1].count, 32U);
}

TEST(TopTopics, FindsTheLargestAmongMany) {
  TopTopics topics;
  std::uint64_t loud = 0;
  for (int i = 0; i < 100'000; ++i) {
    topics.add("rare/" + std::to_string(i), 1);
    if (i % 4 == 0) {
      topics.add("loud", 1);
      ++loud;
    }
  }
  const auto top = topics.top();
  EXPECT_EQ(top[0].topic, "loud");
  EXPECT_LE(top[0].count, loud);  // at least so many
  EXPECT_GE(top[0].count, loud - 125'000 / TopTopics::kPlaces);
}

TEST(TopTopics, AllocatesNothingAndCutsLongTopicsBetweenCharacters) {
  const std::string topic = std::string(TopTopics::kTextBytes - 1, 'x') + "\xC3\xA4/end";
  TopTopics topics;
  const std::uint64_t before = testing::allocations_of_this_thread();
  for (int i = 0; i < 100; ++i) topics.add(topic, 1);
  EXPECT_EQ(testing::allocations_of_this_thread(), before);
  const auto top = topics.top();
  ASSERT_EQ(top.size(), 1U);
  EXPECT_EQ(top[0].topic, std::string(TopTopics::kTextBytes - 1, 'x'));
  EXPECT_EQ(top[0].count, 100U);
}

TEST(TopTopics, ATopicWithoutCharactersIsATopic) {
  TopTopics topics;
  EXPECT_TRUE(topics.top().empty());
  topics.add("", 2);
  ASSERT_EQ(topics.top().size(), 1U);
  EXPECT_EQ(topics.top()[0].count, 2U);
}

}  // namespace
}  // namespace honeyframe
