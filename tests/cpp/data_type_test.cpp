#include "data_type.h"

#include <gtest/gtest.h>

namespace honeyframe {
namespace {

TEST(DataType, ReadsWhatItWrites) {
  for (const char* const name : {"bool", "int64", "uint64", "float64", "string", "timestamp", "binary", "list<bool>",
                                 "list<int64>", "list<uint64>", "list<float64>", "list<string>", "list<timestamp>"}) {
    const auto type = DataType::parse(name);
    ASSERT_TRUE(type.ok()) << name;
    EXPECT_EQ(type.value().to_string(), name);
  }
}

TEST(DataType, HasAliases) {
  const auto id = [](std::string_view name) { return DataType::parse(name).value().id; };
  EXPECT_EQ(id("boolean"), TypeId::boolean);
  EXPECT_EQ(id("int"), TypeId::int64);
  EXPECT_EQ(id("integer"), TypeId::int64);
  EXPECT_EQ(id("float"), TypeId::float64);
  EXPECT_EQ(id("double"), TypeId::float64);
  EXPECT_EQ(id("str"), TypeId::string);
  EXPECT_EQ(id("utf8"), TypeId::string);
  EXPECT_EQ(id("datetime"), TypeId::timestamp);
  EXPECT_EQ(id("bytes"), TypeId::binary);
  EXPECT_EQ(id(" float64 "), TypeId::float64);
  EXPECT_EQ(DataType::parse("list< float >").value(), (DataType{TypeId::list, TypeId::float64}));
}

TEST(DataType, RefusesWhatIsNoneAndNamesThoseThereAre) {
  for (const char* const name : {"", "int32", "Float64", "list", "list<>", "list<list<int64>>", "list<int64", "null",
                                 "list<null>", "map<string>"}) {
    const Status status = DataType::parse(name).status();
    EXPECT_EQ(status.code(), ErrorCode::invalid_schema) << name;
    EXPECT_NE(status.message().find("float64"), std::string::npos) << name;
  }
}

TEST(DataType, SpellsTypesThatHaveNoValuesYet) {
  EXPECT_EQ((DataType{TypeId::null, TypeId::null}).to_string(), "null");
  EXPECT_EQ((DataType{TypeId::list, TypeId::null}).to_string(), "list<null>");
}

}  // namespace
}  // namespace honeyframe
