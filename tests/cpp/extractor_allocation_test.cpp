// Once the shapes are known, a payload costs no allocation.

#include <gtest/gtest.h>

#include <string>

#include "allocation_counter.h"
#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

std::uint64_t allocations_for(ExtractOptions options, const Texts& payloads) {
  auto extractor = std::move(Extractor::create(std::move(options))).value();
  auto topics = std::make_shared<TopicDictionary>();
  MessageBlock block(1 << 20, topics);
  for (int i = 0; i < 2'000; ++i) {
    MessageView message;
    message.topic = i % 2 == 0 ? "plant/line1/telemetry" : "plant/line2/telemetry";
    message.payload = payloads[static_cast<std::size_t>(i) % payloads.size()];
    EXPECT_TRUE(block.append(message, topics->intern(message.topic), false));
  }
  for (int batch = 0; batch < 3; ++batch) {  // shapes, types and sizes are learned
    EXPECT_EQ(extractor->extract(block, 0, block.size(), 1 << 20).value(), block.size());
    static_cast<void>(extractor->finish());
  }
  EXPECT_EQ(extractor->extract(block, 0, 1'000, 1 << 20).value(), 1'000U);  // the buffers of this batch are there
  const std::uint64_t before = allocations_of_this_thread();
  EXPECT_EQ(extractor->extract(block, 1'000, 2'000, 1 << 20).value(), 2'000U);
  const std::uint64_t after = allocations_of_this_thread();
  EXPECT_EQ(extractor->counters().quarantined, 0U);
  return after - before;
}

// A buffer that doubles within the measured half would be one: its first size is that of the batch before, so none
// does.
TEST(ExtractorAllocation, NoneForPayloadsOfKnownShapes) {
  ExtractOptions options;
  options.topic_template = TopicTemplate::parse("plant/{line}/telemetry").value();
  options.event_time = EventTimeOptions{"ts", TimeUnit::automatic};
  EXPECT_EQ(
      allocations_for(
          options,
          {R"({"ts":1718280000000,"id":"sensor \u00e9","temp":21.5,"n":7,"ok":true,"l":[1,2,3],"o":{"p":{"q":null}}})",
           R"({"ts":1718280000001,"temp":22,"id":"x","late":"yes"})", "[{\"temp\":1},{\"temp\":2}]"}),
      0U);
}

TEST(ExtractorAllocation, NoneForValuesThatDoNotFit) {
  ExtractOptions options;
  options.na_values = {"N/A"};
  EXPECT_EQ(allocations_for(options, {R"({"t":1.5,"s":"a"})", R"({"t":"N/A","s":5})", R"({"t":"2.5","s":[1,{}]})"}),
            0U);
}

// The same two numbers over and over: the ledger has its rows by then, and they only count.
TEST(ExtractorAllocation, NoneForASequenceThatIsFollowed) {
  ExtractOptions options;
  options.sequence = SequenceOptions{"seq", ""};
  EXPECT_EQ(allocations_for(options, {R"({"seq":100,"t":1.5})", R"({"seq":101,"t":1.5})", R"({"seq":103,"t":1.5})"}),
            0U);
  options.topic_template = TopicTemplate::parse("plant/{line}/telemetry").value();
  options.sequence->by = "line";
  EXPECT_EQ(allocations_for(options, {R"({"t":1.5,"o":{"x":1},"seq":7})"}), 0U);
}

TEST(ExtractorAllocation, NoneWithASchemaOrAnExplodedArray) {
  ExtractOptions schema;
  schema.schema = std::vector<ColumnSpec>{{"t", "sensor.temp", {TypeId::float64, TypeId::null}}};
  EXPECT_EQ(allocations_for(schema, {R"({"sensor":{"temp":1},"other":{"x":[1,2,{"y":"z"}]}})"}), 0U);
  ExtractOptions explode;
  explode.explode = "r";
  EXPECT_EQ(allocations_for(explode, {R"({"id":"x","r":[{"t":1},{"t":2}]})"}), 0U);
}

}  // namespace
}  // namespace honeyframe::testing
