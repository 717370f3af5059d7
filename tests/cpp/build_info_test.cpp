#include "build_info.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace honeyframe {
namespace {

TEST(BuildInfoTest, NamesEveryPart) {
  const auto entries = build_info();
  const std::map<std::string, std::string> info(entries.begin(), entries.end());
  EXPECT_EQ(info.size(), entries.size());
  EXPECT_THAT(info.at("paho"), testing::MatchesRegex("1\\.[0-9]+\\.[0-9]+, (lean|system)"));
  EXPECT_THAT(info.at("openssl"), testing::StartsWith("3."));
  EXPECT_THAT(info.at("simdjson"), testing::MatchesRegex("[0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_THAT(info.at("compiler"), testing::AnyOf(testing::StartsWith("gcc "), testing::StartsWith("clang ")));
  EXPECT_THAT(info.at("build_type"), testing::AnyOf("release", "debug"));
}

}  // namespace
}  // namespace honeyframe
