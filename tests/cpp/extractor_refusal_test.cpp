// A payload, a list or an earlier value of a key that is refused leaves nothing: no count, and nothing that it would
// have decided for later ones. And it takes nothing else away.

#include <gtest/gtest.h>

#include <string>

#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

ExtractOptions quarantining() {
  ExtractOptions options = without_metadata();
  options.on_conflict = OnConflict::quarantine;
  return options;
}

TEST(ExtractorRefusal, AListThatDoesNotFitCountsOnceOnly) {
  Feed feed;
  feed.add_all({R"({"a":[1.5]})", R"({"a":["N/A","7","x"]})"});
  EXPECT_EQ(feed.column("a"), Texts({"[1.5]", "null"}));
  EXPECT_EQ(feed.counters().misfits, 1u);
  EXPECT_EQ(feed.counters().na_strings, 0u);
  EXPECT_EQ(feed.counters().numbers_from_strings, 0u);
}

TEST(ExtractorRefusal, AListThatDoesNotFitHasNoNegativeNumbers) {
  Feed feed;
  feed.add_all({R"({"a":[6]})", R"({"a":[-25,true]})", R"({"a":[9223372036854775809]})"});
  EXPECT_EQ(feed.type("a"), "list<uint64>");
  EXPECT_EQ(feed.column("a"), Texts({"[6]", "null", "[9223372036854775809]"}));
}

TEST(ExtractorRefusal, APayloadThatIsRefusedHasNoNegativeNumbers) {
  Feed feed(quarantining());
  feed.add_all({R"({"a":1,"b":1})", R"({"a":-1,"b":"x"})", R"({"a":18446744073709551615})"});
  EXPECT_EQ(feed.type("a"), "uint64");
  EXPECT_EQ(feed.column("a"), Texts({"1", "18446744073709551615"}));
  EXPECT_EQ(feed.reason(), "does_not_fit");
}

TEST(ExtractorRefusal, ButThoseOfEarlierBatchesAreRemembered) {
  Feed feed(quarantining());
  feed.add_all({R"({"a":-1,"b":1})"}).finish();
  feed.add_all({R"({"a":1,"b":"x"})", R"({"a":2,"b":1})", R"({"a":18446744073709551615})"});
  feed.finish();
  EXPECT_EQ(feed.column("a"), Texts({"2"}));
  EXPECT_EQ(feed.counters().quarantined, 2u);
}

TEST(ExtractorRefusal, APayloadThatIsRefusedHasNoText) {
  Feed feed(quarantining());
  feed.add_all({R"({"a":"N/A","b":1})", R"({"a":"x","b":"y"})", R"({"a":5,"b":1})"});
  EXPECT_EQ(feed.type("a"), "int64");
  EXPECT_EQ(feed.column("a"), Texts({"null", "5"}));
  EXPECT_EQ(feed.counters().na_strings, 1u);
}

TEST(ExtractorRefusal, TextThatStaysKeepsAColumnText) {
  Feed feed;
  feed.add_all({R"({"a":"N/A"})", R"({"a":"x"})", R"({"a":5})", R"({"a":"N/A"})"});
  EXPECT_EQ(feed.column("a"), Texts({"\"N/A\"", "\"x\"", "\"5\"", "\"N/A\""}));
}

// The key "a.b" has the name first; what is nested, whether it has a column or not, its pointer.
TEST(ExtractorRefusal, WhatHasNoColumnYetIsNamedAsItsColumnWouldBe) {
  Feed feed;
  feed.add_all({R"({"a.b":1,"a":{"b":3,"b":2}})", R"({"a.b":1,"a":{"b":3,"b":4}})"});
  EXPECT_EQ(feed.column("/a/b"), Texts({"2", "4"}));
  EXPECT_EQ(feed.column("_misfit"), Texts({R"("{\"/a/b\":3}")", R"("{\"/a/b\":3}")"}));
  Feed objects;
  objects.add_all({R"({"a.b":1,"a":{"b":{"c":1}}})", R"({"a":{"b":5}})"});
  EXPECT_EQ(objects.column("_misfit"), Texts({"null", R"("{\"/a/b\":5}")"}));
}

TEST(ExtractorRefusal, AKeyTwiceAroundAnExplodedArrayTakesItsRowsNotAway) {
  ExtractOptions options = without_metadata();
  options.explode = "r";
  Feed feed(options);
  feed.add(R"({"c":1,"r":[5,6],"c":2})");
  EXPECT_EQ(feed.column("r"), Texts({"5", "6"}));
  EXPECT_EQ(feed.column("c"), Texts({"2", "2"}));
  options.explode = "a.r";
  Feed nested(options);
  nested.add(R"({"a":{"r":[5,6]},"a":{"b":1}})");  // here it goes with the earlier one
  EXPECT_EQ(nested.column("a.b"), Texts({"1"}));
  EXPECT_EQ(nested.column("_misfit"), Texts({R"("{\"a\":{\"r\":[5,6]}}")"}));
}

TEST(ExtractorRefusal, BelowAnEmptyKeyALongOneHasItsPath) {
  const std::string key(512, 'k');
  Feed feed;
  feed.add(R"({"":{")" + key + R"(":1}})");
  EXPECT_EQ(feed.column("_extra"), Texts({R"("{\".)" + key + R"(\":1}")"}));
}

}  // namespace
}  // namespace honeyframe::testing
