#include "batch_cutter.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "counting_extractor.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::push;

class BatchCutterTest : public ::testing::Test {
 protected:
  static CutLimits limits(std::int64_t rows, std::chrono::nanoseconds age = 1h) { return {rows, age, kMaxBatchBytes}; }

  CutBatch cut(const CutLimits& by) {
    auto result = cutter_.cut(by);
    EXPECT_TRUE(result.ok()) << result.status().message();
    return result.ok() ? result.value() : CutBatch();
  }

  std::shared_ptr<MessageQueue> queue_ = std::make_shared<MessageQueue>(QueueLimits());
  BatchCutter cutter_{queue_, std::make_unique<testing::CountingExtractor>()};
};

TEST_F(BatchCutterTest, CutsAtMaxRowsAndKeepsTheRestOfTheBlock) {
  for (int i = 0; i < 10; ++i) push(*queue_, std::to_string(i));
  const CutBatch first = cut(limits(4));
  ASSERT_NE(first.batch, nullptr);
  EXPECT_EQ(testing::cells(*first.batch, "value"), (std::vector<std::string>{"0", "1", "2", "3"}));
  EXPECT_EQ(first.unsettled, 4U);
  EXPECT_EQ(queue_->counters().in_batch, 10U);  // the block was taken whole
  EXPECT_EQ(cut(limits(4)).batch->rows(), 4);
  EXPECT_EQ(cut(limits(4)).batch, nullptr);  // two rows, and young
  push(*queue_, "10*3");
  EXPECT_EQ(cut(limits(4)).batch->rows(), 5);  // a payload is never cut
}

TEST_F(BatchCutterTest, CutsByAgeOfTheFirstRow) {
  push(*queue_, "1");
  EXPECT_EQ(cut(limits(100, 30ms)).batch, nullptr);
  const SteadyTime due = cutter_.due(limits(100, 30ms));
  EXPECT_LE(due, std::chrono::steady_clock::now() + 30ms);
  std::this_thread::sleep_until(due);
  push(*queue_, "2");  // a later row does not make it young again
  EXPECT_EQ(cut(limits(100, 30ms)).batch->rows(), 2);
  EXPECT_EQ(cutter_.due(limits(100, 30ms)), SteadyTime::max());
}

TEST_F(BatchCutterTest, AgeZeroTakesWhatIsThereButNoEmptyBatch) {
  EXPECT_EQ(cut(limits(100, 0ns)).batch, nullptr);
  push(*queue_, "1");
  push(*queue_, "2");
  EXPECT_EQ(cut(limits(100, 0ns)).batch->rows(), 2);
}

