#include "topic_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace honeyframe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(TopicNameTest, AcceptsWhatTheSpecificationAllows) {
  for (const std::string_view topic :
       {"a", "/", "/finance", "a//b", "$SYS/uptime", "with space", "\xC3\xA4/\xF0\x9F\x90\x9D", "a/b/"}) {
    EXPECT_TRUE(validate_topic_name(topic).ok()) << topic;
    EXPECT_TRUE(is_valid_topic_name(topic)) << topic;
  }
  EXPECT_TRUE(is_valid_topic_name(std::string(65'535, 'x')));
}

TEST(TopicNameTest, RejectsTheRestAndSaysWhy) {
  using namespace std::string_view_literals;
  const std::pair<std::string, const char*> rows[] = {
      {"", "is empty"},
      {std::string(65'536, 'x'), "65536 bytes"},
      {std::string("a\0b"sv), "NUL"},
      {"a/\xFF", "UTF-8"},
      {"a/\xED\xA0\x80", "UTF-8"},
      {"a/+/b", "wildcard"},
      {"a/b#", "wildcard"},
  };
  for (const auto& [topic, what] : rows) {
    const Status status = validate_topic_name(topic);
    EXPECT_EQ(status.code(), ErrorCode::invalid_topic);
    EXPECT_THAT(status.message(), HasSubstr(what));
    EXPECT_LT(status.message().size(), 400U);
    EXPECT_FALSE(is_valid_topic_name(topic));
  }
}

TEST(TopicNameTest, WhatIsSentHasNoControlCharacters) {
  for (const std::string_view topic : {"a/\n", "\x01", "a\x1F/b", "a\x7F", "\xC2\x80", "a/\xC2\x9F/b"}) {
    EXPECT_TRUE(validate_topic_name(topic).ok()) << "it may come from elsewhere";
    const Status status = validate_sent_topic(topic);
    EXPECT_EQ(status.code(), ErrorCode::invalid_topic);
    EXPECT_THAT(status.message(), HasSubstr("control character"));
  }
  for (const std::string_view topic : {"a b", "\xC2\xA0", "\xC3\x84/\xF0\x9F\x90\x9D", "~"}) {
    EXPECT_TRUE(validate_sent_topic(topic).ok()) << topic;
  }
  EXPECT_FALSE(validate_sent_topic("a/#").ok());
}

TEST(TopicFilterTest, AcceptsValidFilters) {
  for (const std::string_view filter :
       {"#", "+", "/", "+/+", "/+", "sport/tennis/+", "sport/tennis/#", "+/tennis/#", "sport/+/player1", "$SYS/#",
        "$share/group/a/+/#", "$share/g//", "$share", "$shares/a", "a//#"}) {
    EXPECT_TRUE(validate_topic_filter(filter).ok()) << filter;
  }
}

TEST(TopicFilterTest, RejectsInvalidFilters) {
  using namespace std::string_view_literals;
  const std::pair<std::string, const char*> rows[] = {
      {"", "is empty"},
      {"sport/tennis#", "stands alone"},
      {"sport/tennis/#/ranking", "before its end"},
      {"#/a", "before its end"},
      {"sport+", "level 1"},
      {"a/b+c/d", "level 2"},
      {"a/++", "stands alone"},
      {"##", "stands alone"},
      {std::string("a\0"sv), "NUL"},
      {"\xC3(", "UTF-8"},
      {std::string(70'000, 'a'), "70000 bytes"},
      {"$share/", "group name"},
      {"$share//a", "group name"},
      {"$share/g", "nothing behind"},
      {"$share/g/", "nothing behind"},
      {"$share/g+/a", "group name"},
      {"$share/#/a", "group name"},
      {"$share/g/a#", "stands alone"},
  };
  for (const auto& [filter, what] : rows) {
    const Status status = validate_topic_filter(filter);
    EXPECT_EQ(status.code(), ErrorCode::invalid_topic_filter) << filter.substr(0, 40);
    EXPECT_THAT(status.message(), HasSubstr(what));
  }
}

TEST(TopicMatchesTest, ExamplesOfTheSpecification) {
  struct Row {
    const char* filter;
    const char* topic;
    bool matches;
  };
  const Row rows[] = {
      {"sport/tennis/player1/#", "sport/tennis/player1", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
      {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
      {"sport/tennis/player1/#", "sport/tennis/player10", false},
      {"sport/#", "sport", true},
      {"sport/#", "sports", false},
      {"#", "a/b/c", true},
      {"sport/tennis/+", "sport/tennis/player1", true},
      {"sport/tennis/+", "sport/tennis/player1/ranking", false},
      {"sport/+", "sport", false},
      {"sport/+", "sport/", true},
      {"+/+", "/finance", true},
      {"/+", "/finance", true},
      {"+", "/finance", false},
      {"#", "$SYS/monitor", false},
      {"+/monitor/Clients", "$SYS/monitor/Clients", false},
      {"$SYS/#", "$SYS/monitor", true},
      {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
      {"ACCOUNTS", "Accounts", false},
      {"/finance", "finance", false},
      {"a/+/c", "a//c", true},
      {"a/b", "a/b/", false},
      {"a/b/", "a/b", false},
      {"+", "$SYS", false},
      {"+/a", "x$/a", true},
      {"$share/group/a/+", "a/b", true},
      {"$share/group/#", "$SYS/a", false},
      {"$share", "$share", true},
  };
  for (const Row& row : rows)
    EXPECT_EQ(topic_matches(row.filter, row.topic), row.matches) << row.filter << " on " << row.topic;
}

TEST(WithoutShareTest, TakesThePrefixOff) {
  EXPECT_EQ(without_share("$share/group/a/b"), "a/b");
  EXPECT_EQ(without_share("a/b"), "a/b");
  EXPECT_EQ(without_share("$share"), "$share");
}

std::vector<std::string> levels_of(std::string_view text, std::string_view topic) {
  const auto parsed = TopicTemplate::parse(text);
  std::vector<std::string_view> levels{"stale"};
  if (!parsed.ok() || !parsed.value().extract(topic, levels)) {
    EXPECT_THAT(levels, testing::AnyOf(IsEmpty(), ElementsAre("stale")));
    return {"no match"};
  }
  return {levels.begin(), levels.end()};
}

TEST(TopicTemplateTest, GivesFilterAndNames) {
  const auto parsed = TopicTemplate::parse("plant/{line}/+/{Sensor_2}/{rest...}");
  ASSERT_TRUE(parsed.ok()) << parsed.status().message();
  EXPECT_EQ(parsed.value().filter(), "plant/+/+/+/#");
  EXPECT_EQ(parsed.value().text(), "plant/{line}/+/{Sensor_2}/{rest...}");
  EXPECT_THAT(parsed.value().names(), ElementsAre("line", "Sensor_2", "rest"));

  const auto shared = TopicTemplate::parse("$share/group/{a}/x");
  ASSERT_TRUE(shared.ok());
  EXPECT_EQ(shared.value().filter(), "$share/group/+/x");

  const auto plain = TopicTemplate::parse("a/#");
  ASSERT_TRUE(plain.ok());
  EXPECT_EQ(plain.value().filter(), "a/#");
  EXPECT_THAT(plain.value().names(), IsEmpty());
}

TEST(TopicTemplateTest, ExtractsLevels) {
  EXPECT_THAT(levels_of("plant/{line}/telemetry", "plant/7/telemetry"), ElementsAre("7"));
  EXPECT_THAT(levels_of("{a}/{b}/{c}", "1//3"), ElementsAre("1", "", "3"));
  EXPECT_THAT(levels_of("{a}/+/{c}/#", "1/2/3/4/5"), ElementsAre("1", "3"));
  EXPECT_THAT(levels_of("{a}/#", "1"), ElementsAre("1"));
  EXPECT_THAT(levels_of("{a}/{rest...}", "1/2/3"), ElementsAre("1", "2/3"));
  EXPECT_THAT(levels_of("{a}/{rest...}", "1/"), ElementsAre("1", ""));
  EXPECT_THAT(levels_of("{a}/{rest...}", "1"), ElementsAre("1", ""));
  EXPECT_THAT(levels_of("{all...}", "1/2"), ElementsAre("1/2"));
  EXPECT_THAT(levels_of("/{a}", "/x"), ElementsAre("x"));
  EXPECT_THAT(levels_of("$share/g/{a}/{b}", "1/2"), ElementsAre("1", "2"));
  EXPECT_THAT(levels_of("a/b", "a/b"), IsEmpty());
}

TEST(TopicTemplateTest, DoesNotExtractFromOtherTopics) {
  EXPECT_THAT(levels_of("plant/{line}/telemetry", "plant/7/status"), ElementsAre("no match"));
  EXPECT_THAT(levels_of("{a}", "1/2"), ElementsAre("no match"));
  EXPECT_THAT(levels_of("{a}/{b}", "$SYS/x"), ElementsAre("no match"));
}

TEST(TopicTemplateTest, RejectsBadTemplates) {
  const std::pair<const char*, const char*> rows[] = {
      {"plant/{}/x", "without a name"},     {"plant/{a}/{a}", "twice"},
      {"plant/{a}x", "span a whole level"}, {"plant/x{a}", "span a whole level"},
      {"plant/{a", "span a whole level"},   {"plant/a}", "span a whole level"},
      {"plant/{", "span a whole level"},    {"plant/{{a}}", "letters, digits"},
      {"plant/{1a}", "letters, digits"},    {"plant/{a-b}", "letters, digits"},
      {"plant/{a b}", "letters, digits"},   {"plant/{\xC3\xA4}", "letters, digits"},
      {"plant/{_topic}", "reserved"},       {"plant/{...}", "without a name"},
      {"plant/{rest...}/x", "last level"},  {"plant/{rest:#}", "letters, digits"},
      {"$share/{g}/a", "group name"},
  };
  for (const auto& [text, what] : rows) {
    const auto parsed = TopicTemplate::parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().code(), ErrorCode::invalid_topic_template) << text;
    EXPECT_THAT(parsed.status().message(), HasSubstr(what)) << text;
  }
  for (const char* text : {"", "a/#/{b}", "$share/g/", "{a}/b#", "$share/g"}) {
    EXPECT_EQ(TopicTemplate::parse(text).status().code(), ErrorCode::invalid_topic_filter) << text;
  }
}

}  // namespace
}  // namespace honeyframe
