#include "stream_reader.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "counting_extractor.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::push;

std::uint64_t accounted(const StreamCounters& c) {
  return c.delivered + c.queued + c.in_batch + c.dropped + c.superseded + c.rejected + c.quarantined +
         c.discarded_on_close;
}

// Calls `done` every millisecond, for 10 s at most.
template <typename Condition>
bool eventually(Condition&& done) {
  for (int i = 0; i < 10'000; ++i) {
    if (done()) return true;
    std::this_thread::sleep_for(1ms);
  }
  return false;
}

class StreamReaderTest : public ::testing::Test {
 protected:
  void open(QueueLimits limits = {}) {
    queue_ = std::make_shared<MessageQueue>(limits);
    reader_ = StreamReader::create(queue_, std::make_unique<testing::CountingExtractor>());
  }
  void SetUp() override { open(); }

  NextBatch next(std::int64_t max_rows, std::chrono::nanoseconds max_age, std::chrono::nanoseconds wait = 5s) {
    auto found = reader_->next({max_rows, max_age}, wait);
    EXPECT_TRUE(found.ok()) << found.status().message();
    return found.ok() ? found.value() : NextBatch();
  }
  std::shared_ptr<WindowTap> window(std::chrono::nanoseconds duration = 1h) {
    WindowLimits limits;
    limits.duration = duration;
    auto tap = reader_->open_window(limits);
    EXPECT_TRUE(tap.ok());
    return std::move(tap).value();
  }
  static std::int64_t rows(const WindowTap& tap) {
    std::int64_t sum = 0;
    for (const auto& batch : tap.snapshot().batches) sum += batch->rows();
    return sum;
  }
  void push_now(const std::string& payload) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    push(*queue_, payload, std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
  }
  // Everything that is still to come, in values.
  std::vector<std::string> read_to_the_end(std::int64_t max_rows = 1'000) {
    std::vector<std::string> values;
    for (;;) {
      const NextBatch found = next(max_rows, 1s);
      if (found.kind != NextKind::batch) {
        EXPECT_EQ(found.kind, NextKind::ended);
        return values;
      }
      EXPECT_LE(found.batch->rows(), max_rows);
      for (auto& value : testing::cells(*found.batch, "value")) values.push_back(std::move(value));
    }
  }

  std::shared_ptr<MessageQueue> queue_;
  std::shared_ptr<StreamReader> reader_;
};

std::vector<std::string> numbers_up_to(int count) {
  std::vector<std::string> values;
  for (int i = 0; i < count; ++i) values.push_back(std::to_string(i));
  return values;
}

TEST_F(StreamReaderTest, ABatchAtMaxRowsThenWhatIsLeftAtTheEnd) {
  for (int i = 0; i < 7; ++i) push_now(std::to_string(i));
  EXPECT_EQ(next(3, 1h).batch->rows(), 3);
  EXPECT_EQ(queue_->counters().delivered, 3U);
  EXPECT_EQ(queue_->counters().in_batch, 4U);
  EXPECT_EQ(next(3, 1h).batch->rows(), 3);
  EXPECT_EQ(next(3, 1h, 0ns).kind, NextKind::not_yet);
  reader_->close();
  EXPECT_EQ(next(3, 1h).batch->rows(), 1);
  EXPECT_EQ(next(3, 1h).kind, NextKind::ended);
  EXPECT_EQ(next(3, 1h).kind, NextKind::ended);
  EXPECT_EQ(queue_->counters().delivered, 7U);
  EXPECT_EQ(queue_->counters().rows, 7U);
}

TEST_F(StreamReaderTest, TheAgeOfTheFirstRowEndsTheWait) {
  const auto begin = std::chrono::steady_clock::now();
  push_now("1");
  const NextBatch found = next(1'000, 50ms);
  EXPECT_EQ(found.batch->rows(), 1);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 50ms);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
}

TEST_F(StreamReaderTest, RowsWaitInTheOpenBatchBetweenCalls) {
  push_now("1");
  EXPECT_EQ(next(2, 1h, 1ms).kind, NextKind::not_yet);
  push_now("2");
  EXPECT_EQ(next(2, 1h, 1ms).batch->rows(), 2);
}

