#include "publish_check.h"

#include <gtest/gtest.h>

namespace honeyframe {
namespace {

PublishRequest message(MessageProperties properties) {
  return {.topic = "t", .payload = "x", .properties = std::move(properties)};
}

TEST(PublishCheck, AcceptsFieldsOfTheLargestSize) {
  const std::string longest(65'535, 'x');
  EXPECT_TRUE(validate(message({longest, longest, longest, {{longest, longest}}})).ok());
  EXPECT_TRUE(validate(message({"", "", std::string("\xff\0\x80", 3), {{"", ""}}})).ok()) << "any bytes correlate";
}

TEST(PublishCheck, RefusesFieldsThatDoNotFitTheirLength) {
  const std::string longer(65'536, 'x');
  EXPECT_EQ(validate(message({longer, "", "", {}})).code(), ErrorCode::invalid_argument);
  EXPECT_EQ(validate(message({"", longer, "", {}})).code(), ErrorCode::invalid_topic);
  EXPECT_EQ(validate(message({"", "", longer, {}})).code(), ErrorCode::invalid_argument);
  EXPECT_EQ(validate(message({"", "", "", {{longer, ""}}})).code(), ErrorCode::invalid_argument);
  const auto status = validate(message({"", "", "", {{"ok", ""}, {"unit", longer}}}));
  EXPECT_EQ(status.code(), ErrorCode::invalid_argument);
  EXPECT_NE(status.message().find("'unit'"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("65536"), std::string::npos) << status.message();
}

TEST(PublishCheck, RefusesTextThatIsNone) {
  for (const auto& bad : {std::string("\xff"), std::string("a\0b", 3)}) {
    EXPECT_EQ(validate(message({bad, "", "", {}})).code(), ErrorCode::invalid_argument);
    EXPECT_EQ(validate(message({"", bad, "", {}})).code(), ErrorCode::invalid_topic);
    EXPECT_EQ(validate(message({"", "", "", {{bad, "x"}}})).code(), ErrorCode::invalid_argument);
    EXPECT_EQ(validate(message({"", "", "", {{"x", bad}}})).code(), ErrorCode::invalid_argument);
  }
  EXPECT_EQ(validate(message({"", "answers/#", "", {}})).code(), ErrorCode::invalid_topic);
}

TEST(PublishCheck, CountsThePropertiesIntoTheLargestPacket) {
  PublishRequest large{.topic = "t", .payload = std::string(268'435'455 - 9, 'x')};
  EXPECT_EQ(packet_size(large), 268'435'455u);
  EXPECT_TRUE(validate(large).ok());
  large.properties.content_type = "c";
  EXPECT_EQ(validate(large).code(), ErrorCode::packet_too_large);
}

}  // namespace
}  // namespace honeyframe
