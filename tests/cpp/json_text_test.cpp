#include "json_text.h"

#include <gtest/gtest.h>

#include <string>

namespace honeyframe {
namespace {

std::string unescaped(std::string_view raw) {
  std::string out(raw.size(), '?');
  out.resize(unescape(raw, out.data()));
  return out;
}

TEST(JsonText, ReadsEveryEscape) {
  EXPECT_EQ(unescaped(R"(plain)"), "plain");
  EXPECT_EQ(unescaped(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(unescaped(R"(a\u0041b)"), "aAb");
  EXPECT_EQ(unescaped(R"(\u00e9\u20AC)"), "\xC3\xA9\xE2\x82\xAC");
  EXPECT_EQ(unescaped(R"(\ud83d\ude00!)"), "\xF0\x9F\x98\x80!");
  EXPECT_EQ(unescaped(R"(\u0000)"), std::string(1, '\0'));
  EXPECT_EQ(unescaped(R"(\uFFFF\uDBFF\uDFFF)"), "\xEF\xBF\xBF\xF4\x8F\xBF\xBF");
  EXPECT_EQ(unescaped(""), "");
}

TEST(JsonText, FindsTheFirstBadEscape) {
  EXPECT_EQ(find_bad_escape(R"(all \" is \\ well \u12aB \ud800\udc00)"), std::string_view::npos);
  EXPECT_EQ(find_bad_escape(R"(ab\q)"), 2U);
  EXPECT_EQ(find_bad_escape(R"(\u12)"), 0U);
  EXPECT_EQ(find_bad_escape(R"(\u12G4)"), 0U);
  EXPECT_EQ(find_bad_escape(R"(\ud800)"), 0U);
  EXPECT_EQ(find_bad_escape(R"(\ud800x12345)"), 0U);
  EXPECT_EQ(find_bad_escape(R"(\ud800\u0041)"), 0U);
  EXPECT_EQ(find_bad_escape(R"(x\udc00)"), 1U);
  EXPECT_EQ(find_bad_escape(std::string_view("\\\0", 2)), 0U);
  EXPECT_EQ(find_bad_escape("\\"), 0U);
}

TEST(JsonText, FindsTheFirstByteThatIsNotUtf8) {
  EXPECT_EQ(find_bad_utf8("caf\xC3\xA9"), std::string_view::npos);
  EXPECT_EQ(find_bad_utf8("caf\xE9 con leche"), 3U);
  EXPECT_EQ(find_bad_utf8("\xF0\x9F\x98\x80\xF0\x9F\x98"), 4U);
  EXPECT_EQ(find_bad_utf8("\x80"), 0U);
  EXPECT_EQ(find_bad_utf8(""), std::string_view::npos);
  EXPECT_EQ(find_bad_utf8(std::string(1000, 'x') + "\xC0\x80"), 1000U);
}

}  // namespace
}  // namespace honeyframe
