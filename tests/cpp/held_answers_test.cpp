#include "held_answers.h"

#include <gtest/gtest.h>

#include <string>

namespace honeyframe {
namespace {

bool add(HeldAnswers& answers, std::string bytes) {
  const iovec pieces[] = {{bytes.data(), 1}, {bytes.data() + 1, bytes.size() - 1}};
  return answers.add(pieces, 2, bytes.size());
}

std::string due(const HeldAnswers& answers) {
  return {answers.data(), answers.due()};
}

TEST(HeldAnswers, LeaveOnceTheyAreReleasedAndInOrder) {
  HeldAnswers answers;
  EXPECT_TRUE(answers.empty());
  ASSERT_TRUE(add(answers, "first "));
  ASSERT_TRUE(add(answers, "second "));
  EXPECT_EQ(answers.due(), 0u);
  answers.release();
  ASSERT_TRUE(add(answers, "third"));
  EXPECT_EQ(due(answers), "first second ");
  answers.sent(8);
  EXPECT_EQ(due(answers), "cond ");
  answers.release();
  EXPECT_EQ(due(answers), "cond third");
  answers.sent(10);
  EXPECT_TRUE(answers.empty());
}

TEST(HeldAnswers, AreAsManyAsThereAre) {
  HeldAnswers answers;
  std::string all;
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_TRUE(add(answers, std::to_string(10'000 + i)));
    all += std::to_string(10'000 + i);
  }
  answers.release();
  EXPECT_EQ(due(answers), all);
  answers.clear();
  EXPECT_TRUE(answers.empty());
  EXPECT_EQ(answers.due(), 0u);
}

}  // namespace
}  // namespace honeyframe
