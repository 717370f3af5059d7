#include "record_batch_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

ExtractOptions with(OnConflict on_conflict) {
  ExtractOptions options = without_metadata();
  options.on_conflict = on_conflict;
  return options;
}

TEST(RecordBatchBuilder, ColumnsComeInOrderOfFirstAppearance) {
  Feed feed;
  feed.add(R"({"b":1,"a":2})").add(R"({"c":3,"b":4})");
  EXPECT_EQ(feed.names(), (Texts{"b", "a", "c"}));
  EXPECT_EQ(feed.column("c"), (Texts{"null", "3"}));
  // The next batch keeps them.
  feed.add(R"({"d":true})");
  feed.finish();
  EXPECT_EQ(feed.names(), (Texts{"b", "a", "c", "d"}));
  EXPECT_EQ(feed.column("b"), (Texts{"null"}));
  EXPECT_EQ(feed.type("b"), "int64");
}

TEST(RecordBatchBuilder, SideColumnsComeWhenTheyAreNeededAndStay) {
  Feed feed;
  feed.add(R"({"a":1})").add(R"({"a":true,"b":1})");
  EXPECT_EQ(feed.names(), (Texts{"a", "b", "_misfit"}));
  feed.add(R"({"c":1})");
  feed.finish();
  EXPECT_EQ(feed.names(), (Texts{"a", "b", "_misfit", "c"}));
  EXPECT_EQ(feed.column("_misfit"), (Texts{"null"}));
}

TEST(RecordBatchBuilder, ABatchOfNoRowsHasTheSchema) {
  Feed feed;
  EXPECT_EQ(feed.finish()->schema()->fields.size(), 0U);
  feed.add(R"({"a":1})");
  feed.finish();
  const RecordBatchPtr empty = feed.finish();
  EXPECT_EQ(empty->rows(), 0);
  EXPECT_EQ(feed.names(), (Texts{"a"}));
  EXPECT_EQ(*feed.extractor().schema(), *empty->schema());
}

TEST(RecordBatchBuilder, TheSchemaIsThatOfTheBatchItWouldGive) {
  Feed feed;
  for (const char* const payload :
       {R"({"a":1})", R"({"a":2.5,"l":[]})", R"({"l":[1]})", R"({"a":true})", R"({"l":[{}]})"}) {
    feed.add(payload);
    const SchemaPtr before = feed.extractor().schema();
    EXPECT_EQ(*before, *feed.finish()->schema()) << payload;
  }
}

