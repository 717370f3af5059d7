#include "utf8.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace honeyframe {
namespace {

// The encoding of any number below 2^21, whether it is a character or not.
std::string encode(std::uint32_t c) {
  const auto byte = [](std::uint32_t value) { return static_cast<char>(static_cast<unsigned char>(value)); };
  const auto tail = [&](unsigned shift) { return byte(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) return {byte(c)};
  if (c < 0x800) return {byte(0xC0 | (c >> 6)), tail(0)};
  if (c < 0x10000) return {byte(0xE0 | (c >> 12)), tail(6), tail(0)};
  return {byte(0xF0 | (c >> 18)), tail(12), tail(6), tail(0)};
}

TEST(Utf8Test, AcceptsEveryCharacterAndNoSurrogate) {
  for (std::uint32_t c = 0; c < 0x120000; ++c) {
    const bool is_character = c < 0x110000 && !(c >= 0xD800 && c < 0xE000);
    ASSERT_EQ(is_valid_utf8(encode(c)), is_character) << std::hex << c;
  }
}

TEST(Utf8Test, RejectsMalformedSequences) {
  for (const std::string_view text :
       {"\x80", "\xBF", "\xC0\x80", "\xC1\xBF", "\xE0\x80\x80", "\xE0\x9F\xBF", "\xF0\x80\x80\x80", "\xF0\x8F\xBF\xBF",
        "\xF5\x80\x80\x80", "\xFE", "\xFF", "\xC3", "\xE2\x82", "\xF0\x9F\x98", "\xC3(", "\xE2(\xA1", "\xE2\x82(",
        "\xF0\x9F\x98("}) {
    EXPECT_FALSE(is_valid_utf8(text)) << in_quotes(text);
  }
}

TEST(Utf8Test, FindsAFaultAtEveryOffset) {
  for (std::size_t length = 1; length < 40; ++length) {
    std::string text(length, 'a');
    EXPECT_TRUE(is_valid_utf8(text));
    for (std::size_t i = 0; i < length; ++i) {
      text[i] = '\xFF';
      EXPECT_FALSE(is_valid_utf8(text)) << i << " of " << length;
      text[i] = 'a';
    }
    EXPECT_TRUE(is_valid_utf8(text + "\xC3\xA4" + text));
    EXPECT_FALSE(is_valid_utf8(text + "\xC3"));
  }
}

TEST(Utf8Test, ReplacesWhatIsNotText) {
  EXPECT_EQ(to_valid_utf8("plant/\xC3\xA4"), "plant/\xC3\xA4");
  EXPECT_EQ(to_valid_utf8("\xE2\x82|\xFF"), "\xEF\xBF\xBD\xEF\xBF\xBD|\xEF\xBF\xBD");
  EXPECT_EQ(to_valid_utf8(""), "");
}

TEST(QuotedTest, EscapesWhatIsNotText) {
  EXPECT_EQ(in_quotes("plant/\xC3\xA4"), "'plant/\xC3\xA4'");
  EXPECT_EQ(in_quotes(std::string_view("a\0\n\x1b'\x7f\xff", 7)), R"('a\x00\x0a\x1b\x27\x7f\xff')");
  EXPECT_EQ(in_quotes(""), "''");
}

TEST(QuotedTest, CutsBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 1'000; ++i) text += "\xF0\x9F\x98\x80";
  const std::string shown = in_quotes(text, 21);
  EXPECT_LT(shown.size(), 30U);
  EXPECT_TRUE(shown.ends_with("...'"));
  EXPECT_TRUE(is_valid_utf8(shown));
}

}  // namespace
}  // namespace honeyframe