TEST_F(StreamReaderTest, AgeZeroGivesWhatIsThere) {
  EXPECT_EQ(next(10, 0ns, 0ns).kind, NextKind::not_yet);
  push_now("1");
  EXPECT_EQ(next(10, 0ns, 0ns).batch->rows(), 1);
}

TEST_F(StreamReaderTest, EachBatchHasItsOwnSchema) {
  push_now("1");
  push_now("2+");
  EXPECT_EQ(next(1, 1h).batch->schema()->fields.size(), 3U);
  EXPECT_EQ(next(1, 1h).batch->schema()->fields.size(), 4U);
}

TEST_F(StreamReaderTest, AConflictIsRaisedOnceAndReadingGoesOn) {
  for (const char* payload : {"1", "conflict", "2"}) push_now(payload);
  reader_->close();
  const auto refused = reader_->next({10, 1h}, 1s);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.status().code(), ErrorCode::does_not_fit);
  EXPECT_EQ(read_to_the_end(), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(queue_->counters().quarantined, 1U);
}

TEST_F(StreamReaderTest, ABatchGivenBackComesAgain) {
  push_now("1");
  push_now("2");
  const RecordBatchPtr batch = next(1, 1h).batch;
  reader_->give_back(batch);
  EXPECT_EQ(next(1, 1h).batch, batch);
  EXPECT_EQ(testing::cells(*next(1, 1h).batch, "value"), (std::vector<std::string>{"2"}));
}

