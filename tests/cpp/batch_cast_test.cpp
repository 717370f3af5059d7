#include <gtest/gtest.h>

#include "columns_for_tests.h"
#include "record_batch.h"

namespace honeyframe {
namespace {

using namespace testing;
using Texts = std::vector<std::string>;

RecordBatchPtr cast_ok(const RecordBatchPtr& batch, const SchemaPtr& target) {
  Result<RecordBatchPtr> result = cast(batch, target);
  EXPECT_TRUE(result.ok()) << result.status().message();
  return std::move(result).value();
}

RecordBatchPtr cast_x(DataType from, Column column, DataType to) {
  return cast_ok(batch_of({{{"x", from}, std::move(column)}}), schema_of({{"x", to}}));
}

TEST(Cast, GivesTheSameBatchForTheSameSchema) {
  const auto batch = batch_of({{{"x", kInt64}, numbers<std::int64_t>({1})}});
  EXPECT_EQ(cast_ok(batch, schema_of({{"x", kInt64}})), batch);
}

TEST(Cast, SharesTheBuffersOfColumnsThatKeepTheirType) {
  const auto batch = batch_of({{{"x", kInt64}, numbers<std::int64_t>({1, std::nullopt})}}, 9);
  const auto wider = cast_ok(batch, schema_of({{"new", kString}, {"x", kInt64}}));
  EXPECT_EQ(wider->columns()[1].data, batch->columns()[0].data);
  EXPECT_EQ(wider->columns()[1].validity, batch->columns()[0].validity);
  EXPECT_EQ(wider->messages(), 9u);
}

TEST(Cast, KeepsTheCountOfPayloadBytes) {
  RecordBatch batch(schema_of({{"x", kInt64}}), {numbers<std::int64_t>({1})}, 1, 1);
  batch.set_payload_bytes(77);
  EXPECT_EQ(cast_ok(std::make_shared<RecordBatch>(batch), schema_of({}))->payload_bytes(), 77u);
}

TEST(Cast, AddsMissingColumnsAsNulls) {
  const auto batch = batch_of({{{"x", kInt64}, numbers<std::int64_t>({1, 2, 3, 4, 5, 6, 7, 8, 9})}});
  for (const DataType type :
       {kNull, kBool, kInt64, kUint64, kFloat64, kString, kTimestamp, kBinary, list_of(TypeId::float64)}) {
    const auto wider = cast_ok(batch, schema_of({{"x", kInt64}, {"new", type}}));
    EXPECT_EQ(cells(*wider, "new"), Texts(9, "null"));
    EXPECT_EQ(wider->columns()[1].null_count, 9);
    EXPECT_EQ(wider->columns()[1].length, 9);
  }
}

TEST(Cast, TurnsAColumnOfNullsIntoAnyType) {
  for (const DataType type : {kBool, kUint64, kFloat64, kString, kTimestamp, kBinary, list_of(TypeId::string)}) {
    EXPECT_EQ(cells(*cast_x(kNull, nulls(2), type), "x"), (Texts{"null", "null"}));
  }
}

TEST(Cast, MovesIntegersThatAreNoDoublesToMisfit) {
  const auto batch = cast_x(kInt64, numbers<std::int64_t>({1, 9007199254740993, std::nullopt}), kFloat64);
  EXPECT_EQ(cells(*batch, "x"), (Texts{"1.0", "null", "null"}));
  EXPECT_EQ(cells(*batch, "_misfit"), (Texts{"null", R"("{\"x\":9007199254740993}")", "null"}));
  EXPECT_EQ(*batch->schema(), (Schema{{{"x", kFloat64}, {"_misfit", kString}}}));
}

TEST(Cast, AddsNoMisfitColumnWhereEverythingFits) {
  EXPECT_EQ(cast_x(kInt64, numbers<std::int64_t>({1}), kFloat64)->schema()->fields.size(), 1u);
}

TEST(Cast, MovesNegativeIntegersAsideForUnsigned) {
  const auto batch = cast_x(kInt64, numbers<std::int64_t>({1, -1}), kUint64);
  EXPECT_EQ(cells(*batch, "x"), (Texts{"1", "null"}));
  EXPECT_EQ(cells(*batch, "_misfit"), (Texts{"null", R"("{\"x\":-1}")"}));
}

TEST(Cast, WritesAnyValueAsItsJsonTextIntoAStringColumn) {
  EXPECT_EQ(cells(*cast_x(kFloat64, numbers<double>({1.5, std::nullopt}), kString), "x"), (Texts{R"("1.5")", "null"}));
  EXPECT_EQ(cells(*cast_x(kBool, booleans({true}), kString), "x"), (Texts{R"("true")"}));
  EXPECT_EQ(cells(*cast_x(list_of(TypeId::int64), lists({2}, numbers<std::int64_t>({1, 2})), kString), "x"),
            (Texts{R"("[1,2]")"}));
}

TEST(Cast, ReadsStringsThatAreExactlyNumbers) {
  const auto batch = cast_x(kString, strings({"21.5", "N/A", "7", ""}), kFloat64);
  EXPECT_EQ(cells(*batch, "x"), (Texts{"21.5", "null", "7.0", "null"}));
  EXPECT_EQ(cells(*batch, "_misfit"), (Texts{"null", R"("{\"x\":\"N/A\"}")", "null", R"("{\"x\":\"\"}")"}));
}

TEST(Cast, NeverReadsABooleanAsANumber) {
  const auto batch = cast_x(kBool, booleans({true}), kInt64);
  EXPECT_EQ(cells(*batch, "x"), (Texts{"null"}));
  EXPECT_EQ(cells(*batch, "_misfit"), (Texts{R"("{\"x\":true}")"}));
}

TEST(Cast, WidensTheItemsOfLists) {
  const auto batch =
      cast_x(list_of(TypeId::int64), lists({2, 0, std::nullopt}, numbers<std::int64_t>({1, std::nullopt})),
             list_of(TypeId::float64));
  EXPECT_EQ(cells(*batch, "x"), (Texts{"[1.0,null]", "[]", "null"}));
  EXPECT_EQ(cells(*cast_x(list_of(TypeId::null), lists({0, 2}, nulls(2)), list_of(TypeId::string)), "x"),
            (Texts{"[]", "[null,null]"}));
}

TEST(Cast, KeepsAListWholeWhereOneOfItsItemsDoesNotFit) {
  const auto batch =
      cast_x(list_of(TypeId::string), lists({2, 2, 1}, strings({"1", "2", "3", "four", "5"})), list_of(TypeId::int64));
  EXPECT_EQ(cells(*batch, "x"), (Texts{"[1,2]", "null", "[5]"}));
  EXPECT_EQ(cells(*batch, "_misfit"), (Texts{"null", R"("{\"x\":[\"3\",\"four\"]}")", "null"}));
}

TEST(Cast, LetsAFailedListTakeItsNullsBack) {
  const auto items = numbers<std::int64_t>({std::nullopt, 1, std::nullopt, -1, 5});
  const auto batch = cast_x(list_of(TypeId::int64), lists({2, 2, 1}, items), list_of(TypeId::uint64));
  EXPECT_EQ(cells(*batch, "x"), (Texts{"[null,1]", "null", "[5]"}));
  EXPECT_EQ(batch->columns()[0].child->length, 3);
  EXPECT_EQ(batch->columns()[0].child->null_count, 1);
}

TEST(Cast, MovesScalarsAsideForListsAndListsForScalars) {
  EXPECT_EQ(cells(*cast_x(kInt64, numbers<std::int64_t>({4}), list_of(TypeId::int64)), "_misfit"),
            (Texts{R"("{\"x\":4}")"}));
  EXPECT_EQ(cells(*cast_x(list_of(TypeId::int64), lists({1}, numbers<std::int64_t>({4})), kInt64), "_misfit"),
            (Texts{R"("{\"x\":[4]}")"}));
}

TEST(Cast, JoinsWhatIsInMisfitAlready) {
  const auto batch = batch_of({{{"x", kBool}, booleans({true, true, std::nullopt, true})},
                               {{"_misfit", kString}, strings({R"({"y":"old"})", std::nullopt, R"({"y":1})", "{}"})},
                               {{"z", kInt64}, numbers<std::int64_t>({-1, 1, 1, 1})}});
  const auto wider = cast_ok(batch, schema_of({{"x", kInt64}, {"_misfit", kString}, {"z", kUint64}}));
  EXPECT_EQ(cells(*wider, "_misfit"), (Texts{R"("{\"y\":\"old\",\"x\":true,\"z\":-1}")", R"("{\"x\":true}")",
                                             R"("{\"y\":1}")", R"("{\"x\":true}")"}));
}

TEST(Cast, LosesNothingWhereMisfitHoldsNoObject) {
  const auto batch = batch_of({{{"x", kBool}, booleans({true})}, {{"_misfit", kInt64}, numbers<std::int64_t>({5})}});
  EXPECT_EQ(cells(*cast_ok(batch, schema_of({{"x", kInt64}})), "_misfit"),
            (Texts{R"("{\"_misfit\":\"5\",\"x\":true}")"}));
}

TEST(Cast, RefusesAMisfitColumnThatCannotHoldText) {
  const auto batch = batch_of({{{"x", kInt64}, numbers<std::int64_t>({1})}});
  EXPECT_EQ(cast(batch, schema_of({{"_misfit", kInt64}})).status().code(), ErrorCode::invalid_schema);
}

TEST(Cast, EscapesNamesInMisfit) {
  const auto batch = batch_of({{{"a\"b", kBool}, booleans({true})}});
  EXPECT_EQ(cells(*cast_ok(batch, schema_of({{"a\"b", kInt64}})), "_misfit"), (Texts{R"("{\"a\\\"b\":true}")"}));
}

TEST(CastAll, GivesEveryBatchTheSchemaOfTheOneThatNeededMisfit) {
  const auto fits = batch_of({{{"x", kInt64}, numbers<std::int64_t>({1})}});
  const auto does_not = batch_of({{{"x", kInt64}, numbers<std::int64_t>({9007199254740993})}});
  Result<std::vector<RecordBatchPtr>> result = cast_all({fits, does_not, fits}, schema_of({{"x", kFloat64}}));
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->size(), 3u);
  for (const RecordBatchPtr& batch : result.value()) {
    EXPECT_EQ(*batch->schema(), (Schema{{{"x", kFloat64}, {"_misfit", kString}}}));
  }
  EXPECT_EQ(cells(*result.value()[0], "_misfit"), (Texts{"null"}));
  EXPECT_EQ(cells(*result.value()[1], "_misfit"), (Texts{R"("{\"x\":9007199254740993}")"}));
}

TEST(CastAll, TakesABatchWithoutRows) {
  const auto empty = batch_of({{{"x", kInt64}, numbers<std::int64_t>({})}});
  Result<std::vector<RecordBatchPtr>> result =
      cast_all({empty}, schema_of({{"x", kString}, {"y", list_of(TypeId::int64)}}));
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result.value()[0]->rows(), 0);
}

}  // namespace
}  // namespace honeyframe
