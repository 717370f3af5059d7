// payload="json" against every file of JSONTestSuite (github.com/nst/JSONTestSuite), where a copy of it is at hand:
// $HONEYFRAME_JSON_TEST_SUITE, or shared/data/JSONTestSuite beside the repository. And a set of our own that is always
// there.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

namespace fs = std::filesystem;

fs::path suite_folder() {
  if (const char* const given = std::getenv("HONEYFRAME_JSON_TEST_SUITE")) return given;
  std::error_code ignored;
  for (fs::path folder = fs::absolute(__FILE__).parent_path(); folder.has_relative_path();
       folder = folder.parent_path()) {
    for (const char* const place : {"../shared/data/JSONTestSuite", "shared/data/JSONTestSuite"}) {
      if (fs::is_directory(folder / place / "test_parsing", ignored)) return folder / place;
    }
  }
  return {};
}

std::string contents(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

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

std::map<std::string, std::string> verdicts(char kind) {
  std::map<std::string, std::string> results;
  for (const auto& entry : fs::directory_iterator(suite_folder() / "test_parsing")) {
    const std::string name = entry.path().filename();
    if (name.starts_with(kind)) results[name] = verdict(contents(entry.path()));
  }
  return results;
}

#define SKIP_WITHOUT_SUITE() \
  if (suite_folder().empty()) GTEST_SKIP() << "no copy of JSONTestSuite: set HONEYFRAME_JSON_TEST_SUITE"

TEST(JsonConformance, AcceptsEverythingThatIsJson) {
  SKIP_WITHOUT_SUITE();
  const auto results = verdicts('y');
  EXPECT_EQ(results.size(), 95U);
  for (const auto& [name, result] : results) EXPECT_EQ(result, "accepted") << name;
}

TEST(JsonConformance, RefusesEverythingThatIsNot) {
  SKIP_WITHOUT_SUITE();
  const auto results = verdicts('n');
  EXPECT_EQ(results.size(), 188U);
  for (const auto& [name, result] : results) {
    // No bytes at all are MQTT's way to clear a retained message: counted as such, and no document.
    EXPECT_NE(result, "accepted") << name;
    EXPECT_EQ(result == "empty", name == "n_structure_no_data.json") << name;
  }
}

TEST(JsonConformance, WhatTheStandardLeavesOpenIsPinned) {
  SKIP_WITHOUT_SUITE();
  const auto results = verdicts('i');
  EXPECT_EQ(results.size(), 35U);
  for (const auto& [name, result] : results) {
    std::string expected = "invalid_utf8";
    if (name.starts_with("i_number") || name == "i_structure_UTF-8_BOM_empty_object.json") {
      expected = "accepted";
    } else if (name == "i_structure_500_nested_arrays.json") {
      expected = "too_deep";
    } else if (name == "i_string_utf16BE_no_BOM.json" || name == "i_string_utf16LE_no_BOM.json") {
      expected = "invalid_literal";  // NUL bytes between the characters
    } else if (name.find("urrogate") != std::string::npos && name != "i_string_UTF8_surrogate_U+D800.json") {
      expected = "invalid_string";
    }
    EXPECT_EQ(result, expected) << name;
  }
}

TEST(JsonConformance, TransformsAreReadOrKept) {
  SKIP_WITHOUT_SUITE();
  int files = 0;
  for (const auto& entry : fs::directory_iterator(suite_folder() / "test_transform")) {
    const std::string name = entry.path().filename();
    std::string expected = "accepted";
    if (name.find("invalid_codepoint") != std::string::npos) {
      expected = name.find("escaped") == std::string::npos ? "invalid_utf8" : "invalid_string";
    }
    EXPECT_EQ(verdict(contents(entry.path())), expected) << name;
    ++files;
  }
  EXPECT_EQ(files, 22);
}

// Ours: each kind of break, with the word it gets.
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
