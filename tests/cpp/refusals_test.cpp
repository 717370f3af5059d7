#include "refusals.h"

#include <gtest/gtest.h>

#include "reason_codes.h"

namespace honeyframe {
namespace {

TEST(Refusals, NameEveryTopic) {
  const auto status = status_for_close_on_publish({"b", "a"});
  EXPECT_EQ(status.code(), ErrorCode::publish_probably_denied);
  EXPECT_EQ(status.subjects(), (std::vector<std::string>{"a", "b"}));
  EXPECT_FALSE(status.hint().empty());
}

TEST(Refusals, KeepTheBrokersWords) {
  const auto denied = status_for_disconnect_on_publish({"secret"}, 0x87, "no right");
  EXPECT_EQ(denied.code(), ErrorCode::publish_denied);
  EXPECT_EQ(denied.reason_code(), 0x87);
  EXPECT_EQ(denied.reason_string(), "no right");
  EXPECT_NE(denied.message().find("secret"), std::string::npos);
  EXPECT_EQ(status_for_disconnect_on_publish({"big"}, 0x95, "").code(), ErrorCode::packet_too_large);
}

TEST(Refusals, SayWhatElseWasRefused) {
  const auto first = status_for_suback(0x87, "a", "no");
  EXPECT_EQ(naming_all(first, {"a"}).message(), first.message());
  const auto all = naming_all(first, {"c", "a"});
  EXPECT_EQ(all.code(), ErrorCode::subscribe_denied);
  EXPECT_EQ(all.subjects(), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(all.reason_string(), "no");
  EXPECT_EQ(all.reason_code(), 0x87);
}

TEST(Refusals, TellPacketsFromConnections) {
  EXPECT_TRUE(is_about_publish(0x87) && is_about_subscribe(0x87));
  EXPECT_TRUE(is_about_publish(0x90) && !is_about_subscribe(0x90));
  EXPECT_TRUE(is_about_subscribe(0x9E) && !is_about_publish(0x9E));
  for (const int code : {0x00, 0x80, 0x8B, 0x8D, 0x8E, 0x9D})
    EXPECT_FALSE(is_about_publish(code) || is_about_subscribe(code)) << code;
}

}  // namespace
}  // namespace honeyframe
