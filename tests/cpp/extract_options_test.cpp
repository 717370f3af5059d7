#include "extract_options.h"

#include <gtest/gtest.h>

#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

ErrorCode code_of(const ExtractOptions& options) {
  const ErrorCode code = options.validate().code();
  EXPECT_EQ(Extractor::create(options).status().code(), code);
  return code;
}

ExtractOptions with_schema(std::vector<ColumnSpec> schema) {
  ExtractOptions options;
  options.schema = std::move(schema);
  return options;
}

constexpr DataType kInteger{TypeId::int64, TypeId::null};

TEST(ExtractOptions, TheDefaultsAreFine) {
  EXPECT_EQ(code_of({}), ErrorCode::ok);
}

TEST(ExtractOptions, RefusesWhatMakesNoSense) {
  ExtractOptions options;
  options.separator = "";
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  options = {};
  options.max_columns = 0;
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  options = {};
  options.max_depth = 0;
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  options.max_depth = 1'000'000;
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  options = {};
  options.columns = {""};
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  options = {};
  options.payload = PayloadMode::text;
  options.explode = "a";
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  options = {};
  options.explode = "a..b";
  EXPECT_EQ(code_of(options), ErrorCode::invalid_schema);
  options = {};
  options.event_time = EventTimeOptions{};
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  options.event_time->path = "/~x";
  EXPECT_EQ(code_of(options), ErrorCode::invalid_schema);
  options.event_time->path = "ts";
  options.zone = {{10, 0}, {5, 0}};
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  options.zone = {{10, 90'000}};
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
}

TEST(ExtractOptions, RefusesANulInNames) {
  const std::string name("a\0b", 3);
  ExtractOptions options;
  options.separator = std::string(1, '\0');
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  options = {};
  options.columns = {"c", name};
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
  EXPECT_NE(options.validate().message().find("a\\x00b"), std::string::npos) << options.validate().message();
  EXPECT_EQ(code_of(with_schema({{name, "a", kInteger}})), ErrorCode::invalid_schema);
  EXPECT_EQ(code_of(with_schema({{name, "", kInteger}})), ErrorCode::invalid_schema);
  EXPECT_EQ(code_of(with_schema({{"a", name, kInteger}})), ErrorCode::ok);  // a path may
}

TEST(ExtractOptions, RefusesSchemasThatCannotBe) {
  EXPECT_EQ(code_of(with_schema({})), ErrorCode::invalid_schema);
  EXPECT_EQ(code_of(with_schema({{"", "a", kInteger}})), ErrorCode::invalid_schema);
  EXPECT_EQ(code_of(with_schema({{"a", "", kInteger}, {"a", "b", kInteger}})), ErrorCode::invalid_schema);
  EXPECT_EQ(code_of(with_schema({{"a", "", {}}})), ErrorCode::invalid_schema);
  EXPECT_EQ(code_of(with_schema({{"a", "x..y", kInteger}})), ErrorCode::invalid_schema);
  EXPECT_EQ(code_of(with_schema({{"a", "/~", kInteger}})), ErrorCode::invalid_schema);
  EXPECT_EQ(code_of(with_schema({{"a\xFF", "", kInteger}})), ErrorCode::invalid_schema);
  ExtractOptions both = with_schema({{"a", "", kInteger}});
  EXPECT_EQ(code_of(both), ErrorCode::ok);
  both.columns = {"a"};
  EXPECT_EQ(code_of(both), ErrorCode::invalid_argument);
  ExtractOptions raw = with_schema({{"value_raw", "", {TypeId::string, TypeId::null}}});
  raw.payload = PayloadMode::raw;
  EXPECT_EQ(code_of(raw), ErrorCode::invalid_schema);
}

TEST(ExtractOptions, ASchemaColumnMustNotBearANameThatIsTaken) {
  for (const char* const name : {"_topic", "_recv_time", "_misfit", "_extra"}) {
    const auto created = Extractor::create(with_schema({{name, "a", kInteger}}));
    EXPECT_EQ(created.status().code(), ErrorCode::invalid_schema) << name;
    EXPECT_NE(created.status().message().find(name), std::string::npos);
  }
  ExtractOptions options = with_schema({{"line", "", kInteger}});
  options.topic_template = TopicTemplate::parse("plant/{line}").value();
  EXPECT_EQ(Extractor::create(options).status().code(), ErrorCode::invalid_schema);
}

TEST(ExtractOptions, ASequenceNeedsAPathAndALevelThatIsThere) {
  const auto following = [](std::string path, std::string by) {
    ExtractOptions options;
    options.sequence = SequenceOptions{std::move(path), std::move(by)};
    return options;
  };
  EXPECT_EQ(code_of(following("seq", "")), ErrorCode::ok);
  EXPECT_EQ(code_of(following("", "")), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(following("a..b", "")), ErrorCode::invalid_schema);
  EXPECT_EQ(code_of(following("seq", "line")), ErrorCode::invalid_argument);
  ExtractOptions options = following("seq", "line");
  options.topic_template = TopicTemplate::parse("plant/{line}/{kind}").value();
  EXPECT_EQ(code_of(options), ErrorCode::ok);
  options.sequence->by = "lines";
  EXPECT_NE(options.validate().message().find("'line', 'kind'"), std::string::npos) << options.validate().message();
  options.sequence->by.clear();
  options.payload = PayloadMode::text;
  EXPECT_EQ(code_of(options), ErrorCode::invalid_argument);
}

TEST(ExtractOptions, ErrorsSayWhatWasFound) {
  const Status status = with_schema({{"temp", "a..b", kInteger}}).validate();
  EXPECT_NE(status.message().find("a..b"), std::string::npos) << status.message();
}

}  // namespace
}  // namespace honeyframe::testing
