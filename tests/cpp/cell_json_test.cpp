#include "cell_json.h"

#include <gtest/gtest.h>

#include <limits>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;
using Texts = std::vector<std::string>;

Texts json(DataType type, Column column) {
  return cells(*batch_of({{{"x", type}, std::move(column)}}), "x");
}

std::string text(DataType type, const Column& column) {
  std::string out;
  append_cell_text(column, type, 0, out);
  return out;
}

TEST(CellJson, WritesScalars) {
  EXPECT_EQ(json(kBool, booleans({true, false, std::nullopt})), (Texts{"true", "false", "null"}));
  EXPECT_EQ(json(kInt64, numbers<std::int64_t>({std::numeric_limits<std::int64_t>::min(), 0})),
            (Texts{"-9223372036854775808", "0"}));
  EXPECT_EQ(json(kUint64, numbers<std::uint64_t>({std::numeric_limits<std::uint64_t>::max()})),
            (Texts{"18446744073709551615"}));
  EXPECT_EQ(json(kNull, nulls(2)), (Texts{"null", "null"}));
}

TEST(CellJson, WritesADoubleSoThatItIsReadAsTheSameDouble) {
  EXPECT_EQ(json(kFloat64, numbers<double>({21.0, -0.5, 0.1, 1e300, -0.0})),
            (Texts{"21.0", "-0.5", "0.1", "1e+300", "-0.0"}));
}

TEST(CellJson, EscapesStrings) {
  EXPECT_EQ(json(kString, strings({"", "a\"b\\c", "\n\t\r", std::string("\0\x1f", 2), "\xC3\xA9"})),
            (Texts{R"("")", R"("a\"b\\c")", R"("\n\t\r")", R"("\u0000\u001f")", "\"\xC3\xA9\""}));
}

TEST(CellJson, WritesTheFirstAndTheLastTime) {
  constexpr std::int64_t kFirst = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(text(kTimestamp, numbers<std::int64_t>({kFirst})), "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(text(kTimestamp, numbers<std::int64_t>({kLast})), "2262-04-11T23:47:16.854775807Z");
}

TEST(CellJson, WritesTimestampsInUtc) {
  EXPECT_EQ(json(kTimestamp, numbers<std::int64_t>({0, 1'500'000'000, -1, 1'769'860'800'000'000'000})),
            (Texts{R"("1970-01-01T00:00:00Z")", R"("1970-01-01T00:00:01.5Z")", R"("1969-12-31T23:59:59.999999999Z")",
                   R"("2026-01-31T12:00:00Z")"}));
}

TEST(CellJson, WritesBinaryAsBase64) {
  EXPECT_EQ(json(kBinary, strings({"", "f", "fo", "foo", "\xFF\xFE"})),
            (Texts{R"("")", R"("Zg==")", R"("Zm8=")", R"("Zm9v")", R"("//4=")"}));
}

TEST(CellJson, WritesLists) {
  EXPECT_EQ(json(list_of(TypeId::string), lists({2, 0, std::nullopt, 1}, strings({"a", std::nullopt, "b"}))),
            (Texts{R"(["a",null])", "[]", "null", R"(["b"])"}));
}

TEST(CellText, LeavesTheQuotesOut) {
  EXPECT_EQ(text(kString, strings({"a\"b"})), "a\"b");
  EXPECT_EQ(text(kTimestamp, numbers<std::int64_t>({0})), "1970-01-01T00:00:00Z");
  EXPECT_EQ(text(kBinary, strings({"foo"})), "Zm9v");
  EXPECT_EQ(text(kFloat64, numbers<double>({2})), "2.0");
  EXPECT_EQ(text(list_of(TypeId::string), lists({1}, strings({"a"}))), R"(["a"])");
}

}  // namespace
}  // namespace honeyframe
