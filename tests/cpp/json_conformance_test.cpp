// payload="json": what is JSON and what is not, with the word that each break gets. The cases of JSONTestSuite are in
// tests/python/test_json_suite.py.

#include <gtest/gtest.h>

#include <string>

#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

ExtractOptions strict_json() {
  ExtractOptions options = without_metadata();
  options.payload = PayloadMode::json;
  return options;
}

// "accepted", "empty", or the reason of the refusal.
std::string verdict(std::string_view payload) {
  Feed feed(strict_json());
  feed.add(payload);
  if (feed.counters().quarantined > 0) return feed.reason();
  return feed.counters().empty_payloads > 0 ? "empty" : "accepted";
}

// Each kind of break, with the word it gets.
struct Case {
  const char* payload;
  const char* verdict;
};

TEST(JsonConformance, EveryBreakHasItsWord) {
  const Case cases[] = {
      {"{}", "accepted"},
      {" [ ] ", "accepted"},
      {"0", "accepted"},
      {"-0", "accepted"},
      {"\"\"", "accepted"},
      {"\"\\ud834\\udd1e\"", "accepted"},
      {"null", "accepted"},
      {"\xEF\xBB\xBF{\"a\":1}", "accepted"},
      {" ", "empty_document"},
      {"\xEF\xBB\xBF", "empty_document"},
      {"\n\t\r ", "empty_document"},
      {"{", "truncated"},
      {"[", "truncated"},
      {"{\"a", "truncated"},
      {"{\"a\"", "truncated"},
      {"{\"a\":", "truncated"},
      {"{\"a\":1", "truncated"},
      {"{\"a\":1,", "truncated"},
      {"{\"a\":12.", "truncated"},
      {"{\"a\":-", "truncated"},
      {"{\"a\":tru", "truncated"},
      {"{\"a\":n", "truncated"},
      {"[1,", "truncated"},
      {"[[1]", "truncated"},
      {"{\"a\":\"x\\\"}", "truncated"},
      {"[1,]", "trailing_comma"},
      {"{\"a\":1,}", "trailing_comma"},
      {"[,1]", "missing_value"},
      {"[1,,2]", "missing_value"},
      {"{\"a\":}", "missing_value"},
      {"{\"a\":,\"b\":1}", "missing_value"},
      {"[1 2]", "missing_comma"},
      {"{\"a\":1 \"b\":2}", "missing_comma"},
      {"[\"a\"\"b\"]", "missing_comma"},
      {"[\"a\"1]", "missing_comma"},
      {"[1:2]", "missing_comma"},
      {"{\"a\" 1}", "missing_colon"},
      {"{\"a\",1}", "missing_colon"},
      {"{\"a\":\"b\":1}", "missing_comma"},
      {"{a:1}", "invalid_key"},
      {"{1:1}", "invalid_key"},
      {"{'a':1}", "invalid_key"},
      {"{null:1}", "invalid_key"},
      {"[1}", "unbalanced"},
      {"{\"a\":1]", "unbalanced"},
      {"{]", "unbalanced"},
      {"[1]]", "trailing_content"},
      {"{}{}", "trailing_content"},
      {"{\"a\":1} foo", "trailing_content"},
      {"{\"a\":1}\n{\"a\":2}", "trailing_content"},
      {"1 2", "trailing_content"},
      {"\"a\" x", "trailing_content"},
      {"[01]", "invalid_number"},
      {"[1.]", "invalid_number"},
      {"[.5]", "invalid_number"},
      {"[+1]", "invalid_number"},
      {"[-]", "invalid_number"},
      {"[1e]", "invalid_number"},
      {"[1e+]", "invalid_number"},
      {"[1.5.2]", "invalid_number"},
      {"[0x1F]", "invalid_number"},
      {"[1_000]", "invalid_number"},
      {"[1a]", "invalid_number"},
      {"[--1]", "invalid_number"},
      {"[1\"a\"]", "invalid_number"},
      {"[NaN]", "nan_or_infinity"},
      {"{\"a\":nan}", "nan_or_infinity"},
      {"[Infinity]", "nan_or_infinity"},
      {"[-Infinity]", "nan_or_infinity"},
      {"{\"a\":-inf}", "nan_or_infinity"},
      {"NaN", "nan_or_infinity"},
      {"[tru]", "invalid_literal"},
      {"[True]", "invalid_literal"},
      {"[nulls]", "invalid_literal"},
      {"[truefalse]", "invalid_literal"},
      {"[undefined]", "invalid_literal"},
      {"[\"\\q\"]", "invalid_string"},
      {"[\"\\u12\"]", "invalid_string"},
      {"[\"\\u12G4\"]", "invalid_string"},
      {"[\"\\ud800\"]", "invalid_string"},
      {"[\"\\udc00\"]", "invalid_string"},
      {"[\"\\ud800\\ud800\"]", "invalid_string"},
      {"{\"\\x\":1}", "invalid_string"},
      {"[\"a\tb\"]", "invalid_string"},
      {"[\"a\nb\"]", "invalid_string"},
      {"[\"\xFF\"]", "invalid_utf8"},
      {"[\"\xC0\xAF\"]", "invalid_utf8"},
      {"[\"\xED\xA0\x80\"]", "invalid_utf8"},
      {"[\"\xF4\x90\x80\x80\"]", "invalid_utf8"},
      {"[\"\xE2\x82\"]", "invalid_utf8"},
      {"{\"\xFF\":1}", "invalid_utf8"},
      {"{\"a\"\xA9:\\e}", "invalid_utf8"},  // the first from the left
      {"{\"a\"\xA0:\"\\udc00\"}", "invalid_utf8"},
      {"[1\xFF]", "invalid_number"},
      {"[tru\xFF]", "invalid_literal"},
      {"[tru\n", "invalid_literal"},
      {"[TRU", "invalid_literal"},
      {"[tru\"", "invalid_literal"},
      {"hello", "invalid_literal"},
      {"<html>", "invalid_literal"},
      {"//x\n{}", "invalid_literal"},
      {"[1] // x", "trailing_content"},
  };
  for (const Case& one : cases) EXPECT_EQ(verdict(one.payload), one.verdict) << one.payload;
  EXPECT_EQ(verdict(std::string_view("[\0]", 3)), "invalid_literal");
  EXPECT_EQ(verdict(std::string_view("[1]\0", 4)), "trailing_content");
  EXPECT_EQ(verdict(std::string_view("[1\0]", 4)), "invalid_number");
  EXPECT_EQ(verdict(std::string_view("\0", 1)), "invalid_literal");
}

