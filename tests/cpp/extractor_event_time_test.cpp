// Extractor: event_time=, beside its source or without it.

#include <gtest/gtest.h>

#include <algorithm>

#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

TEST(ExtractorEventTime, StandsBesideItsSource) {
  ExtractOptions options = without_metadata();
  options.event_time = EventTimeOptions{"meta.ts", TimeUnit::automatic};
  Feed feed(options);
  feed.add_all({R"({"meta":{"ts":1718280000500}})", R"({"meta":{"ts":"2024-06-13T12:00:01Z"}})",
                R"({"meta":{"ts":"soon"}})", R"({"meta":{"ts":null}})", R"({"v":1})",
                R"({"meta":{"ts":"2024-06-13T12:00:00"}})", R"({"meta":{"ts":"1718280002000"}})"});
  EXPECT_EQ(feed.column("_event_time"), (Texts{"\"2024-06-13T12:00:00.5Z\"", "\"2024-06-13T12:00:01Z\"", "null", "null",
                                               "null", "null", "\"2024-06-13T12:00:02Z\""}));
  EXPECT_EQ(feed.type("meta.ts"), "int64");
  EXPECT_EQ(feed.counters().bad_event_times, 4U);
  const Texts events = feed.events();
  EXPECT_EQ(std::count(events.begin(), events.end(), "event_time_unit _event_time"), 1);
}

TEST(ExtractorEventTime, NeedsNoColumnOfItsSource) {
  ExtractOptions options = without_metadata();
  options.event_time = EventTimeOptions{"ts", TimeUnit::seconds};
  options.zone = {{0, 7200}};
  options.columns = {"v"};
  Feed feed(options);
  feed.add(R"({"ts":"2024-06-13T14:00:00","v":1})");
  EXPECT_EQ(feed.names(), (Texts{"_event_time", "v"}));
  EXPECT_EQ(feed.column("_event_time"), (Texts{"\"2024-06-13T12:00:00Z\""}));
  options.columns.clear();
  options.schema = std::vector<ColumnSpec>{{"v", "", {TypeId::int64, TypeId::null}}};
  Feed schema(options);
  schema.add(R"({"v":1,"ts":1718280000})");
  EXPECT_EQ(schema.column("_event_time"), (Texts{"\"2024-06-13T12:00:00Z\""}));
  options.schema.reset();
  options.event_time->path = "/ts/0";  // the first of a list
  Feed list(options);
  list.add(R"({"ts":[1718280000,5]})");
  EXPECT_EQ(list.column("_event_time"), (Texts{"\"2024-06-13T12:00:00Z\""}));
  EXPECT_EQ(list.column("ts"), (Texts{"[1718280000,5]"}));
}

// `a` was read for its time alone, and for what lies under it: what columns= does not name is no misfit, and no column.
TEST(ExtractorEventTime, IsNoMisfitWhereObjectsHaveBeenAndNoColumnNamesIt) {
  for (const OnConflict on_conflict : {OnConflict::keep, OnConflict::widen, OnConflict::raise}) {
    ExtractOptions options = without_metadata();
    options.event_time = EventTimeOptions{"a", TimeUnit::seconds};
    options.columns = {"/a/b", "v"};
    options.on_conflict = on_conflict;
    Feed feed(options);
    feed.add_all({R"({"a":{"ts":750}})", R"({"a":-1e400,"v":1})", R"({"a":3})"});
    EXPECT_EQ(feed.names(), (Texts{"_event_time", "v"}));
    EXPECT_EQ(feed.column("_event_time")[2].substr(0, 20), "\"1970-01-01T00:00:03");
    EXPECT_EQ(feed.counters().misfits, 0U);
  }
}

TEST(ExtractorEventTime, OfDuplicatesTheLastCounts) {
  ExtractOptions options = without_metadata();
  options.event_time = EventTimeOptions{"ts", TimeUnit::seconds};
  options.columns = {"a"};
  Feed feed(options);
  feed.add(R"({"ts":1,"a":5,"ts":2})");
  EXPECT_EQ(feed.names(), (Texts{"_event_time", "a"}));
  EXPECT_EQ(feed.column("_event_time")[0].substr(0, 20), "\"1970-01-01T00:00:02");
}

TEST(ExtractorEventTime, IsThatOfEachElement) {
  ExtractOptions options = without_metadata();
  options.explode = "r";
  options.event_time = EventTimeOptions{"r.ts", TimeUnit::automatic};
  Feed feed(options);
  feed.add(R"({"r":[{"ts":1718280000},{"ts":1718280001},{}]})");
  EXPECT_EQ(feed.column("_event_time"), (Texts{"\"2024-06-13T12:00:00Z\"", "\"2024-06-13T12:00:01Z\"", "null"}));
}

}  // namespace
}  // namespace honeyframe::testing