TEST(RecordBatchBuilder, EmptyListsBeforeAnObjectMakeNoColumn) {
  for (const OnConflict on_conflict : {OnConflict::keep, OnConflict::quarantine}) {
    ExtractOptions options = with(on_conflict);
    options.max_columns = 3;  // `a` is none of them in the end
    Feed feed(options);
    feed.add(R"({"a":[],"x":1})").add(R"({"x":2})").add(R"({"a":[]})").add(R"({"a":{"b":3}})");
    const SchemaPtr before = feed.extractor().schema();
    EXPECT_EQ(feed.names(), (Texts{"x", "a.b", "_misfit"}));
    EXPECT_EQ(*before, *feed.batch().schema());
    EXPECT_EQ(feed.column("a.b"), (Texts{"null", "null", "null", "3"}));
    EXPECT_EQ(feed.column("_misfit"), (Texts{R"("{\"a\":[]}")", "null", R"("{\"a\":[]}")", "null"}));
    EXPECT_EQ(feed.counters().misfits, 2U);
    EXPECT_EQ(feed.quarantine().size(), 0U);
    feed.add(R"({"a":{"b":4},"y":5})");
    feed.finish();
    EXPECT_EQ(feed.names(), (Texts{"x", "a.b", "_misfit", "y"}));
    EXPECT_EQ(feed.column("a.b"), (Texts{"4"}));
  }
}

TEST(RecordBatchBuilder, AnEmptyListIsAMisfitInEitherOrder) {
  for (const Texts& payloads : {Texts{R"({"a":[]})", R"({"a":{"b":3}})"}, Texts{R"({"a":{"b":3}})", R"({"a":[]})"},
                                Texts{R"([{"a":[]},{"a":{"b":3}}])"}}) {
    Feed feed;
    feed.add_all(payloads);
    EXPECT_EQ(feed.names(), (Texts{"a.b", "_misfit"})) << payloads[0];
    EXPECT_EQ(feed.counters().misfits, 1U);
  }
}

TEST(RecordBatchBuilder, AColumnOfEmptyListsThatWasHandedOutStays) {
  Feed feed;
  feed.add(R"({"a":[]})").finish();
  feed.add(R"({"a":[]})").add(R"({"a":{"b":3}})").add(R"({"a":[]})").finish();
  EXPECT_EQ(feed.names(), (Texts{"a", "a.b", "_misfit"}));
  EXPECT_EQ(feed.type("a"), "list<null>");
  EXPECT_EQ(feed.column("a"), (Texts{"[]", "null", "null"}));
  EXPECT_EQ(feed.column("a.b"), (Texts{"null", "3", "null"}));
  EXPECT_EQ(feed.column("_misfit"), (Texts{"null", "null", R"("{\"a\":[]}")"}));
}

TEST(RecordBatchBuilder, WidenLeavesEmptyListsTheirColumn) {
  Feed feed(with(OnConflict::widen));
  feed.add(R"({"a":[]})").add(R"({"a":{"b":3}})");
  EXPECT_EQ(feed.names(), (Texts{"a", "a.b"}));
  EXPECT_EQ(feed.column("a"), (Texts{"[]", "null"}));
  feed.add(R"({"a":[]})").finish();
  EXPECT_EQ(feed.column("a"), (Texts{"\"[]\""}));
}

TEST(RecordBatchBuilder, AnObjectInARefusedPayloadWithdrawsNothing) {
  Feed feed(with(OnConflict::quarantine));
  feed.add(R"({"a":[],"n":1})").add(R"({"a":{"b":3},"n":true})").add(R"({"a":[7]})");
  EXPECT_EQ(feed.reason(), "does_not_fit");
  EXPECT_EQ(feed.names(), (Texts{"a", "n"}));
  EXPECT_EQ(feed.column("a"), (Texts{"[]", "[7]"}));
}

TEST(RecordBatchBuilder, AWithdrawnNameIsFreeAgain) {
  Feed feed;
  feed.add(R"({"x":{"y":[]}})").add(R"({"x":{"y":{"z":1}}})").finish();
  feed.add(R"({"x.y":5})").finish();
  EXPECT_EQ(feed.names(), (Texts{"x.y.z", "_misfit", "x.y"}));
  EXPECT_EQ(feed.counters().name_collisions, 0U);
}

TEST(RecordBatchBuilder, NamesThatMeetAreToldApart) {
  ExtractOptions options;
  options.topic_template = TopicTemplate::parse("plant/{line}").value();
  Feed feed(options);
  feed.add(R"({"a":{"b":1},"a.b":2,"_topic":3,"line":4,"_misfit":5,"_extra":6,"_qos":7,"/a.b":8})", "plant/x");
  EXPECT_EQ(feed.names(), (Texts{"_topic", "_recv_time", "_retain", "line", "a.b", "/a.b", "/_topic", "/line",
                                 "/_misfit", "/_extra", "_qos", "/~1a.b"}));
  EXPECT_EQ(feed.column("a.b"), (Texts{"1"}));
  EXPECT_EQ(feed.column("/a.b"), (Texts{"2"}));
  EXPECT_EQ(feed.column("/_topic"), (Texts{"3"}));
  EXPECT_EQ(feed.column("line"), (Texts{"\"x\""}));
  EXPECT_EQ(feed.column("/line"), (Texts{"4"}));
  EXPECT_EQ(feed.counters().name_collisions, 6U);
}

TEST(RecordBatchBuilder, AThirdOfANameIsNumbered) {
  Feed feed;
  feed.add(R"({"/a.b":1,"a":{"b":2},"a.b":3})");
  EXPECT_EQ(feed.names(), (Texts{"/a.b", "a.b", "/a.b#2"}));
  EXPECT_EQ(feed.column("/a.b#2"), (Texts{"3"}));
}

TEST(RecordBatchBuilder, BeyondMaxColumnsValuesGoToExtra) {
  ExtractOptions options = without_metadata();
  options.max_columns = 2;
  Feed feed(options);
  feed.add(R"({"a":1,"b":{"c":2},"d":3,"e":{"f":[1,2],"g":"x"}})")
      .add(R"({"d":null,"a":5})")
      .add(R"({"a":"x","h":1,"h":2})");
  EXPECT_EQ(feed.names(), (Texts{"a", "b.c", "_misfit", "_extra"}));
  EXPECT_EQ(feed.column("_extra"),
            (Texts{R"("{\"d\":3,\"e.f\":[1,2],\"e.g\":\"x\"}")", R"("{\"d\":null}")", R"("{\"h\":2}")"}));
  EXPECT_EQ(feed.column("_misfit"), (Texts{"null", "null", R"("{\"a\":\"x\",\"h\":1}")"}));
  EXPECT_EQ(feed.counters().extras, 5U);
  const Texts events = feed.events();
  EXPECT_EQ(std::count(events.begin(), events.end(), "max_columns d"), 1);
}

TEST(RecordBatchBuilder, AnyNumberOfKeysIsBounded) {
  ExtractOptions options = without_metadata();
  options.max_columns = 10;
  Feed feed(options);
  for (int i = 0; i < 5'000; ++i) feed.add("{\"key" + std::to_string(i) + "\":{\"x\":" + std::to_string(i) + "}}");
  EXPECT_EQ(feed.batch().schema()->fields.size(), 11U);
  EXPECT_EQ(feed.counters().extras, 4'990U);
  EXPECT_EQ(feed.column("_extra")[2'000], R"("{\"key2000\":{\"x\":2000}}")");  // unknown paths are kept whole
}

TEST(RecordBatchBuilder, ALongKeyIsData) {
  Feed feed;
  const std::string key(10'000, 'k');
  feed.add("{\"a\":1,\"" + key + "\":{\"b\":2}}");
  EXPECT_EQ(feed.names(), (Texts{"a", "_extra"}));
  EXPECT_EQ(feed.column("_extra"), (Texts{"\"{\\\"" + key + "\\\":{\\\"b\\\":2}}\""}));
}

TEST(RecordBatchBuilder, WidenMakesTextOfWhatWasThere) {
  Feed feed(with(OnConflict::widen));
  feed.add_all({R"({"a":1,"b":true,"l":[1,2]})", R"({"a":null})", R"({"a":"N/A"})", R"({"a":"x"})",
                R"({"b":1,"l":"s"})", R"({"a":{"k":1}})"});
  EXPECT_EQ(feed.type("a"), "string");
  EXPECT_EQ(feed.column("a"), (Texts{"\"1\"", "null", "null", "\"x\"", "null", R"("{\"k\":1}")"}));
  EXPECT_EQ(feed.column("b"), (Texts{"\"true\"", "null", "null", "null", "\"1\"", "null"}));
  EXPECT_EQ(feed.column("l"), (Texts{"\"[1,2]\"", "null", "null", "null", "\"s\"", "null"}));
  EXPECT_EQ(feed.names(), (Texts{"a", "b", "l"}));
}

TEST(RecordBatchBuilder, WidenGivesAScalarAmongObjectsAColumn) {
  Feed feed(with(OnConflict::widen));
  feed.add_all({R"({"a":{"x":1}})", R"({"a":5})", R"({"a":{"x":2}})", R"({"a":null})"});
  EXPECT_EQ(feed.column("a.x"), (Texts{"1", "null", "2", "null"}));
  EXPECT_EQ(feed.column("a"), (Texts{"null", "\"5\"", "null", "null"}));
}

TEST(RecordBatchBuilder, QuarantineTakesThePayloadBackWhole) {
  Feed feed(with(OnConflict::quarantine));
  feed.add(R"({"a":1,"b":"x"})");
  const Texts before_events = feed.events();
  feed.add(R"([{"a":2.5,"b":"y","new":1,"deep":{"er":[1]}},{"a":true}])");
  EXPECT_EQ(feed.reason(), "does_not_fit");
  EXPECT_EQ(feed.events(), Texts{});
  feed.add(R"({"a":3,"b":7})");
  EXPECT_EQ(feed.names(), (Texts{"a", "b"}));
  EXPECT_EQ(feed.type("a"), "int64");
  EXPECT_EQ(feed.column("a"), (Texts{"1", "3"}));
  EXPECT_EQ(feed.column("b"), (Texts{"\"x\"", "\"7\""}));
  EXPECT_EQ(feed.counters().rows, 2U);
  EXPECT_EQ(feed.counters().misfits, 0U);
  const auto entry = feed.quarantine().at(0);
  EXPECT_EQ(entry.message, "column 'a': expected float64, found a boolean 'true'");
  EXPECT_EQ(entry.position, 50);
}

TEST(RecordBatchBuilder, RaiseSaysWhereAndWhat) {
  Feed feed(with(OnConflict::raise));
  feed.add(R"({"sensor":{"temp":21.5}})", "plant/line1").add(R"({"sensor":{"temp":"N/A?"}})", "plant/line1");
  const Status status = feed.status();
  EXPECT_EQ(status.code(), ErrorCode::does_not_fit);
  EXPECT_EQ(status.message(),
            "column 'sensor.temp': expected float64, found a string '\"N/A?\"', in a message on topic 'plant/line1'");
  EXPECT_EQ(feed.counters().quarantined, 1U);
  EXPECT_EQ(feed.counters().payloads, 2U);
  feed.add(R"({"sensor":{"temp":1}})");
  EXPECT_TRUE(feed.status().ok());
  feed.add(R"({"sensor":5})");
  EXPECT_EQ(feed.status().code(), ErrorCode::does_not_fit);
  feed.add(R"({"sensor":{"temp":)");  // broken is not "does not fit"
  EXPECT_TRUE(feed.status().ok());
  EXPECT_EQ(feed.column("sensor.temp"), (Texts{"21.5", "1.0"}));
}

TEST(RecordBatchBuilder, RaiseStillWidensExactly) {
  Feed feed(with(OnConflict::raise));
  feed.add_all({R"({"a":1})", R"({"a":2.5})", R"({"b":1})", R"({"b":18446744073709551615})", R"({"b":"N/A"})"});
  EXPECT_TRUE(feed.status().ok());
  EXPECT_EQ(feed.type("a"), "float64");
  EXPECT_EQ(feed.type("b"), "uint64");
  Feed inexact(with(OnConflict::raise));
  inexact.add(R"({"a":9007199254740993})").add(R"({"a":2.5})");
  EXPECT_EQ(inexact.status().code(), ErrorCode::does_not_fit);
  EXPECT_EQ(inexact.column("a"), (Texts{"9007199254740993"}));
}

TEST(RecordBatchBuilder, ARefusedPayloadDecidesNoUnitOfTime) {
  for (const bool in_schema : {false, true}) {
    ExtractOptions options = with(OnConflict::quarantine);
    if (in_schema) {
      options.schema = {{"t", "", {TypeId::timestamp, TypeId::null}}, {"a", "", {TypeId::int64, TypeId::null}}};
    } else {
      options.event_time = EventTimeOptions{"t", TimeUnit::automatic};
    }
    Feed feed(std::move(options));
    feed.add(R"({"a":1})").add(R"({"t":1700000000,"a":[1]})").add(R"({"t":1700000000000,"a":2})");
    EXPECT_EQ(feed.counters().quarantined, 1U);
    EXPECT_EQ(feed.column(in_schema ? "t" : "_event_time").back().substr(0, 11), "\"2023-11-14");
    const Texts events = feed.events();
    EXPECT_EQ(std::count(events.begin(), events.end(), in_schema ? "event_time_unit t" : "event_time_unit _event_time"),
              1);
  }
}

TEST(RecordBatchBuilder, ARefusedPayloadTellsNothingAndUsesUpNoColumn) {
  ExtractOptions options = with(OnConflict::quarantine);
  options.max_columns = 2;
  Feed feed(std::move(options));
  feed.add(R"({"a":1})").add(R"({"x":1,"y":2,"z":3,"a":"N/A","x":5,"a":true})");
  feed.events();
  feed.add(R"({"z":1,"a":"N/A"})").add(R"({"a":2,"y":1})");
  EXPECT_EQ(feed.names(), (Texts{"a", "z", "_extra"}));
  EXPECT_EQ(feed.events(), (Texts{"column_added z", "na_string a", "max_columns y"}));
}

TEST(RecordBatchBuilder, APayloadThatStandsForTooMuchIsRefused) {
  ExtractOptions options = without_metadata();
  options.explode = "r";
  Feed feed(options);
  // 4 MB that would be 4 TB.
  std::string payload = "{\"s\":\"" + std::string(2'000'000, 'x') + "\",\"r\":[0";
  for (int i = 0; i < 1'000'000; ++i) payload += ",0";
  feed.add(payload + "]}");
  EXPECT_EQ(feed.reason(), "too_large");
  EXPECT_EQ(feed.batch().rows(), 0);
  EXPECT_EQ(feed.names(), Texts{});
  Feed rows;
  payload = "[{";
  for (int i = 0; i < 1'000; ++i) payload += (i > 0 ? ",\"k" : "\"k") + std::to_string(i) + "\":1";
  payload += "}";
  for (int i = 0; i < 500'000; ++i) payload += ",{}";
  rows.add(payload + "]");
  EXPECT_EQ(rows.reason(), "too_large");
}

TEST(RecordBatchBuilder, CountsMessagesAndTheirBytes) {
  Feed feed;
  feed.add("[]").add("[1,2]").add(R"([{"a":1},{"a":2}])").add("oops\xFF");
  EXPECT_EQ(feed.extractor().open_rows(), 3);
  EXPECT_EQ(feed.extractor().open_messages(), 3U);
  EXPECT_EQ(feed.extractor().take_quarantined_count(), 1U);
  EXPECT_EQ(feed.extractor().take_quarantined_count(), 0U);
  EXPECT_EQ(feed.batch().messages(), 3U);
  EXPECT_EQ(feed.batch().payload_bytes(), 2U + 5U + 17U);
  EXPECT_EQ(feed.extractor().open_messages(), 0U);
}

}  // namespace
}  // namespace honeyframe::testing
