#include "topic_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace honeyframe {
namespace {

std::vector<std::string> sorted(const std::vector<std::string>& topics) {
  const std::vector<std::string_view> views(topics.begin(), topics.end());
  std::vector<std::uint32_t> order;
  sort_topics(views, order);
  std::vector<std::string> found;
  for (const std::uint32_t place : order) found.push_back(topics.at(place));
  return found;
}

// The rule, as it is written.
bool comes_before(const std::string& one, const std::string& other) {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<int>(static_cast<unsigned char>(c)); };
  return std::lexicographical_compare(one.begin(), one.end(), other.begin(), other.end(),
                                      [&](char a, char b) { return rank(a) < rank(b); });
}

TEST(TopicOrder, IsThatOfATree) {
  EXPECT_EQ(sorted({"b", "a-b", "a/c", "a", "a/b/c", "a/b", "/a", "a//", "a/"}),
            (std::vector<std::string>{"/a", "a", "a/", "a//", "a/b", "a/b/c", "a/c", "a-b", "b"}));
  EXPECT_TRUE(sorted({}).empty());
  EXPECT_EQ(sorted({"x"}), std::vector<std::string>{"x"});
}

TEST(TopicOrder, LooksBeyondTheFirstBytes) {
  const std::string same(60'000, 's');
  EXPECT_EQ(sorted({same + "b", same + "/", same, same + "a", "12345678", "123456789", "1234567"}),
            (std::vector<std::string>{"1234567", "12345678", "123456789", same, same + "/", same + "a", same + "b"}));
}

TEST(TopicOrder, AgreesWithTheRuleOnAnyTopics) {
  std::mt19937 random(7);
  std::vector<std::string> topics;
  for (int i = 0; i < 5'000; ++i) {
    std::string topic;
    for (auto length = random() % 20; length > 0; --length) topic += "/-ab.\xC3\xA9\x01"[random() % 8];
    topics.push_back(topic + std::to_string(i));
  }
  std::vector<std::string> expected = topics;
  std::sort(expected.begin(), expected.end(), comes_before);
  EXPECT_EQ(sorted(topics), expected);
}

}  // namespace
}  // namespace honeyframe
