#include "gathered_answers.h"

#include <gtest/gtest.h>

namespace honeyframe {
namespace {

std::vector<std::uint32_t> taken(GatheredAnswers& answers, std::uint32_t client) {
  std::vector<std::uint32_t> requests{99};
  answers.take(client, requests);
  return requests;
}

TEST(GatheredAnswers, TellsOnceUntilTheyAreTaken) {
  GatheredAnswers answers;
  answers.know(1);
  EXPECT_TRUE(answers.add(1, 10)) << "known before anything was sent: no answer may be dropped";
  EXPECT_FALSE(answers.add(1, 11)) << "take() is on its way already";
  EXPECT_EQ(taken(answers, 1), (std::vector<std::uint32_t>{10, 11}));
  EXPECT_TRUE(answers.add(1, 12));
  EXPECT_EQ(taken(answers, 1), std::vector<std::uint32_t>{12});
}

TEST(GatheredAnswers, ClientsAreApart) {
  GatheredAnswers answers;
  answers.know(1);
  answers.know(2);
  EXPECT_TRUE(answers.add(1, 10));
  EXPECT_TRUE(answers.add(2, 20));
  EXPECT_EQ(taken(answers, 2), std::vector<std::uint32_t>{20});
  EXPECT_EQ(taken(answers, 1), std::vector<std::uint32_t>{10});
}

TEST(GatheredAnswers, OfAClientThatHasGoneNothingIsKept) {
  GatheredAnswers answers;
  answers.know(1);
  answers.forget(1);
  EXPECT_FALSE(answers.add(1, 10));
  EXPECT_TRUE(taken(answers, 1).empty());
  EXPECT_FALSE(answers.add(7, 10)) << "never known";
}

}  // namespace
}  // namespace honeyframe
