#include "row_json.h"

#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "columns_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Result<RowJson> planned(const RecordBatchPtr& batch, const RowJsonOptions& options = {},
                        const std::vector<std::string>& raw = {}) {
  std::vector<std::size_t> columns(batch->schema()->fields.size());
  std::iota(columns.begin(), columns.end(), 0u);
  return RowJson::plan(*batch->schema(), columns, raw, options);
}

std::string json(const RecordBatchPtr& batch, std::int64_t row = 0, const RowJsonOptions& options = {}) {
  const auto plan = planned(batch, options);
  EXPECT_TRUE(plan.ok()) << plan.status().message();
  std::string out;
  const auto why = plan.value().append(*batch, row, out);
  return why.empty() ? out : "refused: " + why;
}

Column int_column(std::int64_t value) {
  return numbers<std::int64_t>({value});
}

TEST(RowJson, EveryTypeAsJsonWritesIt) {
  const auto batch = batch_of({{{"b", kBool}, booleans({false})},
                               {{"i", kInt64}, int_column(std::numeric_limits<std::int64_t>::min())},
                               {{"u", kUint64}, numbers<std::uint64_t>({18'446'744'073'709'551'615u})},
                               {{"f", kFloat64}, numbers<double>({0.1})},
                               {{"whole", kFloat64}, numbers<double>({21.0})},
                               {{"s", kString}, strings({"a\"\n\x01\xc3\xa9"})},
                               {{"t", kTimestamp}, numbers<std::int64_t>({1'500'000'000})},
                               {{"l", list_of(TypeId::int64)}, lists({2}, numbers<std::int64_t>({1, std::nullopt}))}});
  EXPECT_EQ(json(batch),
            "{\"b\":false,\"i\":-9223372036854775808,\"u\":18446744073709551615,\"f\":0.1,\"whole\":21.0,"
            "\"s\":\"a\\\"\\n\\u0001\xc3\xa9\",\"t\":\"1970-01-01T00:00:01.5Z\",\"l\":[1,null]}");
}

TEST(RowJson, ANullIsNoKeyOrNull) {
  const auto batch = batch_of({{{"a", kInt64}, numbers<std::int64_t>({std::nullopt})},
                               {{"b", kFloat64}, numbers<double>({kNan})},
                               {{"c", kNull}, nulls(1)},
                               {{"d", kInt64}, int_column(1)}});
  EXPECT_EQ(json(batch), R"({"d":1})");
  EXPECT_EQ(json(batch, 0, {.null_keys = true}), R"({"a":null,"b":null,"c":null,"d":1})");
}

TEST(RowJson, ARowOfNullsIsAnEmptyObject) {
  const auto batch = batch_of({{{"a.b", kInt64}, numbers<std::int64_t>({std::nullopt})}});
  EXPECT_EQ(json(batch), "{}");
  EXPECT_EQ(json(batch, 0, {.null_keys = true}), R"({"a":{"b":null}})");
}

TEST(RowJson, DottedNamesAreNested) {
  const auto batch = batch_of({{{"loc.lat", kInt64}, int_column(1)},
                               {{"id", kInt64}, int_column(2)},
                               {{"loc.lon", kInt64}, int_column(3)},
                               {{"loc.more.x", kInt64}, int_column(4)},
                               {{"odd.", kInt64}, int_column(5)}});
  EXPECT_EQ(json(batch), R"({"loc":{"lat":1,"lon":3,"more":{"x":4}},"id":2,"odd":{"":5}})");
  EXPECT_EQ(json(batch, 0, {.separator = ""}), R"({"loc.lat":1,"id":2,"loc.lon":3,"loc.more.x":4,"odd.":5})");
}

TEST(RowJson, AnotherSeparator) {
  const auto batch = batch_of({{{"a__b", kInt64}, int_column(1)}, {{"c.d", kInt64}, int_column(2)}});
  EXPECT_EQ(json(batch, 0, {.separator = "__"}), R"({"a":{"b":1},"c.d":2})");
}

TEST(RowJson, AnObjectLeftEmptyIsLeftOut) {
  const auto batch = batch_of(
      {{{"a.b", kInt64}, numbers<std::int64_t>({std::nullopt, 1})}, {{"c", kInt64}, numbers<std::int64_t>({2, 3})}});
  EXPECT_EQ(json(batch, 0), R"({"c":2})");
  EXPECT_EQ(json(batch, 1), R"({"a":{"b":1},"c":3})");
}

TEST(RowJson, BelowAColumnWithAValueOfItsOwnANameStaysFlat) {
  const auto batch = batch_of({{{"a.b", kInt64}, int_column(1)},
                               {{"a", kInt64}, int_column(2)},
                               {{"a.b.c", kInt64}, int_column(3)},
                               {{"ab.c", kInt64}, int_column(4)}});
  EXPECT_EQ(json(batch), R"({"a.b":1,"a":2,"a.b.c":3,"ab":{"c":4}})");
}

TEST(RowJson, NamesBeyondTheDepthOfReadingStayFlat) {
  std::string deep = "x";
  for (int i = 1; i < 64; ++i) deep += ".x";
  const auto nested = json(batch_of({{{deep, kInt64}, int_column(1)}}));
  EXPECT_TRUE(nested.starts_with(R"({"x":{"x":)")) << nested;
  const auto flat = json(batch_of({{{deep + ".x", kInt64}, int_column(1)}}));
  EXPECT_EQ(flat, "{\"" + deep + ".x\":1}");
}

TEST(RowJson, AnInfinityIsRefusedAndNamed) {
  const auto batch = batch_of({{{"f", kFloat64}, numbers<double>({kInfinity})}});
  EXPECT_EQ(json(batch), "refused: column 'f' holds an infinity, which JSON does not have");
  const auto list = batch_of({{{"l", list_of(TypeId::float64)}, lists({2}, numbers<double>({1.0, -kInfinity}))}});
  EXPECT_EQ(json(list), "refused: column 'l' holds an infinity, which JSON does not have");
}

TEST(RowJson, NanInAListIsNull) {
  const auto batch =
      batch_of({{{"l", list_of(TypeId::float64)}, lists({3}, numbers<double>({1.5, kNan, std::nullopt}))}});
  EXPECT_EQ(json(batch), R"({"l":[1.5,null,null]})");
}

TEST(RowJson, RawTextIsTakenAsItIs) {
  const auto batch = batch_of({{{"j", kString}, strings({R"({"k":[1]})"})}, {{"s", kString}, strings({"[1]"})}});
  std::string out;
  EXPECT_EQ(planned(batch, {}, {"j"}).value().append(*batch, 0, out), "");
  EXPECT_EQ(out, R"({"j":{"k":[1]},"s":"[1]"})");
}

TEST(RowJson, BinaryHasNoJson) {
  const auto plan = planned(batch_of({{{"blob", kBinary}, strings({"x"})}}));
  EXPECT_EQ(plan.status().code(), ErrorCode::invalid_argument);
  EXPECT_NE(plan.status().message().find("'blob'"), std::string::npos);
  EXPECT_FALSE(planned(batch_of({{{"blobs", list_of(TypeId::binary)}, lists({0}, strings({}))}})).ok());
}

}  // namespace
}  // namespace honeyframe
