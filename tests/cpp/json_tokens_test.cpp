#include "json_tokens.h"

#include <gtest/gtest.h>

#include <string>

#include "allocation_counter.h"

namespace honeyframe {
namespace {

constexpr std::size_t kDepth = 64;

// std::string ends with the zero byte that load() asks for.
std::string reason_of(const std::string& text, bool strict = true, std::size_t max_depth = kDepth) {
  JsonTokens tokens;
  std::string_view whole;
  if (tokens.load(text, 0) && tokens.skip_value(strict, max_depth, whole) &&
      (tokens.at_end() || tokens.fail_trailing())) {
    return "";
  }
  tokens.explain(strict, max_depth);
  return std::string(tokens.error().reason) + " at " + std::to_string(tokens.error().position);
}

TEST(JsonTokens, WalksADocument) {
  const std::string text = R"( {"a" : [1, "x\ny"] , "b":true} )";
  JsonTokens tokens;
  ASSERT_TRUE(tokens.load(text, 0));
  EXPECT_EQ(tokens.peek(), '{');
  tokens.advance();
  EXPECT_EQ(tokens.raw_string(), "a");
  EXPECT_TRUE(tokens.begins_with_string("a"));
  EXPECT_FALSE(tokens.begins_with_string("ab"));
  EXPECT_FALSE(tokens.begins_with_string(""));
  tokens.advance();
  tokens.advance();
  const std::uint32_t list = tokens.position();
  std::string_view value;
  ASSERT_TRUE(tokens.skip_value(true, kDepth, value));
  EXPECT_EQ(value, R"([1, "x\ny"])");
  tokens.rewind(list);
  tokens.advance();
  JsonNumber number;
  ASSERT_TRUE(tokens.read_number(number));
  EXPECT_EQ(number.int64, 1);
  tokens.advance();
  bool escaped = false;
  ASSERT_TRUE(tokens.read_string(value, escaped));
  EXPECT_EQ(value, R"(x\ny)");
  EXPECT_TRUE(escaped);
}

TEST(JsonTokens, IsReusedForPayloadsOfAnySize) {
  JsonTokens tokens;
  std::string_view whole;
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{100}, std::size_t{10'000}, std::size_t{3'000'000}, std::size_t{5}}) {
    const std::string text = "[\"" + std::string(size, 'x') + "\"]";
    ASSERT_TRUE(tokens.load(text, 0));
    ASSERT_TRUE(tokens.skip_value(true, kDepth, whole));
    EXPECT_EQ(whole, text);
  }
}

TEST(JsonTokens, DoesNotTakeALackOfMemoryForALargePayload) {
  JsonTokens tokens;
  const std::string small = "1";
  ASSERT_TRUE(tokens.load(small, 0));  // simdjson chooses its kernel once, and needs memory for that
  const std::string text = "[\"" + std::string(100'000, 'x') + "\"]";
  {
    const testing::FailingAllocations failing;
    EXPECT_FALSE(tokens.load(text, 0));
  }
  EXPECT_STREQ(tokens.error().reason, "no_memory");
  EXPECT_TRUE(tokens.load(text, 0));
}

TEST(JsonTokens, SaysWhatIsWrongFirst) {
  EXPECT_EQ(reason_of(R"({"a":1, "b":})"), "missing_value at 12");
  EXPECT_EQ(reason_of(R"([1, x, "unclosed])"), "invalid_literal at 4");
  EXPECT_EQ(reason_of("[1, 2, \"unclosed]"), "truncated at 7");
  EXPECT_EQ(reason_of("[\"a\x01\", }"), "invalid_string at 3");
  EXPECT_EQ(reason_of("[1 2, \"\xFF\"]"), "missing_comma at 3");
  EXPECT_EQ(reason_of("[1, \"\xFF\"]"), "invalid_utf8 at 5");
  EXPECT_EQ(reason_of(R"(["\q"])"), "invalid_string at 2");
  EXPECT_EQ(reason_of("[1] [2]"), "trailing_content at 4");
  EXPECT_EQ(reason_of(""), "empty_document at 0");
  EXPECT_EQ(reason_of(R"({"a":1)"), "truncated at 6");
}

TEST(JsonTokens, PositionsCountWhatWasTakenOffTheFront) {
  JsonTokens tokens;
  std::string_view whole;
  const std::string text = "[tru]";
  ASSERT_TRUE(tokens.load(text, 3));
  EXPECT_FALSE(tokens.skip_value(true, kDepth, whole));
  EXPECT_EQ(tokens.error().position, 4);
  tokens.explain(true, kDepth);
  EXPECT_EQ(tokens.error().position, 4);
}

TEST(JsonTokens, NotStrictLooksAtStructureOnly) {
  EXPECT_EQ(reason_of(R"([tru, 01, "\q", {"a":nan}])", false), "");
  EXPECT_EQ(reason_of(R"([tru)", false), "truncated at 4");
  EXPECT_EQ(reason_of(R"([tru}])", false), "unbalanced at 4");
  EXPECT_EQ(reason_of(R"({"a":"b":1})", false), "missing_comma at 8");
}

TEST(JsonTokens, BoundsDepthWithoutRecursion) {
  EXPECT_EQ(reason_of(std::string(64, '[') + std::string(64, ']')), "");
  EXPECT_EQ(reason_of(std::string(65, '[') + std::string(65, ']')), "too_deep at 64");
  EXPECT_EQ(reason_of(std::string(1'000'000, '[')), "too_deep at 64");
  EXPECT_EQ(reason_of(R"({"a":{"a":{"a":1}}})", true, 2), "too_deep at 10");
}

TEST(JsonTokens, BytesBehindThePayloadDoNotCount) {
  // A zero must follow; what comes after it must not matter.
  std::string buffer = "[[1]";
  const std::size_t size = buffer.size();
  buffer += std::string("\0]]]]\"\"}}", 9);
  JsonTokens tokens;
  std::string_view whole;
  ASSERT_TRUE(tokens.load({buffer.data(), size}, 0));
  EXPECT_FALSE(tokens.skip_value(true, kDepth, whole));
  EXPECT_STREQ(tokens.error().reason, "truncated");
}

}  // namespace
}  // namespace honeyframe
