// The rules of docs/frame-rules.md, each through the whole extractor.

#include "extractor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "allocation_counter.h"
#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

TEST(Extractor, ReadsABlockUntilTheRowsAreThere) {
  auto topics = std::make_shared<TopicDictionary>();
  MessageBlock block(1 << 16, topics);
  for (const char* const payload : {"1", "[1,{}]", "x\xFF", "[]", "4", "5"}) {
    MessageView message;
    message.topic = "t";
    message.payload = payload;
    ASSERT_TRUE(block.append(message, topics->intern("t"), false));
  }
  auto extractor = std::move(Extractor::create(without_metadata())).value();
  EXPECT_EQ(extractor->extract(block, 0, block.size(), 2).value(), 2U);  // the second brought two rows
  EXPECT_EQ(extractor->open_rows(), 3);
  EXPECT_EQ(extractor->finish()->messages(), 2U);
  EXPECT_EQ(extractor->extract(block, 2, block.size(), 2).value(), 6U);
  EXPECT_EQ(extractor->open_rows(), 2);
  EXPECT_EQ(extractor->open_messages(), 3U);
  EXPECT_EQ(extractor->take_quarantined_count(), 1U);
  EXPECT_EQ(extractor->extract(block, 6, 6, 2).value(), 6U);
  EXPECT_FALSE(extractor->full());
}

TEST(Extractor, FlattensAndKeepsTypes) {
  Feed feed;
  feed.add(
      R"({"id":"a","location":{"lat":52.5,"lon":13},"ok":true,"tags":["x","y"],"big":9007199254740993,"none":null})");
  EXPECT_EQ(feed.names(), (Texts{"id", "location.lat", "location.lon", "ok", "tags", "big", "none"}));
  Texts types;
  for (const std::string& name : feed.names()) types.push_back(feed.type(name));
  EXPECT_EQ(types, (Texts{"string", "float64", "int64", "bool", "list<string>", "int64", "null"}));
  EXPECT_EQ(feed.column("big"), (Texts{"9007199254740993"}));
}

TEST(Extractor, TheSeparatorIsTheCallers) {
  ExtractOptions options = without_metadata();
  options.separator = "__";
  Feed feed(options);
  feed.add(R"({"a":{"b.c":{"d":1}}})");
  EXPECT_EQ(feed.names(), (Texts{"a__b.c__d"}));
}

TEST(Extractor, StringsAreReadWithTheirEscapes) {
  Feed feed;
  feed.add(R"({"a":"caf\u00e9 \ud83d\ude00 \"q\" \\ \/ \n"})").add("{\"a\":\"caf\xC3\xA9\"}").add(R"({"a":""})");
  EXPECT_EQ(feed.column("a"),
            (Texts{"\"caf\xC3\xA9 \xF0\x9F\x98\x80 \\\"q\\\" \\\\ / \\n\"", "\"caf\xC3\xA9\"", "\"\""}));
}

