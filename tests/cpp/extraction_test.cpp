#include "extraction.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;
using Texts = std::vector<std::string>;

std::shared_ptr<const MessageBlock> block_of(const Texts& payloads) {
  const auto topics = std::make_shared<TopicDictionary>();
  auto block = std::make_shared<MessageBlock>(1u << 20, topics);
  for (const std::string& payload : payloads) {
    MessageView message;
    message.payload = payload;
    EXPECT_TRUE(block->append(message, topics->intern("t"), false));
  }
  return block;
}

ExtractOptions without_metadata() {
  ExtractOptions options;
  options.metadata.topic = options.metadata.receive_time = options.metadata.retain = false;
  return options;
}

ExtractionRun open(std::int64_t max_rows, ExtractOptions options = without_metadata()) {
  Result<ExtractionRun> run = ExtractionRun::open(std::move(options), max_rows);
  EXPECT_TRUE(run.ok()) << run.status().message();
  return std::move(run).value();
}

TEST(ExtractionRun, ClosesABatchWhenItsRowsAreThere) {
  ExtractionRun run = open(2);
  ASSERT_TRUE(run.read(*block_of({R"({"a":1})", R"({"a":2})", R"({"a":3})"})).ok());
  ASSERT_TRUE(run.read(*block_of({R"({"a":4})", R"({"a":5})"})).ok());
  const Extraction result = std::move(run).finish();
  ASSERT_EQ(result.batches.size(), 3u);
  EXPECT_EQ(cells(*result.batches[0], "a"), (Texts{"1", "2"}));
  EXPECT_EQ(cells(*result.batches[1], "a"), (Texts{"3", "4"}));
  EXPECT_EQ(cells(*result.batches[2], "a"), (Texts{"5"}));
  EXPECT_EQ(result.counters.payloads, 5u);
  EXPECT_EQ(result.counters.rows, 5u);
}

TEST(ExtractionRun, ClosesABatchWhoseTextIsAllItCanHold) {
  ExtractionRun run(std::move(Extractor::create(without_metadata(), 100)).value(), 1'000);
  const std::string payload = R"({"a":")" + std::string(60, 'x') + "\"}";
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(run.read(*block_of({payload})).ok());  // a block each, as large ones come
  ASSERT_TRUE(run.read(*block_of({payload, payload, "[]", payload})).ok());
  const Extraction result = std::move(run).finish();
  EXPECT_EQ(result.counters.rows, 6u);
  EXPECT_EQ(result.counters.quarantined, 0u);
  ASSERT_EQ(result.batches.size(), 3u);
  for (const RecordBatchPtr& batch : result.batches) EXPECT_EQ(batch->rows(), 2);
}

TEST(ExtractionRun, GivesTheLastSchemaAndBatchesThatCastToIt) {
  ExtractionRun run = open(1);
  ASSERT_TRUE(run.read(*block_of({R"({"a":1})", R"({"a":2.5,"late":true})"})).ok());
  const Extraction result = std::move(run).finish();
  EXPECT_EQ(*result.schema, (Schema{{{"a", kFloat64}, {"late", kBool}}}));
  Result<std::vector<RecordBatchPtr>> batches = cast_all(result.batches, result.schema);
  ASSERT_TRUE(batches.ok());
  EXPECT_EQ(cells(*batches.value()[0], "a"), (Texts{"1.0"}));
  EXPECT_EQ(cells(*batches.value()[0], "late"), (Texts{"null"}));
}

TEST(ExtractionRun, HandsOverWhatCouldNotBeRead) {
  ExtractionRun run = open(10);
  ASSERT_TRUE(run.read(*block_of({R"({"a":1})", R"({"a":)"})).ok());
  const Extraction result = std::move(run).finish();
  ASSERT_EQ(result.quarantine.size(), 1u);
  EXPECT_EQ(result.quarantine[0].payload, R"({"a":)");
  EXPECT_EQ(result.quarantine[0].payload_index, 1u);
  EXPECT_EQ(result.counters.quarantined, 1u);
}

TEST(ExtractionRun, HasNoBatchWhereThereWasNoPayload) {
  const Extraction result = open(10).finish();
  EXPECT_TRUE(result.batches.empty());
  ASSERT_NE(result.schema, nullptr);
}

TEST(ExtractionRun, StopsAtAConflictWhereThatIsAskedFor) {
  ExtractOptions options = without_metadata();
  options.on_conflict = OnConflict::raise;
  ExtractionRun run = open(10, std::move(options));
  EXPECT_EQ(run.read(*block_of({R"({"a":1})", R"({"a":"text"})"})).code(), ErrorCode::does_not_fit);
}

TEST(ExtractionRun, RefusesBatchesWithoutRows) {
  EXPECT_EQ(ExtractionRun::open(without_metadata(), 0).status().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace honeyframe