TEST_F(BatchCutterTest, CutsByBytes) {
  for (int i = 0; i < 10; ++i) push(*queue_, "1", 0, std::string(1'000, 't'));
  CutLimits by = limits(1'000, 0ns);
  by.max_bytes = 1;
  EXPECT_EQ(cut(by).batch->rows(), 10);  // looked at once a block
}

TEST_F(BatchCutterTest, CutsWhenTheExtractorIsFull) {
  BatchCutter cutter(queue_, std::move(Extractor::create(ExtractOptions(), 100)).value());
  for (int i = 0; i < 5; ++i) push(*queue_, '"' + std::string(90, 'x') + '"');
  for (const std::int64_t rows : {2, 2}) {
    const auto found = cutter.cut(limits(1'000));
    ASSERT_TRUE(found.ok()) << found.status().message();
    ASSERT_NE(found.value().batch, nullptr);
    EXPECT_EQ(found.value().batch->rows(), rows);
  }
  EXPECT_EQ(cutter.cut(limits(1'000)).value().batch, nullptr);  // one row, not full
  EXPECT_EQ(cutter.counters().quarantined, 0U);
}

TEST_F(BatchCutterTest, MessagesWithoutRowsAreDeliveredAtOnceAndStayInTheirBatchsCount) {
  push(*queue_, "");
  push(*queue_, "");
  EXPECT_EQ(cut(limits(100, 0ns)).batch, nullptr);
  EXPECT_EQ(queue_->counters().delivered, 2U);
  EXPECT_EQ(queue_->counters().in_batch, 0U);
  push(*queue_, "1");
  push(*queue_, "");
  const CutBatch found = cut(limits(100, 0ns));
  EXPECT_EQ(found.batch->rows(), 1);
  EXPECT_EQ(found.batch->messages(), 4U);
  EXPECT_EQ(found.unsettled, 2U);
}

TEST_F(BatchCutterTest, QuarantinedMessagesAreSettledAtOnce) {
  push(*queue_, "bad");
  push(*queue_, "1");
  EXPECT_EQ(cut(limits(100)).batch, nullptr);
  EXPECT_EQ(queue_->counters().quarantined, 1U);
  EXPECT_EQ(queue_->counters().in_batch, 1U);
}

TEST_F(BatchCutterTest, AConflictIsToldOnceAndTheNextCallGoesOnBehindIt) {
  for (const char* payload : {"1", "", "bad", "conflict", "2", "conflict"}) push(*queue_, payload);
  const auto first = cutter_.cut(limits(100, 0ns));
  ASSERT_FALSE(first.ok());
  EXPECT_EQ(first.status().code(), ErrorCode::does_not_fit);
  EXPECT_FALSE(cutter_.cut(limits(100, 0ns)).ok());  // the second one
  const CutBatch found = cut(limits(100, 0ns));
  EXPECT_EQ(testing::cells(*found.batch, "value"), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(queue_->counters().quarantined, 3U);
  EXPECT_EQ(queue_->counters().in_batch, found.unsettled);
}

TEST_F(BatchCutterTest, TheEndOfTheQueueCompletesTheOpenBatch) {
  push(*queue_, "1");
  EXPECT_FALSE(cut(limits(100)).ended);
  queue_->close();
  const CutBatch last = cut(limits(100));
  EXPECT_EQ(last.batch->rows(), 1);
  EXPECT_FALSE(last.ended);
  EXPECT_TRUE(cut(limits(100)).ended);
}

TEST_F(BatchCutterTest, AtTheEndABatchMayHaveMessagesAndNoRows) {
  push(*queue_, "");
  queue_->close();
  const CutBatch last = cut(limits(100));
  ASSERT_NE(last.batch, nullptr);
  EXPECT_EQ(last.batch->rows(), 0);
  EXPECT_EQ(last.batch->messages(), 1U);
  EXPECT_EQ(last.unsettled, 0U);
  EXPECT_TRUE(cut(limits(100)).ended);
}

TEST_F(BatchCutterTest, WaitReturnsForAMessageAndNotBefore) {
  const SteadyTime begin = std::chrono::steady_clock::now();
  cutter_.wait(begin + 20ms);
  EXPECT_GE(std::chrono::steady_clock::now(), begin + 20ms);
  std::thread producer([&] {
    std::this_thread::sleep_for(10ms);
    push(*queue_, "1");
  });
  cutter_.wait(SteadyTime::max());
  producer.join();
  EXPECT_EQ(cut(limits(1)).batch->rows(), 1);
}

// An extractor that makes no headway must cost an error a message, not a hang.
class Idle final : public Extractor {
 public:
  Result<std::size_t> extract(const MessageBlock&, std::size_t begin, std::size_t, std::int64_t) override {
    return begin;
  }
  [[nodiscard]] std::int64_t open_rows() const override { return 0; }
  [[nodiscard]] std::uint64_t open_messages() const override { return 0; }
  [[nodiscard]] std::uint64_t take_quarantined_count() override { return 0; }
  [[nodiscard]] RecordBatchPtr finish() override { return nullptr; }
  [[nodiscard]] SchemaPtr schema() const override { return nullptr; }
  [[nodiscard]] ExtractCounters counters() const override { return {}; }
  [[nodiscard]] std::vector<QuarantineEntry> quarantine() const override { return {}; }
  [[nodiscard]] std::vector<ExtractEvent> take_events() override { return {}; }
};

TEST(BatchCutter, AnExtractorWithoutHeadwayIsAnErrorAndNoHang) {
  auto queue = std::make_shared<MessageQueue>(QueueLimits());
  BatchCutter cutter(queue, std::make_unique<Idle>());
  push(*queue, "1");
  queue->close();
  const auto result = cutter.cut({10, 0ns, kMaxBatchBytes});
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), ErrorCode::internal);
  EXPECT_EQ(queue->counters().quarantined, 1U);
  auto end = cutter.cut({10, 0ns, kMaxBatchBytes});
  EXPECT_TRUE(end->ended);
}

}  // namespace
}  // namespace honeyframe