TEST(Extractor, OneMissingValueNeverTurnsATemperatureIntoText) {
  for (const Texts& order : {Texts{R"({"t":21.5})", R"({"t":"N/A"})", R"({"t":22})"},
                             Texts{R"({"t":"N/A"})", R"({"t":21.5})", R"({"t":22})"}}) {
    Feed feed;
    feed.add_all(order);
    EXPECT_EQ(feed.type("t"), "float64");
    EXPECT_EQ(feed.counters().na_strings, 1U);
    EXPECT_EQ(feed.counters().misfits, 0U);
  }
  Feed other;  // not in na_values: kept
  other.add(R"({"t":21.5})").add(R"({"t":"sensor fault"})").add(R"({"t":"22.5"})");
  EXPECT_EQ(other.column("t"), (Texts{"21.5", "null", "22.5"}));
  EXPECT_EQ(other.column("_misfit"), (Texts{"null", R"("{\"t\":\"sensor fault\"}")", "null"}));
  EXPECT_EQ(other.counters().misfits, 1U);
  EXPECT_EQ(other.counters().numbers_from_strings, 1U);
}

TEST(Extractor, IntegersThatAFloatCannotHoldMoveToMisfit) {
  Feed feed;
  feed.add(R"({"n":9007199254740993})").add(R"({"n":1})").add(R"({"n":0.5})").add(R"({"n":9007199254740995})");
  EXPECT_EQ(feed.column("n"), (Texts{"null", "1.0", "0.5", "null"}));
  EXPECT_EQ(feed.column("_misfit"),
            (Texts{R"("{\"n\":9007199254740993}")", "null", "null", R"("{\"n\":9007199254740995}")"}));
  EXPECT_EQ(feed.counters().misfits, 2U);
}

TEST(Extractor, NumbersBeyondTheirTypesKeepTheirText) {
  Feed feed;
  feed.add(R"({"a":1.5,"b":123456789012345678901234567890,"c":-1e400})");
  feed.add(R"({"a":1e400,"b":1,"c":2})");
  EXPECT_EQ(feed.column("a"), (Texts{"1.5", "null"}));
  EXPECT_EQ(feed.column("b"), (Texts{"null", "1"}));
  EXPECT_EQ(feed.column("c"), (Texts{"null", "2"}));
  EXPECT_EQ(feed.column("_misfit"),
            (Texts{R"("{\"b\":123456789012345678901234567890,\"c\":-1e400}")", R"("{\"a\":1e400}")"}));
}

TEST(Extractor, ScalarsListsAndObjectsOfOnePath) {
  Feed feed;
  feed.add_all({R"({"a":1,"o":{"x":1},"l":[1]})", R"({"a":{"k":[1,{"z":null}]},"o":7,"l":3})",
                R"({"a":[1],"o":[2],"l":{}})", R"({"a":null,"o":null,"l":null})", R"({"o":{"x":2,"y":3}})"});
  EXPECT_EQ(feed.names(), (Texts{"a", "o.x", "l", "o.y", "_misfit"}));
  EXPECT_EQ(feed.column("_misfit"), (Texts{"null", R"("{\"a\":{\"k\":[1,{\"z\":null}]},\"o\":7,\"l\":3}")",
                                           R"("{\"a\":[1],\"o\":[2],\"l\":{}}")", "null", "null"}));
  EXPECT_EQ(feed.column("o.x"), (Texts{"1", "null", "null", "null", "2"}));
}

TEST(Extractor, ANullBeforeAnObjectDecidesNothing) {
  Feed feed;
  feed.add(R"({"a":null})").add(R"({"a":{"b":1}})");
  EXPECT_EQ(feed.names(), (Texts{"a", "a.b"}));
  EXPECT_EQ(feed.column("a.b"), (Texts{"null", "1"}));
  EXPECT_EQ(feed.type("a"), "null");
}

TEST(Extractor, WhatAPayloadSaysFirstHoldsWithinIt) {
  Feed feed;
  feed.add(R"([{"a":1},{"a":{"b":2}}])");
  EXPECT_EQ(feed.names(), (Texts{"a", "_misfit"}));
  EXPECT_EQ(feed.column("_misfit"), (Texts{"null", R"("{\"a\":{\"b\":2}}")"}));
}

TEST(Extractor, ListsOfMoreThanScalarsAreText) {
  Feed feed;
  feed.add(R"({"a":[{"x":1}, [2]]})").add(R"({"a":[1,2]})").add(R"({"b":[]})").add(R"({"b":[{"c":1}]})");
  EXPECT_EQ(feed.column("a"), (Texts{R"("[{\"x\":1}, [2]]")", "\"[1,2]\"", "null", "null"}));
  EXPECT_EQ(feed.column("b"), (Texts{"null", "null", "\"[]\"", R"("[{\"c\":1}]")"}));
}

TEST(Extractor, DuplicateKeysAreCountedAndKept) {
  Feed feed;
  feed.add(R"({"a":1,"a":"x","b":{"c":1},"b":{"c":2,"d":3}})").add(R"({"a":1,"a":2,"a":3})");
  EXPECT_EQ(feed.counters().duplicate_keys, 4U);
  EXPECT_EQ(feed.column("a"), (Texts{"\"x\"", "\"3\""}));
  EXPECT_EQ(feed.column("b.c"), (Texts{"2", "null"}));
  EXPECT_EQ(feed.column("_misfit"), (Texts{R"("{\"a\":1,\"b\":{\"c\":1}}")", R"("{\"a\":[1,2]}")"}));
}

TEST(Extractor, OneBadPayloadWithDuplicateKeysDecidesNoShape) {
  Feed feed;
  feed.add(R"({"a":1,"a":{"b":2},"c":{"d":1},"c":3})").add(R"({"a":{"b":3},"c":4})");
  EXPECT_EQ(feed.names(), (Texts{"a.b", "c", "_misfit"}));
  EXPECT_EQ(feed.column("a.b"), (Texts{"2", "3"}));
  EXPECT_EQ(feed.column("c"), (Texts{"3", "4"}));
  EXPECT_EQ(feed.column("_misfit"), (Texts{R"("{\"a\":1,\"c\":{\"d\":1}}")", "null"}));
  EXPECT_EQ(feed.counters().duplicate_keys, 2U);
  EXPECT_EQ(feed.counters().misfits, 2U);
}

TEST(Extractor, ANulInAKeyIsSpelledInTheName) {
  Feed feed;
  feed.add(R"({"a\u0000b":1,"a":2,"a\\u0000b":3,"\u0000":{"x":4}})").add(R"({"a\u0000b":true})");
  EXPECT_EQ(feed.names(), (Texts{R"(a\u0000b)", "a", R"(/a\u0000b)", R"(\u0000.x)", "_misfit"}));
  EXPECT_EQ(feed.column(R"(a\u0000b)"), (Texts{"1", "null"}));
  EXPECT_EQ(feed.column(R"(/a\u0000b)"), (Texts{"3", "null"}));
  EXPECT_EQ(feed.counters().name_collisions, 1U);
  // The text is JSON: its key, read, is the column's name.
  EXPECT_EQ(feed.column("_misfit")[1], R"("{\"a\\\\u0000b\":true}")");
  ExtractOptions options = without_metadata();
  options.columns = {R"(a\u0000b)"};
  Feed filtered(options);
  filtered.add(R"({"a\u0000b":1,"a":2})");
  EXPECT_EQ(filtered.names(), (Texts{R"(a\u0000b)"}));
  EXPECT_EQ(filtered.column(R"(a\u0000b)"), (Texts{"1"}));
  options = without_metadata();
  options.schema = std::vector<ColumnSpec>{{"n", std::string("a\0b", 3), {TypeId::int64, TypeId::null}}};
  Feed fixed(options);
  fixed.add(R"({"a\u0000b":1,"a":2})");
  EXPECT_EQ(fixed.column("n"), (Texts{"1"}));
}

TEST(Extractor, ExtraHasKeysAsTheyCame) {
  ExtractOptions options = without_metadata();
  options.max_columns = 1;
  Feed feed(options);
  feed.add(R"({"a":1,"b\u0000":{"c\u0000":2}})");
  EXPECT_EQ(feed.column("_extra"), (Texts{R"("{\"b\\u0000.c\\u0000\":2}")"}));
}

TEST(Extractor, OnlyTheColumnsAskedFor) {
  ExtractOptions options = without_metadata();
  options.columns = {"temp", "location", "value"};
  Feed feed(options);
  feed.add(R"({"temp":1,"hum":2,"location":{"lat":1.5,"deep":{"er":2}},"locations":3})")
      .add("7")
      .add("text")
      .add(R"({"temp":"x"})");
  EXPECT_EQ(feed.names(), (Texts{"temp", "location.lat", "location.deep.er", "value", "_misfit"}));
  EXPECT_EQ(feed.column("value"), (Texts{"null", "7", "null", "null"}));
}

TEST(Extractor, ASchemaReadsItsPathsOnly) {
  ExtractOptions options = without_metadata();
  const auto type = [](TypeId id) { return DataType{id, TypeId::null}; };
  options.schema = std::vector<ColumnSpec>{{"t", "sensor.temp", type(TypeId::float64)},
                                           {"first", "/values/0", type(TypeId::int64)},
                                           {"nested", "/values/1/x", type(TypeId::string)},
                                           {"dotted", "/a.b", type(TypeId::boolean)},
                                           {"sensor", "", type(TypeId::string)},
                                           {"again", "sensor.temp", type(TypeId::string)},
                                           {"when", "ts", type(TypeId::timestamp)},
                                           {"raw", "blob", type(TypeId::binary)},
                                           {"all", "values", {TypeId::list, TypeId::int64}}};
  Feed feed(options);
  feed.add(
      R"({"sensor":{"temp":21},"values":[5,{"x":true}],"a.b":true,"ts":1718280000000,"blob":"\u0001x","other":[1,2]})");
  feed.add(R"({"values":[7,8,9],"sensor":{"temp":"warm"},"ts":"2024-06-13T12:00:00Z"})");
  feed.add(R"({"unknown":1})");
  EXPECT_EQ(feed.names(),
            (Texts{"t", "first", "nested", "dotted", "sensor", "again", "when", "raw", "all", "_misfit"}));
  EXPECT_EQ(feed.column("t"), (Texts{"21.0", "null", "null"}));
  EXPECT_EQ(feed.column("first"), (Texts{"5", "7", "null"}));
  EXPECT_EQ(feed.column("nested"), (Texts{"\"true\"", "null", "null"}));
  EXPECT_EQ(feed.column("dotted"), (Texts{"true", "null", "null"}));
  EXPECT_EQ(feed.column("sensor"), (Texts{R"("{\"temp\":21}")", R"("{\"temp\":\"warm\"}")", "null"}));
  EXPECT_EQ(feed.column("again"), (Texts{"\"21\"", "\"warm\"", "null"}));
  EXPECT_EQ(feed.column("when"), (Texts{"\"2024-06-13T12:00:00Z\"", "\"2024-06-13T12:00:00Z\"", "null"}));
  EXPECT_EQ(feed.column("raw")[0], "\"AXg=\"");
  EXPECT_EQ(feed.column("all"), (Texts{"null", "[7,8,9]", "null"}));
  EXPECT_EQ(feed.column("_misfit"), (Texts{R"("{\"all\":[5,{\"x\":true}]}")", R"("{\"t\":\"warm\"}")", "null"}));
  EXPECT_EQ(feed.type("t"), "float64");
}

TEST(Extractor, ADottedSchemaPathFindsAKeyWithADotToo) {
  ExtractOptions options = without_metadata();
  options.schema = std::vector<ColumnSpec>{{"a.b", "", {TypeId::int64, TypeId::null}}};
  Feed feed(options);
  feed.add(R"({"a":{"b":1}})").add(R"({"a.b":2})").add(R"({"a":{"b":3},"a.b":4})");
  EXPECT_EQ(feed.column("a.b"), (Texts{"1", "2", "3"}));
  EXPECT_EQ(feed.column("_misfit"), (Texts{"null", "null", R"("{\"a.b\":4}")"}));
}

TEST(Extractor, ASchemaStaysWhateverComes) {
  ExtractOptions options = without_metadata();
  options.schema = std::vector<ColumnSpec>{{"a", "", {TypeId::int64, TypeId::null}}};
  for (const OnConflict on_conflict : {OnConflict::keep, OnConflict::widen}) {
    options.on_conflict = on_conflict;
    Feed feed(options);
    feed.add(R"({"a":1})").add(R"({"a":"x"})").add("3").add("[{\"a\":2}]");
    EXPECT_EQ(feed.type("a"), "int64");
    EXPECT_EQ(feed.column("a"), (Texts{"1", "null", "null", "2"}));
    EXPECT_EQ(feed.column("_misfit")[1], R"("{\"a\":\"x\"}")");
  }
}

TEST(Extractor, BareValuesFitASchemaByTheirNames) {
  ExtractOptions options = without_metadata();
  options.schema = std::vector<ColumnSpec>{{"value", "", {TypeId::float64, TypeId::null}},
                                           {"state", "value_text", {TypeId::string, TypeId::null}}};
  Feed feed(options);
  feed.add("21").add("online").add(R"({"value":3})");
  EXPECT_EQ(feed.column("value"), (Texts{"21.0", "null", "3.0"}));
  EXPECT_EQ(feed.column("state"), (Texts{"null", "\"online\"", "null"}));
}

TEST(Extractor, ExplodeRepeatsWhatIsAround) {
  ExtractOptions options = without_metadata();
  options.explode = "data.readings";
  Feed feed(options);
  feed.add(R"({"id":"x","data":{"readings":[{"t":1,"ts":10},{"t":"N/A"},7],"unit":"C"},"seq":1e400})");
  feed.add(R"({"id":"y","data":{"unit":"K"}})").add(R"({"id":"z","data":{"readings":[]}})").add("5");
  EXPECT_EQ(feed.names(), (Texts{"id", "data.unit", "seq", "data.readings.t", "data.readings.ts", "data.readings",
                                 "value", "_misfit"}));
  EXPECT_EQ(feed.column("id"), (Texts{"\"x\"", "\"x\"", "\"x\"", "\"y\"", "\"z\"", "null"}));
  EXPECT_EQ(feed.column("data.readings.t"), (Texts{"1", "null", "null", "null", "null", "null"}));
  EXPECT_EQ(feed.column("data.readings"), (Texts{"null", "null", "7", "null", "null", "null"}));
  EXPECT_EQ(feed.column("data.unit"), (Texts{"\"C\"", "\"C\"", "\"C\"", "\"K\"", "null", "null"}));
  EXPECT_EQ(feed.column("_misfit")[2], R"("{\"seq\":1e400}")");
  EXPECT_EQ(feed.counters().rows, 6U);
}

TEST(Extractor, ExplodeWithASchema) {
  ExtractOptions options = without_metadata();
  options.explode = "readings";
  options.schema = std::vector<ColumnSpec>{{"id", "", {TypeId::string, TypeId::null}},
                                           {"t", "readings.t", {TypeId::float64, TypeId::null}}};
  Feed feed(options);
  feed.add(R"({"readings":[{"t":1,"u":2},{"t":2},3],"id":"x"})");
  EXPECT_EQ(feed.names(), (Texts{"id", "t"}));
  EXPECT_EQ(feed.column("id"), (Texts{"\"x\"", "\"x\"", "\"x\""}));
  EXPECT_EQ(feed.column("t"), (Texts{"1.0", "2.0", "null"}));
}

TEST(Extractor, AnEmptyPayloadIsARowOfNulls) {
  for (const PayloadMode mode : {PayloadMode::automatic, PayloadMode::json, PayloadMode::text, PayloadMode::raw}) {
    ExtractOptions options = without_metadata();
    options.metadata.topic = true;
    options.payload = mode;
    Feed feed(options);
    feed.add("");
    EXPECT_EQ(feed.batch().rows(), 1);
    EXPECT_EQ(feed.column("_topic"), (Texts{"\"t\""}));
    EXPECT_EQ(feed.counters().empty_payloads, 1U);
    EXPECT_EQ(feed.counters().quarantined, 0U);
  }
}

TEST(Extractor, PayloadModes) {
  Feed automatic;
  automatic.add("21.5")
      .add("true")
      .add("online")
      .add("null")
      .add(R"({"value":3})")
      .add("\"quoted\"")
      .add("1e400")
      .add("18446744073709551615");
  EXPECT_EQ(automatic.names(), (Texts{"value", "value_bool", "value_text", "_misfit"}));
  EXPECT_EQ(automatic.column("value"), (Texts{"21.5", "null", "null", "null", "3.0", "null", "null", "null"}));
  EXPECT_EQ(automatic.column("value_text")[2], "\"online\"");
  EXPECT_EQ(automatic.column("value_text")[5], "\"quoted\"");
  EXPECT_EQ(automatic.column("_misfit")[6], R"("{\"value\":1e400}")");
  EXPECT_EQ(automatic.column("_misfit")[7], R"("{\"value\":18446744073709551615}")");
  ExtractOptions options = without_metadata();
  options.payload = PayloadMode::raw;
  Feed raw(options);
  raw.add("\x01\xFF");
  EXPECT_EQ(raw.type("value_raw"), "binary");
  EXPECT_EQ(raw.column("value_raw"), (Texts{"\"Af8=\""}));
  options.payload = PayloadMode::text;
  Feed text(options);
  text.add("{\"a\":1}").add("\xFF");
  EXPECT_EQ(text.column("value_text"), (Texts{R"("{\"a\":1}")"}));
  EXPECT_EQ(text.reason(), "invalid_utf8");
}

TEST(Extractor, TextThatBeganLikeANumberDecidesNothing) {
  Feed feed;
  feed.add("1 2").add(R"({"value":{"x":1}})");
  EXPECT_EQ(feed.names(), (Texts{"value_text", "value.x"}));
}

TEST(Extractor, QuarantineKeepsEnoughToReadAgain) {
  Feed feed;
  MessageView message;
  message.topic = "plant/x";
  message.payload = "{\"a\":1,";
  message.receive_time_ns = 42;
  message.qos = 1;
  message.retain = true;
  feed.add("1").add(message);
  const auto entries = feed.quarantine();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].topic, "plant/x");
  EXPECT_EQ(entries[0].receive_time_ns, 42);
  EXPECT_EQ(entries[0].payload_index, 1U);
  EXPECT_EQ(entries[0].reason, "truncated");
  EXPECT_FALSE(entries[0].message.empty());
  EXPECT_EQ(entries[0].position, 7);
  EXPECT_EQ(entries[0].payload, "{\"a\":1,");
  EXPECT_TRUE(entries[0].retain);
  EXPECT_EQ(entries[0].qos, 1);
}

TEST(Extractor, QuarantineIsBounded) {
  ExtractOptions options = without_metadata();
  options.max_quarantine_messages = 3;
  Feed feed(options);
  for (int i = 0; i < 10; ++i) feed.add("{" + std::to_string(i));
  EXPECT_EQ(feed.counters().quarantined, 10U);
  EXPECT_EQ(feed.counters().quarantine_evicted, 7U);
  EXPECT_EQ(feed.quarantine().size(), 3U);
  EXPECT_EQ(feed.quarantine().back().payload, "{9");
}

TEST(Extractor, NotStrictLeavesUnreadScalarsUnchecked) {
  ExtractOptions options = without_metadata();
  options.columns = {"a"};
  options.strict = false;
  Feed lax(options);
  lax.add(R"({"a":1,"b":tru,"c":[01,"\q"]})");
  EXPECT_EQ(lax.column("a"), (Texts{"1"}));
  lax.add(R"({"a":tru})").add(R"({"a":1,"b":[}})");
  EXPECT_EQ(lax.counters().quarantined, 2U);
}

TEST(Extractor, EveryRowLandsInEveryColumn) {
  Feed feed;
  for (int i = 0; i < 1'000; ++i) {
    feed.add("{\"k" + std::to_string(i % 97) + "\":" + (i % 5 == 0 ? "\"s\"" : std::to_string(i)) + ",\"l\":[" +
             (i % 3 == 0 ? "" : "1") + "]" + (i % 11 == 0 ? "," : "}"));
  }
  for (const Column& column : feed.batch().columns()) EXPECT_EQ(column.length, feed.batch().rows());
  EXPECT_EQ(feed.batch().rows(), 909);
}

TEST(Extractor, TellsEachChangeOnce) {
  Feed feed;
  for (int i = 0; i < 3; ++i) {
    feed.add(R"({"a":1,"b":1})").add(R"({"a":1.5,"b":"x"})").add(R"({"a":"2","b":"N/A"})");
  }
  EXPECT_EQ(feed.events(), (Texts{"column_added a", "column_added b", "column_widened a", "misfit b",
                                  "number_from_string a", "na_string b"}));
  EXPECT_EQ(feed.events(), Texts{});
}

// Wherever memory runs out: the payload is counted as quarantined, nothing of it is left, and reading goes on.
TEST(Extractor, APayloadThereIsNoMemoryForLeavesNoTrace) {
  const std::string text(2'000, 'x');
  const std::string large = R"({"a":0.5,"l":[0.5],"s":")" + text + R"(","new":{"x":")" + text +
                            R"("},"list":["b","c"],"a":1.5,"s":[1],"b":{"not":"a bool"}})";
  for (const OnConflict mode : {OnConflict::keep, OnConflict::widen}) {
    bool refused = true;
    for (std::uint64_t after = 0; refused; ++after) {
      SCOPED_TRACE(after);
      ASSERT_LT(after, 1'000U);
      ExtractOptions options = without_metadata();
      options.on_conflict = mode;
      Feed feed(std::move(options));
      feed.add(R"({"a":9007199254740993,"l":[1],"s":"first","b":true})");
      auto topics = std::make_shared<TopicDictionary>();
      MessageBlock block(large.size() + kPayloadPadding, topics, 1);
      MessageView message;
      message.topic = "t";
      message.payload = large;
      ASSERT_TRUE(block.append(message, topics->intern("t"), false));
      {
        const FailingAllocations failing(after);
        ASSERT_TRUE(feed.extractor().extract(block, 0, 1, 1'000).ok());
      }
      refused = feed.counters().quarantined == 1;
      EXPECT_EQ(feed.extractor().open_rows(), refused ? 1 : 2);
      feed.add(R"({"a":2,"l":[2],"s":"last","b":false})");
      if (!refused) break;
      EXPECT_EQ(feed.names(), (Texts{"a", "l", "s", "b"}));
      EXPECT_EQ(feed.column("a"), (Texts{"9007199254740993", "2"}));
      EXPECT_EQ(feed.column("l"), (Texts{"[1]", "[2]"}));
      EXPECT_EQ(feed.column("s"), (Texts{"\"first\"", "\"last\""}));
      EXPECT_EQ(feed.column("b"), (Texts{"true", "false"}));
    }
  }
}

}  // namespace
}  // namespace honeyframe::testing
