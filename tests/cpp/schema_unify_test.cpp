#include <gtest/gtest.h>

#include "columns_for_tests.h"
#include "record_batch.h"

namespace honeyframe {
namespace {

using namespace testing;

DataType unified(DataType earlier, DataType later) {
  return unify({schema_of({{"x", earlier}}), schema_of({{"x", later}})})->fields.at(0).type;
}

TEST(Unify, KeepsColumnsInTheOrderOfTheirFirstAppearance) {
  const auto schema = unify({schema_of({{"b", kInt64}, {"a", kString}}), schema_of({{"c", kBool}, {"a", kString}}),
                             schema_of({{"0", kNull}})});
  EXPECT_EQ(*schema, (Schema{{{"b", kInt64}, {"a", kString}, {"c", kBool}, {"0", kNull}}}));
}

TEST(Unify, GivesNothingForNothing) {
  EXPECT_TRUE(unify({})->fields.empty());
  EXPECT_TRUE(unify({schema_of({})})->fields.empty());
}

TEST(Unify, LetsAnyTypeTakeTheColumnOfNulls) {
  for (const DataType type :
       {kBool, kInt64, kUint64, kFloat64, kString, kTimestamp, kBinary, list_of(TypeId::string), kNull}) {
    EXPECT_EQ(unified(kNull, type), type);
    EXPECT_EQ(unified(type, kNull), type);
  }
}

TEST(Unify, WidensNumbers) {
  EXPECT_EQ(unified(kInt64, kFloat64), kFloat64);
  EXPECT_EQ(unified(kFloat64, kInt64), kFloat64);
  EXPECT_EQ(unified(kUint64, kFloat64), kFloat64);
  EXPECT_EQ(unified(kInt64, kUint64), kUint64);
  EXPECT_EQ(unified(kUint64, kInt64), kUint64);
}

TEST(Unify, WidensTheItemsOfLists) {
  EXPECT_EQ(unified(list_of(TypeId::int64), list_of(TypeId::float64)), list_of(TypeId::float64));
  EXPECT_EQ(unified(list_of(TypeId::float64), list_of(TypeId::int64)), list_of(TypeId::float64));
  EXPECT_EQ(unified(list_of(TypeId::null), list_of(TypeId::string)), list_of(TypeId::string));
  EXPECT_EQ(unified(list_of(TypeId::string), list_of(TypeId::null)), list_of(TypeId::string));
}

TEST(Unify, MakesTextOfWhatIsTextAnywhere) {
  for (const DataType type : {kBool, kInt64, kUint64, kFloat64, kTimestamp, list_of(TypeId::float64)}) {
    EXPECT_EQ(unified(type, kString), kString);
    EXPECT_EQ(unified(kString, type), kString);
  }
  EXPECT_EQ(unified(list_of(TypeId::string), list_of(TypeId::int64)), list_of(TypeId::string));
}

TEST(Unify, TakesTheLastTypeWhereNothingHoldsBoth) {
  EXPECT_EQ(unified(kBool, kFloat64), kFloat64);
  EXPECT_EQ(unified(kFloat64, list_of(TypeId::float64)), list_of(TypeId::float64));
  EXPECT_EQ(unified(list_of(TypeId::float64), kFloat64), kFloat64);
}

}  // namespace
}  // namespace honeyframe
