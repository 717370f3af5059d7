#include "status.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace honeyframe {
namespace {

TEST(StatusTest, EveryErrorCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::internal); ++code) {
    const std::string_view name = to_string(static_cast<ErrorCode>(code));
    EXPECT_FALSE(name.empty()) << code;
    EXPECT_TRUE(names.insert(name).second) << name << " is there twice";
  }
  EXPECT_EQ(to_string(ErrorCode::dns_failed), "dns_failed");
  EXPECT_EQ(to_string(ErrorCode::internal), "internal");
}

TEST(StatusTest, DefaultIsOk) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.message(), "");
  EXPECT_FALSE(status.reason_code().has_value());
}

TEST(StatusTest, KeepsEverythingItIsTold) {
  const Status status = Status(ErrorCode::publish_denied, "publish to 'a/b' was refused")
                            .with_hint("use another credential")
                            .with_reason(0x87, "Not authorized")
                            .with_subjects({"a/b"})
                            .with_native_code(-7);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.code(), ErrorCode::publish_denied);
  EXPECT_EQ(status.message(), "publish to 'a/b' was refused");
  EXPECT_EQ(status.hint(), "use another credential");
  EXPECT_EQ(status.reason_code(), 0x87);
  EXPECT_EQ(status.reason_string(), "Not authorized");
  EXPECT_EQ(status.subjects(), std::vector<std::string>{"a/b"});
  EXPECT_EQ(status.native_code(), -7);
}

TEST(ResultTest, HoldsAValueOrAStatus) {
  Result<std::string> good(std::string("value"));
  ASSERT_TRUE(good.ok());
  EXPECT_TRUE(good.status().ok());
  EXPECT_EQ(good.value(), "value");
  EXPECT_EQ(good->size(), 5U);
  EXPECT_EQ(std::move(good).value(), "value");

  const Result<std::string> bad(Status(ErrorCode::timeout, "late"));
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().code(), ErrorCode::timeout);
}

TEST(ResultTest, AnOkStatusIsNoResult) {
  const Result<int> result{Status()};
  EXPECT_FALSE(result.ok());
  EXPECT_EQ(result.status().code(), ErrorCode::internal);
}

}  // namespace
}  // namespace honeyframe
