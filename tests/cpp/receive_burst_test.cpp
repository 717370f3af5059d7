#include "receive_burst.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "receive_burst_for_tests.h"

namespace honeyframe {
namespace {

using testing::in_receive_thread;

using Log = std::vector<std::string>;

class Commit final : public BurstCommit {
 public:
  explicit Commit(Log& log) : log_(log) {}
  void commit() noexcept override { log_.emplace_back("commit"); }

 private:
  Log& log_;
};

class Answers final : public BurstAnswers {
 public:
  explicit Answers(Log& log) : log_(log) {}
  void release_answers() noexcept override { log_.emplace_back("answers"); }

 private:
  Log& log_;
};

TEST(ReceiveBurst, PutsNothingOffWithoutAPromise) {
  Log log;
  Answers answers(log);
  EXPECT_FALSE(ReceiveBurst::is_promised());
  EXPECT_FALSE(ReceiveBurst::commit_later(std::make_shared<Commit>(log)));
  EXPECT_FALSE(ReceiveBurst::release_later(answers));
  EXPECT_FALSE(ReceiveBurst::has_commits());
  ReceiveBurst::end();
  EXPECT_TRUE(log.empty());
}

TEST(ReceiveBurst, CommitsBeforeItAnswers) {
  Log log;
  Answers answers(log);
  in_receive_thread([&] {
    EXPECT_TRUE(ReceiveBurst::release_later(answers));
    EXPECT_TRUE(ReceiveBurst::commit_later(std::make_shared<Commit>(log)));
    EXPECT_TRUE(ReceiveBurst::commit_later(std::make_shared<Commit>(log)));
    EXPECT_TRUE(log.empty());
    ReceiveBurst::end();
    EXPECT_EQ(log, (Log{"commit", "commit", "answers"}));
    ReceiveBurst::end();
    EXPECT_EQ(log.size(), 3u) << "once";
  });
}

TEST(ReceiveBurst, EndsBeforeAnythingThatIsWrittenAtOnce) {
  Log log;
  Answers answers(log);
  in_receive_thread([&] {
    EXPECT_TRUE(ReceiveBurst::release_later(answers));
    EXPECT_TRUE(ReceiveBurst::commit_later(std::make_shared<Commit>(log)));
    ReceiveBurst::before_write(true);
    EXPECT_TRUE(log.empty());
    ReceiveBurst::before_write(false);
    EXPECT_EQ(log, (Log{"commit", "answers"}));
  });
  EXPECT_EQ(log.size(), 2u);
}

TEST(ReceiveBurst, EndsBeforeItsPlacesAreAllTaken) {
  Log log;
  Answers answers(log);
  in_receive_thread([&] {
    EXPECT_TRUE(ReceiveBurst::commit_later(std::make_shared<Commit>(log)));
    for (int i = 0; i < 1'000; ++i) {
      ReceiveBurst::before_write(true);
      ASSERT_TRUE(ReceiveBurst::release_later(answers));
    }
    EXPECT_EQ(log.front(), "commit");
  });
  EXPECT_EQ(log.size(), 1'001u);
}

TEST(ReceiveBurst, RefusesMoreSpoolsThanItHasPlaces) {
  Log log;
  in_receive_thread([&] {
    int taken = 0;
    while (ReceiveBurst::commit_later(std::make_shared<Commit>(log))) ++taken;
    EXPECT_GT(taken, 10);
    ReceiveBurst::end();
    EXPECT_EQ(log.size(), static_cast<std::size_t>(taken));
  });
}

TEST(ReceiveBurst, ForgetsWhatHasBeenDone) {
  Log log;
  in_receive_thread([&] {
    const auto first = std::make_shared<Commit>(log);
    const auto second = std::make_shared<Commit>(log);
    EXPECT_TRUE(ReceiveBurst::commit_later(first));
    EXPECT_TRUE(ReceiveBurst::commit_later(second));
    EXPECT_TRUE(ReceiveBurst::commit_later(first));
    ReceiveBurst::forget(*first);
    ReceiveBurst::end();
    EXPECT_EQ(log.size(), 1u);
  });
}

TEST(ReceiveBurst, AScopeIsABurstOfItsOwn) {
  Log log;
  {
    const ReceiveBurst::Scope burst;
    EXPECT_TRUE(ReceiveBurst::commit_later(std::make_shared<Commit>(log)));
    EXPECT_TRUE(log.empty());
  }
  EXPECT_EQ(log, Log{"commit"});
  EXPECT_FALSE(ReceiveBurst::is_promised());
  in_receive_thread([] {
    {
      const ReceiveBurst::Scope burst;
    }
    EXPECT_TRUE(ReceiveBurst::is_promised());
  });
}

TEST(ReceiveBurst, EveryThreadSeesThatThereAreCommits) {
  Log log;
  in_receive_thread([&] {
    EXPECT_TRUE(ReceiveBurst::commit_later(std::make_shared<Commit>(log)));
    std::thread([] { EXPECT_TRUE(ReceiveBurst::has_commits()); }).join();
    ReceiveBurst::end();
    std::thread([] { EXPECT_FALSE(ReceiveBurst::has_commits()); }).join();
  });
}

}  // namespace
}  // namespace honeyframe
