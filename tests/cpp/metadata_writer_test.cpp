#include "metadata_writer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

ExtractOptions everything() {
  ExtractOptions options;
  options.metadata = {true, true, true, true, true, true, true, true, true};
  options.event_time = EventTimeOptions{"ts", TimeUnit::automatic};
  options.topic_template = TopicTemplate::parse("plant/{line}/{rest...}").value();
  return options;
}

TEST(MetadataWriter, ColumnsComeInTheirOrder) {
  Texts names;
  const MetadataWriter writer(everything());
  for (const Field& field : writer.fields()) names.push_back(field.name);
  EXPECT_EQ(names, (Texts{"_topic", "_recv_time", "_retain", "_event_time", "line", "rest", "_qos", "_dup",
                          "_payload_index", "_user_properties", "_content_type", "_response_topic"}));
  EXPECT_EQ(writer.event_time_column(), 3);
  ExtractOptions none = without_metadata();
  EXPECT_TRUE(MetadataWriter(none).fields().empty());
  EXPECT_EQ(MetadataWriter(none).event_time_column(), -1);
}

TEST(MetadataWriter, WritesWhatTheMessageHas) {
  Feed feed(everything());
  MessageProperties properties;
  properties.content_type = "application/json";
  properties.response_topic = "reply/here";
  properties.user_properties = {{"a", "1"}, {"quote\"", "x\ny"}};
  MessageView message;
  message.topic = "plant/l1/a/b";
  message.payload = R"({"v":1,"ts":1718280000})";
  message.receive_time_ns = 1'718'280'000'000'000'123;
  message.qos = 2;
  message.retain = message.dup = true;
  message.properties = &properties;
  feed.add(message);
  message = {};
  message.topic = "elsewhere";
  message.payload = "{}";
  feed.add(message);
  EXPECT_EQ(feed.column("_topic"), (Texts{"\"plant/l1/a/b\"", "\"elsewhere\""}));
  EXPECT_EQ(feed.column("_recv_time")[0], "\"2024-06-13T12:00:00.000000123Z\"");
  EXPECT_EQ(feed.type("_recv_time"), "timestamp");
  EXPECT_EQ(feed.column("_retain"), (Texts{"true", "false"}));
  EXPECT_EQ(feed.column("_event_time"), (Texts{"\"2024-06-13T12:00:00Z\"", "null"}));
  EXPECT_EQ(feed.column("line"), (Texts{"\"l1\"", "null"}));
  EXPECT_EQ(feed.column("rest"), (Texts{"\"a/b\"", "null"}));
  EXPECT_EQ(feed.column("_qos"), (Texts{"2", "0"}));
  EXPECT_EQ(feed.column("_dup"), (Texts{"true", "false"}));
  EXPECT_EQ(feed.column("_payload_index"), (Texts{"0", "1"}));
  EXPECT_EQ(feed.column("_user_properties")[0], R"("[[\"a\",\"1\"],[\"quote\\\"\",\"x\\ny\"]]")");
  EXPECT_EQ(feed.column("_content_type"), (Texts{"\"application/json\"", "null"}));
  EXPECT_EQ(feed.column("_response_topic"), (Texts{"\"reply/here\"", "null"}));
  EXPECT_EQ(feed.counters().topics_not_matching_template, 1U);
}

TEST(MetadataWriter, EveryRowOfAPayloadHasIt) {
  ExtractOptions options = without_metadata();
  options.metadata.topic = options.metadata.payload_index = true;
  Feed feed(options);
  feed.add("[]").add("[{},{}]", "x").add("bad\xFF").add("1");
  EXPECT_EQ(feed.column("_payload_index"), (Texts{"1", "1", "3"}));
  EXPECT_EQ(feed.column("_topic"), (Texts{"\"x\"", "\"x\"", "\"t\""}));
}

TEST(MetadataWriter, WritesNoTextThatIsNotUtf8) {
  Feed feed(everything());
  MessageProperties properties;
  properties.content_type = "text/\xFF";
  properties.response_topic = "reply/\xC3\x28";
  properties.user_properties = {{"unit",
                                 "\xB0"
                                 "C"},
                                {"k\xC3\xA9y\xFE", "ok"}};
  MessageView message;
  message.topic = "plant/l1/a";
  message.payload = R"([{"v":1},{"v":2}])";
  message.properties = &properties;
  feed.add(message);
  EXPECT_EQ(feed.column("_content_type"), (Texts{"null", "null"}));
  EXPECT_EQ(feed.column("_response_topic"), (Texts{"null", "null"}));
  const std::string pairs =
      "\"[[\\\"unit\\\",\\\"\xEF\xBF\xBD"
      "C\\\"],[\\\"k\xC3\xA9y\xEF\xBF\xBD\\\",\\\"ok\\\"]]\"";
  EXPECT_EQ(feed.column("_user_properties"), (Texts{pairs, pairs}));
  EXPECT_EQ(feed.counters().bad_property_texts, 4U) << "once a message, not once a row";
  message.payload = "[";
  feed.add(message);
  EXPECT_EQ(feed.counters().bad_property_texts, 4U) << "it has no row";
}

TEST(MetadataWriter, BoundsItsText) {
  MessageProperties properties;
  properties.user_properties = {{"\x01\x02", "\x03"}};
  RowSource source;
  source.topic = "topic";
  source.properties = &properties;
  EXPECT_GE(MetadataWriter::text_bytes(source), 5U + 6U * 3U);
}

}  // namespace
}  // namespace honeyframe::testing
