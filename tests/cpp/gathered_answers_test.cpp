#include "gathered_answers.h"

#include <gtest/gtest.h>

namespace honeyframe {
namespace {

std::vector<std::uint32_t> taken(GatheredAnswers& answers, std::uint32_t client) {
  std::vector<std::uint32_t> requests{99};
  answers.take(client, requests);
  return requests;
}

TEST(GatheredAnswers, TellsOnceForAGroup) {
  GatheredAnswers answers;
  EXPECT_FALSE(answers.gather(1, 2));
  EXPECT_FALSE(answers.add(1, 10));
  EXPECT_TRUE(answers.add(1, 11));
  EXPECT_FALSE(answers.add(1, 12)) << "take() is on its way already";
  EXPECT_EQ(taken(answers, 1), (std::vector<std::uint32_t>{10, 11, 12}));
  EXPECT_FALSE(answers.add(1, 13));
  EXPECT_TRUE(answers.add(1, 14));
}

TEST(GatheredAnswers, ASmallerGroupMayBeThereAlready) {
  GatheredAnswers answers;
  EXPECT_FALSE(answers.gather(1, 3));
  EXPECT_FALSE(answers.gather(1, 1)) << "there is nothing yet";
  EXPECT_FALSE(answers.gather(1, 3));
  EXPECT_FALSE(answers.add(1, 10));
  EXPECT_TRUE(answers.gather(1, 0));
  EXPECT_EQ(taken(answers, 1), std::vector<std::uint32_t>{10});
}

TEST(GatheredAnswers, ClientsAreApart) {
  GatheredAnswers answers;
  EXPECT_FALSE(answers.gather(1, 2));
  EXPECT_FALSE(answers.gather(2, 2));
  EXPECT_FALSE(answers.add(1, 10));
  EXPECT_FALSE(answers.add(2, 20));
  EXPECT_EQ(taken(answers, 2), std::vector<std::uint32_t>{20});
  EXPECT_EQ(taken(answers, 1), std::vector<std::uint32_t>{10});
}

TEST(GatheredAnswers, OfAClientThatHasGoneNothingIsKept) {
  GatheredAnswers answers;
  EXPECT_FALSE(answers.gather(1, 1));
  answers.forget(1);
  EXPECT_FALSE(answers.add(1, 10));
  EXPECT_TRUE(taken(answers, 1).empty());
  EXPECT_FALSE(answers.add(7, 10)) << "never known";
}

}  // namespace
}  // namespace honeyframe
