#include "row_publisher.h"

#include <gtest/gtest.h>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using namespace testing;

RecordBatchPtr batch(std::int64_t value, const char* name = "a") {
  return batch_of({{{name, kInt64}, numbers<std::int64_t>({value})}});
}

struct Fixture {
  int wakes = 0;
  RowPublisher rows;
  explicit Fixture(RowPublishRequest request = {.rows = {.topic = "t"}})
      : rows(request, RowMessages::topic_of(request.rows).value(), [this] { ++wakes; }) {}
};

TEST(RowPublisher, ABatchWakesTheSenderThatFoundNone) {
  Fixture f;
  EXPECT_TRUE(f.rows.is_idle());
  EXPECT_TRUE(f.rows.offer(batch(1), {}).ok());
  EXPECT_EQ(f.wakes, 1);
  EXPECT_FALSE(f.rows.is_idle());
  EXPECT_TRUE(f.rows.offer(batch(2), {}).ok());
  EXPECT_EQ(f.wakes, 1) << "it has not looked yet";
  RowPublisher::Batch taken;
  EXPECT_EQ(f.rows.take(taken), RowPublisher::Supply::batch);
  EXPECT_EQ(cells(*taken.rows, "a"), std::vector<std::string>{"1"});
  EXPECT_EQ(f.rows.take(taken), RowPublisher::Supply::batch);
  EXPECT_EQ(f.rows.take(taken), RowPublisher::Supply::later);
  EXPECT_TRUE(f.rows.is_idle());
  f.rows.finish();
  EXPECT_EQ(f.wakes, 2);
  EXPECT_EQ(f.rows.take(taken), RowPublisher::Supply::finished);
}

TEST(RowPublisher, RoomIsBounded) {
  Fixture f;
  for (std::size_t i = 0; i < RowPublisher::kMaxWaiting; ++i) {
    EXPECT_TRUE(f.rows.wait_for_room(0ms));
    EXPECT_TRUE(f.rows.offer(batch(1), {}).ok());
  }
  EXPECT_FALSE(f.rows.wait_for_room(1ms));
  RowPublisher::Batch taken;
  EXPECT_EQ(f.rows.take(taken), RowPublisher::Supply::batch);
  EXPECT_TRUE(f.rows.wait_for_room(0ms));
}

TEST(RowPublisher, ARefusedPlanTakesNothing) {
  Fixture f({.rows = {.topic = "{line}"}});
  const auto status = f.rows.offer(batch(1), {});
  EXPECT_EQ(status.code(), ErrorCode::invalid_argument);
  EXPECT_EQ(f.wakes, 0);
  EXPECT_TRUE(f.rows.offer(batch(1, "line"), {}).ok());
}

TEST(RowPublisher, SchemasMayChangeBetweenBatches) {
  Fixture f;
  EXPECT_TRUE(f.rows.offer(batch(1), {}).ok());
  EXPECT_TRUE(f.rows.offer(batch(2, "b"), {}).ok());
  RowPublisher::Batch taken;
  for (const std::string expected : {R"({"a":1})", R"({"b":2})"}) {
    ASSERT_EQ(f.rows.take(taken), RowPublisher::Supply::batch);
    std::string topic;
    std::string payload;
    EXPECT_EQ(taken.messages->write(*taken.rows, 0, topic, payload), "");
    EXPECT_EQ(payload, expected);
  }
}

TEST(RowPublisher, TheReportAddsUp) {
  Fixture f;
  std::vector<RowRefusal> refusals{{2, RowRefusal::Outcome::refused, 0x87, "t", "no"}};
  f.rows.add(4, 3, refusals);
  EXPECT_TRUE(refusals.empty());
  f.rows.add(5, 1, refusals);
  f.rows.end(Status(ErrorCode::connection_lost, "gone"));
  f.rows.end(Status(ErrorCode::internal, "later ones do not count"));
  const auto report = f.rows.report();
  EXPECT_EQ(report.published, 4);
  EXPECT_EQ(report.tried, 5);
  ASSERT_EQ(report.refusals.size(), 1u);
  EXPECT_EQ(report.refusals[0].row, 2);
  EXPECT_EQ(report.error.message(), "gone");
  EXPECT_TRUE(f.rows.wait_until_ended(0ms));
  EXPECT_TRUE(f.rows.wait_for_room(0ms));
}

TEST(RowPublisher, StopIsToldToTheSenderOnce) {
  Fixture f;
  EXPECT_TRUE(f.rows.stopped().ok());
  f.rows.stop(Status(ErrorCode::timeout, "first"));
  f.rows.stop(Status(ErrorCode::closed, "second"));
  EXPECT_EQ(f.rows.stopped().message(), "first");
  EXPECT_EQ(f.wakes, 1);
  EXPECT_FALSE(f.rows.ended()) << "the sender ends it";
}

TEST(RowPublisher, EndsWhenTooManyAreRefused) {
  Fixture f;
  std::vector<RowRefusal> refusals(RowPublisher::kMaxRefusals);
  f.rows.add(1'000'000, 0, refusals);
  EXPECT_EQ(f.rows.stopped().code(), ErrorCode::publish_denied);
}

TEST(RowPublisher, RequestsAreChecked) {
  EXPECT_TRUE(RowPublisher::validate({.rows = {.topic = "{a}/b"}}).ok());
  EXPECT_EQ(RowPublisher::validate({.rows = {.topic = "a/#"}}).code(), ErrorCode::invalid_topic);
  EXPECT_EQ(RowPublisher::validate({.rows = {.topic = "a"}, .qos = 3}).code(), ErrorCode::invalid_argument);
  EXPECT_EQ(RowPublisher::validate({.rows = {}}).code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace honeyframe
