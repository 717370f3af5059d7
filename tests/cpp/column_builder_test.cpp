#include "column_builder.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "columns_for_tests.h"

namespace honeyframe::testing {
namespace {

std::vector<std::string> cells_of(const Column& column, DataType type) {
  std::vector<std::string> texts;
  for (std::int64_t row = 0; row < column.length; ++row) {
    texts.emplace_back();
    if (type.id == TypeId::null || !is_valid(column, row)) {
      texts.back() = "null";
    } else {
      append_cell_json(column, type, row, texts.back());
    }
  }
  return texts;
}

std::vector<std::string> finished(ColumnBuilder& builder) {
  const DataType type = builder.type();
  return cells_of(builder.finish(), type);
}

using Texts = std::vector<std::string>;

TEST(ColumnBuilder, BuildsEveryType) {
  ColumnBuilder integers(kInt64);
  integers.append_int64(-1);
  integers.append_null();
  integers.append_int64(5);
  EXPECT_EQ(finished(integers), (Texts{"-1", "null", "5"}));
  ColumnBuilder booleans(kBool);
  for (int i = 0; i < 20; ++i) booleans.append_boolean(i % 3 == 0);
  booleans.append_null();
  booleans.append_boolean(true);
  const auto bits = finished(booleans);
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(bits[i], i % 3 == 0 ? "true" : "false");
  EXPECT_EQ(bits[20], "null");
  EXPECT_EQ(bits[21], "true");
  ColumnBuilder texts(kString);
  texts.append_bytes("a");
  texts.append_bytes("");
  texts.append_null();
  char* const room = texts.open_bytes(10);
  std::memcpy(room, "xyz", 3);
  texts.close_bytes(3);
  texts.append_bytes("end");
  EXPECT_EQ(finished(texts), (Texts{"\"a\"", "\"\"", "null", "\"xyz\"", "\"end\""}));
  ColumnBuilder lists(list_of(TypeId::float64));
  lists.items().append_float64(0.5);
  lists.append_list();
  lists.append_null();
  lists.append_list();
  lists.items().append_null();
  lists.items().append_float64(2);
  lists.append_list();
  EXPECT_EQ(finished(lists), (Texts{"[0.5]", "null", "[]", "[null,2.0]"}));
}

TEST(ColumnBuilder, RowsNobodyWroteAreNull) {
  for (const DataType type :
       {kNull, kBool, kInt64, kUint64, kFloat64, kString, kTimestamp, kBinary, list_of(TypeId::int64)}) {
    ColumnBuilder builder(type);
    builder.pad_to(1'000);
    builder.pad_to(10);
    const Column column = builder.finish();
    EXPECT_EQ(column.length, 1'000) << type.to_string();
    EXPECT_EQ(column.null_count, 1'000);
    EXPECT_EQ(cells_of(column, type), Texts(1'000, "null"));
  }
}

TEST(ColumnBuilder, HasNoBitmapWithoutNulls) {
  ColumnBuilder builder(kInt64);
  builder.append_int64(1);
  EXPECT_EQ(builder.finish().validity, nullptr);
  builder.append_null();
  builder.truncate(0);
  builder.append_int64(1);
  const Column column = builder.finish();
  EXPECT_EQ(column.null_count, 0);
  EXPECT_EQ(column.validity, nullptr);
}

TEST(ColumnBuilder, TruncatesToAnyLength) {
  for (std::int64_t keep = 0; keep <= 30; ++keep) {
    ColumnBuilder numbers(kInt64);
    ColumnBuilder booleans(kBool);
    ColumnBuilder texts(kString);
    ColumnBuilder lists(list_of(TypeId::string));
    Texts expected_numbers, expected_booleans, expected_texts, expected_lists;
    const auto append = [&](std::int64_t i, bool expect) {
      const bool null = i % 4 == 3;
      const std::string text(static_cast<std::size_t>(i % 5), 'x');
      if (null) {
        for (ColumnBuilder* builder : {&numbers, &booleans, &texts, &lists}) builder->append_null();
      } else {
        numbers.append_int64(i);
        booleans.append_boolean(i % 2 == 0);
        texts.append_bytes(text);
        lists.items().append_bytes(text);
        lists.append_list();
      }
      if (!expect) return;
      expected_numbers.push_back(null ? "null" : std::to_string(i));
      expected_booleans.push_back(null ? "null" : i % 2 == 0 ? "true" : "false");
      expected_texts.push_back(null ? "null" : "\"" + text + "\"");
      expected_lists.push_back(null ? "null" : "[\"" + text + "\"]");
    };
    for (std::int64_t i = 0; i < 30; ++i) append(i, i < keep);
    for (ColumnBuilder* builder : {&numbers, &booleans, &texts, &lists}) builder->truncate(keep);
    for (std::int64_t i = 100; i < 110; ++i) append(i, true);
    EXPECT_EQ(finished(numbers), expected_numbers);
    EXPECT_EQ(finished(booleans), expected_booleans);
    EXPECT_EQ(finished(texts), expected_texts);
    EXPECT_EQ(finished(lists), expected_lists);
  }
}

TEST(ColumnBuilder, BeginsAnewAfterFinish) {
  ColumnBuilder builder(kString);
  for (int batch = 0; batch < 3; ++batch) {
    builder.append_bytes("abc");
    builder.append_null();
    EXPECT_EQ(finished(builder), (Texts{"\"abc\"", "null"}));
    EXPECT_EQ(builder.length(), 0);
  }
}

TEST(ColumnBuilder, WidensIntegersAndSaysWhichAreLost) {
  ColumnBuilder builder(kInt64);
  builder.append_int64(1);
  builder.append_int64(9007199254740993);
  builder.append_null();
  builder.append_int64(9007199254740992);
  EXPECT_FALSE(builder.fits_float64());
  std::vector<ColumnBuilder::LostInteger> lost;
  builder.widen_to_float64(lost);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_EQ(lost[0].row, 1);
  EXPECT_EQ(lost[0].value, 9007199254740993);
  EXPECT_EQ(finished(builder), (Texts{"1.0", "null", "null", "9007199254740992.0"}));
  ColumnBuilder large(kUint64);
  large.append_uint64(std::numeric_limits<std::uint64_t>::max());
  large.append_uint64(1ULL << 63);
  lost.clear();
  large.widen_to_float64(lost);
  ASSERT_EQ(lost.size(), 1U);
  EXPECT_TRUE(lost[0].is_unsigned);
  EXPECT_EQ(static_cast<std::uint64_t>(lost[0].value), std::numeric_limits<std::uint64_t>::max());
}

TEST(ColumnBuilder, BecomesText) {
  ColumnBuilder lists(list_of(TypeId::string));
  lists.items().append_bytes("a\"b");
  lists.append_list();
  lists.append_null();
  lists.widen_to_text();
  lists.append_bytes("plain");
  EXPECT_EQ(finished(lists), (Texts{R"("[\"a\\\"b\"]")", "null", "\"plain\""}));
  ColumnBuilder nothing(kNull);
  nothing.pad_to(2);
  nothing.widen_to_text();
  EXPECT_EQ(finished(nothing), (Texts{"null", "null"}));
}

TEST(ColumnBuilder, ChangesItems) {
  ColumnBuilder builder(list_of(TypeId::null));
  builder.append_list();
  builder.items().append_null();
  builder.append_list();
  EXPECT_TRUE(builder.change_items(TypeId::int64));
  builder.items().append_int64(3);
  builder.append_list();
  EXPECT_FALSE(builder.change_items(TypeId::boolean));
  EXPECT_TRUE(builder.change_items(TypeId::float64));
  EXPECT_FALSE(builder.change_items(TypeId::int64));
  builder.items().append_float64(0.5);
  builder.append_list();
  EXPECT_EQ(builder.type(), list_of(TypeId::float64));
  EXPECT_EQ(finished(builder), (Texts{"[]", "[null]", "[3.0]", "[0.5]"}));
}

TEST(ColumnBuilder, ACopyIsItsOwn) {
  ColumnBuilder builder(list_of(TypeId::int64));
  builder.items().append_int64(1);
  builder.append_list();
  ColumnBuilder copy = builder;
  copy.items().append_int64(2);
  copy.append_list();
  EXPECT_EQ(finished(builder), (Texts{"[1]"}));
  EXPECT_EQ(finished(copy), (Texts{"[1]", "[2]"}));
}

}  // namespace
}  // namespace honeyframe::testing