TEST_F(StreamReaderTest, BadLimitsAreNamed) {
  EXPECT_EQ(reader_->next({0, 1s}, 0ns).status().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(reader_->open_window({}).status().code(), ErrorCode::invalid_argument);
}

TEST_F(StreamReaderTest, WakeEndsAWaitFromAnotherThreadAndIsNotLostBeforeOne) {
  reader_->wake();
  NextBatch found = next(10, 1h, 1h);
  EXPECT_EQ(found.kind, NextKind::not_yet);
  EXPECT_TRUE(found.woken);
  std::thread waker([&] {
    std::this_thread::sleep_for(20ms);
    reader_->wake();
  });
  EXPECT_TRUE(next(10, 1h, 1h).woken);
  waker.join();
  EXPECT_FALSE(next(10, 1h, 1ms).woken);
}

TEST_F(StreamReaderTest, CloseFromAnotherThreadEndsAWait) {
  std::thread closer([&] {
    std::this_thread::sleep_for(20ms);
    reader_->close();
  });
  EXPECT_EQ(next(10, 1h, 1h).kind, NextKind::ended);
  closer.join();
}

TEST_F(StreamReaderTest, DiscardCountsWhatWasNotRead) {
  for (int i = 0; i < 5; ++i) push_now(std::to_string(i));
  EXPECT_EQ(next(2, 1h).batch->rows(), 2);
  push_now("5");
  reader_->discard();
  reader_->discard();
  EXPECT_EQ(queue_->counters().discarded_on_close, 4U);
  EXPECT_EQ(next(10, 1h).kind, NextKind::ended);
  EXPECT_EQ(queue_->counters().received, accounted(queue_->counters()));
}

TEST_F(StreamReaderTest, DiscardDuringAWaitEndsIt) {
  push_now("1");
  std::thread discarder([&] {
    std::this_thread::sleep_for(20ms);
    reader_->discard();
  });
  EXPECT_EQ(next(10, 1h, 1h).kind, NextKind::ended);
  discarder.join();
  EXPECT_EQ(queue_->counters().discarded_on_close, 1U);
}

TEST_F(StreamReaderTest, AWindowFillsWhileNobodyReads) {
  const auto tap = window();
  for (int i = 0; i < 100; ++i) push_now(std::to_string(i));
  EXPECT_TRUE(eventually([&] { return rows(*tap) == 100; }));
  EXPECT_EQ(queue_->counters().delivered, 0U);
  EXPECT_EQ(queue_->counters().in_batch, 100U);
}

TEST_F(StreamReaderTest, AWindowTakesNothingFromNext) {
  const auto tap = window();
  for (int i = 0; i < 1'000; ++i) push_now(std::to_string(i));
  ASSERT_TRUE(eventually([&] { return rows(*tap) == 1'000; }));
  EXPECT_EQ(next(300, 1h).batch->rows(), 300);  // split and merged to measure
  EXPECT_EQ(next(300, 1h).batch->rows(), 300);
  reader_->close();
  EXPECT_EQ(read_to_the_end(300).size(), 400U);
  EXPECT_EQ(queue_->counters().delivered, 1'000U);
  EXPECT_EQ(queue_->counters().rows, 1'000U);
  EXPECT_EQ(rows(*tap), 1'000);
}

TEST_F(StreamReaderTest, AWindowSeesWhatTheOpenBatchAlreadyHad) {
  push_now("0");
  EXPECT_EQ(next(10, 1h, 1ms).kind, NextKind::not_yet);
  const auto tap = window();
  EXPECT_TRUE(eventually([&] { return rows(*tap) == 1; }));
  reader_->close();
  EXPECT_EQ(read_to_the_end(), numbers_up_to(1));
}

TEST_F(StreamReaderTest, AWindowOpenedDuringAWaitingNextServesBoth) {
  std::thread opener([&] {
    std::this_thread::sleep_for(20ms);
    const auto tap = window();
    for (int i = 0; i < 10; ++i) push_now(std::to_string(i));
    EXPECT_TRUE(eventually([&] { return rows(*tap) == 10; }));
  });
  EXPECT_EQ(next(10, 1h, 10s).batch->rows(), 10);
  opener.join();
}

TEST_F(StreamReaderTest, SeveralWindowsSeeTheSame) {
  const auto first = window();
  const auto second = window();
  for (int i = 0; i < 10; ++i) push_now(std::to_string(i));
  EXPECT_TRUE(eventually([&] { return rows(*first) == 10 && rows(*second) == 10; }));
}

TEST_F(StreamReaderTest, WithTheLastWindowExtractionGoesBackToTheCaller) {
  auto tap = window();
  for (int i = 0; i < 10; ++i) push_now(std::to_string(i));
  ASSERT_TRUE(eventually([&] { return rows(*tap) == 10; }));
  tap.reset();
  std::this_thread::sleep_for(250ms);
  for (int i = 10; i < 20; ++i) push_now(std::to_string(i));
  EXPECT_TRUE(eventually([&] { return queue_->counters().queued == 10U; }));  // nobody pumps
  const auto again = window();
  EXPECT_TRUE(eventually([&] { return rows(*again) == 10; }));
  reader_->close();
  EXPECT_EQ(read_to_the_end(), numbers_up_to(20));
}

TEST_F(StreamReaderTest, AConflictUnderAWindowReachesNextInItsTurn) {
  const auto tap = window();
  push_now("1");
  ASSERT_TRUE(eventually([&] { return rows(*tap) == 1; }));
  push_now("conflict");
  ASSERT_TRUE(eventually([&] { return queue_->counters().quarantined == 1U; }));
  push_now("2");
  reader_->close();
  EXPECT_EQ(next(10, 1h).batch->rows(), 1);
  EXPECT_EQ(reader_->next({10, 1h}, 5s).status().code(), ErrorCode::does_not_fit);
  EXPECT_EQ(read_to_the_end(), (std::vector<std::string>{"2"}));
}

TEST_F(StreamReaderTest, ConflictsUnderAWindowThatNobodyReadsArePutTogether) {
  const auto tap = window();
  for (int i = 0; i < 1'000; ++i) push_now("conflict");
  ASSERT_TRUE(eventually([&] { return queue_->counters().quarantined == 1'000U; }));
  reader_->close();
  int errors = 0;
  Result<NextBatch> found = NextBatch();
  for (; !(found = reader_->next({10, 1h}, 5s)).ok(); ++errors) {
    EXPECT_EQ(found.status().code(), ErrorCode::does_not_fit);
  }
  EXPECT_EQ(found->kind, NextKind::ended);
  EXPECT_EQ(errors, 16);
}

TEST_F(StreamReaderTest, SaysWhyItEndedOnceAllIsRead) {
  push_now("1");
  queue_->close(Status(ErrorCode::subscribe_denied, "revoked"));
  EXPECT_EQ(next(10, 1h).batch->rows(), 1);
  EXPECT_EQ(next(10, 1h).kind, NextKind::ended);
  EXPECT_EQ(reader_->end_reason().code(), ErrorCode::subscribe_denied);
  reader_->close();
  EXPECT_TRUE(reader_->end_reason().ok()) << "the owner wished it";
}

TEST_F(StreamReaderTest, SaysNoReasonWhereItsOwnerLetGo) {
  queue_->close(Status(ErrorCode::subscribe_denied, "revoked"));
  reader_->discard();
  EXPECT_TRUE(reader_->end_reason().ok());
}

TEST_F(StreamReaderTest, KeptBatchesObeyDropOldest) {
  QueueLimits limits;
  limits.max_messages = 160;
  open(limits);
  const auto tap = window();
  for (int i = 0; i < 1'000; ++i) {
    push_now(std::to_string(i));
    if (i % 100 == 99) {
      ASSERT_TRUE(eventually([&] { return queue_->counters().queued == 0U; }));
    }
  }
  reader_->close();
  ASSERT_TRUE(eventually([&] { return rows(*tap) == 1'000; }));
  const StreamCounters counters = queue_->counters();
  EXPECT_LE(counters.in_batch, 160U);
  EXPECT_EQ(counters.loss.dropped_oldest, counters.dropped);
  const auto values = read_to_the_end();
  ASSERT_FALSE(values.empty());
  EXPECT_EQ(values.back(), "999");
  EXPECT_EQ(values.size() + counters.dropped, 1'000U);
}

TEST_F(StreamReaderTest, KeptBatchesObeyDropNewest) {
  QueueLimits limits;
  limits.max_messages = 160;
  limits.policy = OverflowPolicy::drop_newest;
  open(limits);
  const auto tap = window();
  for (int i = 0; i < 1'000; ++i) {
    push_now(std::to_string(i));
    if (i % 100 == 99) {
      ASSERT_TRUE(eventually([&] { return queue_->counters().queued == 0U; }));
    }
  }
  reader_->close();
  ASSERT_TRUE(eventually([&] { return rows(*tap) == 1'000; }));
  const auto values = read_to_the_end();
  ASSERT_FALSE(values.empty());
  EXPECT_EQ(values.front(), "0");
  EXPECT_EQ(queue_->counters().loss.dropped_newest, 1'000U - values.size());
}

TEST_F(StreamReaderTest, UnderLatestKeptBatchesGoOldestFirstAndTheLedgerSaysSo) {
  QueueLimits limits;
  limits.max_messages = 160;
  limits.policy = OverflowPolicy::latest;
  open(limits);
  const auto tap = window();
  for (int i = 0; i < 1'000; ++i) {
    push_now(std::to_string(i));
    ASSERT_TRUE(eventually([&] { return queue_->counters().queued == 0U || i % 10 != 0; }));
  }
  reader_->close();
  ASSERT_TRUE(eventually([&] { return queue_->drained(); }));
  const auto values = read_to_the_end();
  ASSERT_FALSE(values.empty());
  EXPECT_EQ(values.back(), "999");
  const StreamCounters counters = queue_->counters();
  EXPECT_EQ(values.size() + counters.dropped + counters.superseded, 1'000U);
  std::uint64_t told = 0;
  for (const LedgerRow& row : reader_->ledger()) told += row.event == LedgerEvent::dropped ? row.count : 0;
  EXPECT_EQ(told, counters.dropped);
}

TEST_F(StreamReaderTest, UnderBlockThePumpWaitsForRoom) {
  QueueLimits limits;
  limits.max_messages = 160;
  limits.policy = OverflowPolicy::block;
  limits.block_timeout = 10s;
  open(limits);
  const auto tap = window();
  std::thread producer([&] {
    for (int i = 0; i < 1'000; ++i) push_now(std::to_string(i));
    reader_->close();
  });
  std::this_thread::sleep_for(100ms);
  EXPECT_LT(queue_->counters().received, 500U);  // held back
  EXPECT_EQ(read_to_the_end(), numbers_up_to(1'000));
  producer.join();
  EXPECT_EQ(queue_->counters().dropped, 0U);
  EXPECT_EQ(rows(*tap), 1'000);
}

TEST_F(StreamReaderTest, DiscardReleasesAPumpThatWaitsForRoom) {
  QueueLimits limits;
  limits.max_messages = 16;
  limits.policy = OverflowPolicy::block;
  limits.block_timeout = 1ms;
  open(limits);
  const auto tap = window();
  for (int i = 0; i < 200; ++i) push_now(std::to_string(i));
  reader_->discard();
  EXPECT_EQ(queue_->counters().in_batch, 0U);
  EXPECT_EQ(queue_->counters().received, accounted(queue_->counters()));
}

TEST_F(StreamReaderTest, TheReaderMayGoBeforeItsWindow) {
  const auto tap = window();
  push_now("1");
  ASSERT_TRUE(eventually([&] { return rows(*tap) == 1; }));
  reader_.reset();
  EXPECT_EQ(rows(*tap), 1);
}

TEST_F(StreamReaderTest, AForkedChildIsRefusedAndCanLetGo) {
  auto tap = window();
  push_now("1");
  ASSERT_TRUE(eventually([&] { return rows(*tap) == 1; }));
  const ::pid_t child = ::fork();
  if (child == 0) {
    const bool refused = reader_->next({10, 1h}, 1h).status().code() == ErrorCode::forked;
    tap.reset();
    reader_.reset();
    queue_.reset();
    ::_exit(refused ? 0 : 1);
  }
  int status = -1;
  EXPECT_TRUE(eventually([&] { return ::waitpid(child, &status, WNOHANG) == child; }));
  EXPECT_EQ(status, 0);
  EXPECT_EQ(next(10, 0ns).batch->rows(), 1);  // the parent goes on
}

// A producer, a reader, windows that come and go, and an observer: every message once, in order, and the book always
// right.
TEST_F(StreamReaderTest, NothingIsLostWhileWindowsComeAndGo) {
  constexpr int kMessages = 20'000;
  std::atomic<bool> over{false};
  std::thread producer([&] {
    for (int i = 0; i < kMessages; ++i) {
      push_now(std::to_string(i));
      if (i % 100 == 0) std::this_thread::sleep_for(1ms);
    }
    reader_->close();
  });
  std::thread observer([&] {
    while (!over) {
      const StreamCounters counters = reader_->counters();
      EXPECT_EQ(counters.received, accounted(counters));
      (void)reader_->extract_counters();
      (void)reader_->schema();
      std::this_thread::sleep_for(1ms);
    }
  });
  std::thread tapper([&] {
    while (!over) {
      const auto tap = window();
      std::this_thread::sleep_for(3ms);
      (void)tap->snapshot();
      if (rows(*tap) % 2 == 0) continue;
      reader_->wake();
    }
  });
  std::vector<std::string> values;
  for (;;) {
    const NextBatch found = next(317, 5ms, 20ms);
    if (found.kind == NextKind::ended) break;
    if (found.kind == NextKind::batch) {
      for (auto& value : testing::cells(*found.batch, "value")) values.push_back(std::move(value));
    }
  }
  over = true;
  producer.join();
  observer.join();
  tapper.join();
  EXPECT_EQ(values, numbers_up_to(kMessages));
  EXPECT_EQ(queue_->counters().delivered, static_cast<std::uint64_t>(kMessages));
  EXPECT_EQ(queue_->counters().in_batch, 0U);
}

}  // namespace
}  // namespace honeyframe