TEST(JsonConformance, NothingDependsOnWhereInTheDocumentItStands) {
  // Unread, too: a list that becomes text, a column that is not asked for, a value under `_extra`.
  for (const char* const bad : {"tru", "01", "1.", "\"\\q\"", "NaN", "[1,]", "{\"x\" 1}", "[1}", "\"\\ud800\""}) {
    const std::string value = bad;
    EXPECT_NE(verdict("{\"a\":" + value + "}"), "accepted") << bad;
    EXPECT_NE(verdict("{\"a\":[" + value + "]}"), "accepted") << bad;
    EXPECT_NE(verdict("{\"a\":[{\"b\":" + value + "}]}"), "accepted") << bad;
    EXPECT_NE(verdict("{\"a\":{\"b\":{\"c\":" + value + "}}}"), "accepted") << bad;
    EXPECT_NE(verdict("[{\"a\":1},{\"a\":" + value + "}]"), "accepted") << bad;
    EXPECT_NE(verdict("[{\"a\":1},[" + value + "]]"), "accepted") << bad;
    ExtractOptions narrow = strict_json();
    narrow.columns = {"z"};
    EXPECT_EQ(Feed(narrow).add("{\"a\":" + value + ",\"z\":1}").counters().quarantined, 1U) << bad;
    ExtractOptions schema = strict_json();
    schema.schema = std::vector<ColumnSpec>{{"z", "", {TypeId::int64, TypeId::null}}};
    EXPECT_EQ(Feed(schema).add("{\"a\":{\"b\":" + value + "},\"z\":1}").counters().quarantined, 1U) << bad;
    ExtractOptions few = strict_json();
    few.max_columns = 1;
    EXPECT_EQ(Feed(few).add("{\"z\":1,\"a\":[{\"b\":" + value + "}]}").counters().quarantined, 1U) << bad;
  }
}

}  // namespace
}  // namespace honeyframe::testing
