#include "json_check.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace honeyframe {
namespace {

bool is_json(std::string_view payload) {
  JsonCheck check;
  const std::string padded = std::string(payload) + std::string(64, '\0');
  return check.is_json(std::string_view(padded).substr(0, payload.size()));
}

TEST(JsonCheck, TakesWhatIsJson) {
  for (const std::string_view payload : {R"({"a": [1, 2.5, {"b": null}]})", "[]", "{}", "21.5", "-0", "true", "null",
                                         R"("text")", " {\"a\": 1}\r\n", "\xEF\xBB\xBF{\"a\": 1}", R"(["\u00e9"])"}) {
    EXPECT_TRUE(is_json(payload)) << payload;
  }
}

TEST(JsonCheck, RefusesWhatIsNot) {
  for (const std::string_view payload :
       {"", " ", "\xEF\xBB\xBF", "21.5 C", "on", "True", "{\"a\": 1,}", "{\"a\": tru}", "[1] [2]", "{\"a\": \"\\q\"}",
        "nan", "{\"a\"", "\xFF\xFE", "[\"\xFF\"]", "01", "1 2"}) {
    EXPECT_FALSE(is_json(payload)) << payload;
  }
}

TEST(JsonCheck, RefusesWhatIsNestedTooDeeply) {
  EXPECT_TRUE(is_json(std::string(64, '[') + std::string(64, ']')));
  EXPECT_FALSE(is_json(std::string(65, '[') + std::string(65, ']')));
}

TEST(JsonCheck, ForgetsAFaultBeforeTheNextPayload) {
  JsonCheck check;
  const std::string bad = "{\"a\": tru}" + std::string(64, '\0');
  const std::string good = "{\"a\": true}" + std::string(64, '\0');
  EXPECT_FALSE(check.is_json(std::string_view(bad).substr(0, 10)));
  EXPECT_TRUE(check.is_json(std::string_view(good).substr(0, 11)));
}

}  // namespace
}  // namespace honeyframe
