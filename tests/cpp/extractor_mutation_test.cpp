// Documents broken by chance, from a fixed seed: whatever comes, the extractor and simdjson's own parser agree on what
// is JSON, on every instruction set this machine has, and the books balance.

#include <gtest/gtest.h>
#include <simdjson.h>

#include <chrono>
#include <iterator>
#include <optional>
#include <random>
#include <string>

#include "extraction_for_tests.h"

namespace honeyframe::testing {
namespace {

const char* const kSeeds[] = {
    R"({"temp":21.5,"hum":40,"name":"caf\u00e9 \ud83d\ude00","ok":true,"none":null,"nested":{"a":{"b":[1,2,3]}}})",
    R"([{"a":1,"b":"x"},{"a":2.5,"c":[true,false,null]},{"a":-9223372036854775808,"b":18446744073709551615}])",
    R"([1,2.5,-3e10,"text",null,true,[],{},[[1],[2]],{"k":{"k":{}}}])",
    R"({"readings":[{"t":1,"v":0.1},{"t":2,"v":"N/A"},3,null],"id":"x","":0,"a.b":1,"a":{"b":2},"id":"y"})",
    R"(  {"\"quoted\"" : "\\\/\b\f\n\r\t" , "long" : 123456789012345678901234567890 , "exp" : 1E+2 }  )",
    "-0.0",
    R"("just a string")",
    "[\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\",0,0.5,1e-7]",
};

std::string mutate(std::mt19937& random, std::string text) {
  static constexpr std::string_view kBytes = "{}[]:,\"\\ \n\t0123456789.-+eEtrufalsn\x01\x7F\xC3\xA9\xFF";
  const auto below = [&random](std::size_t n) { return n == 0 ? 0 : random() % n; };
  for (auto edits = 1 + below(3); edits > 0; --edits) {
    const std::size_t at = below(text.size() + 1);
    switch (below(5)) {
      case 0:
        if (at < text.size()) text.erase(at, 1 + below(4));
        break;
      case 1:
        text.insert(at, 1, kBytes[below(kBytes.size())]);
        break;
      case 2:
        if (at < text.size()) text[at] = kBytes[below(kBytes.size())];
        break;
      case 3:
        text.resize(at);
        break;
      default:
        text.insert(at, text.substr(below(text.size()), below(12)));
        break;
    }
  }
  return text;
}

bool has_long_integer(const std::string& text) {
  std::size_t digits = 0;
  for (const char c : text) {
    digits = c >= '0' && c <= '9' ? digits + 1 : 0;
    if (digits > 18) return true;
  }
  return false;
}

// simdjson's DOM, strict about everything, but for what our rules say otherwise. Empty: cannot be compared.
std::optional<bool> is_json(const std::string& text, simdjson::dom::parser& parser) {
  const simdjson::error_code error = parser.parse(text).error();
  if (error == simdjson::SUCCESS) return true;
  // Huge numbers are errors in simdjson, values with a rule here.
  if (has_long_integer(text) || text.find_first_of("eE") != std::string::npos) return std::nullopt;
  // As are byte order marks, by its version.
  if (text.starts_with("\xEF\xBB\xBF")) return std::nullopt;
  return false;
}

TEST(ExtractorMutation, AgreesWithAStrictParserOnWhatIsJson) {
  using Clock = std::chrono::steady_clock;
  const auto until = Clock::now() + std::chrono::seconds(4);
  std::mt19937 random(20'240'613);
  ExtractOptions options = without_metadata();
  options.payload = PayloadMode::json;
  options.max_columns = 30;
  options.explode = "readings";
  simdjson::dom::parser parser;
  std::uint64_t compared = 0;
  std::uint64_t accepted = 0;
  while (Clock::now() < until) {
    Feed feed(options);
    for (int i = 0; i < 200; ++i) {
      const std::string text = mutate(random, kSeeds[random() % std::size(kSeeds)]);
      if (text.empty()) continue;
      const std::uint64_t before = feed.counters().quarantined;
      feed.add(text);
      const bool ours = feed.counters().quarantined == before;
      const std::optional<bool> theirs = is_json(text, parser);
      if (!theirs) continue;
      ++compared;
      accepted += ours ? 1 : 0;
      ASSERT_EQ(ours, *theirs) << text << "\n" << (ours ? "" : feed.quarantine().back().message);
    }
    const RecordBatch& batch = feed.batch();
    const ExtractCounters counters = feed.counters();
    EXPECT_EQ(counters.payloads, batch.messages() + counters.quarantined);
    EXPECT_EQ(counters.rows, static_cast<std::uint64_t>(batch.rows()));
    for (const Column& column : batch.columns()) EXPECT_EQ(column.length, batch.rows());
  }
  EXPECT_GT(compared, 2'000U);
  EXPECT_GT(accepted, compared / 20);
}

// Every instruction set cuts the same tokens: verdict, reason and position.
TEST(ExtractorMutation, EveryInstructionSetSaysTheSame) {
  const auto* const usual = simdjson::get_active_implementation().operator->();
  std::mt19937 random(7);
  Texts texts;
  for (int i = 0; i < 3'000; ++i) {
    texts.push_back(mutate(random, kSeeds[random() % std::size(kSeeds)]));
    if (texts.back().empty()) texts.pop_back();
  }
  const auto verdicts = [&texts] {
    Texts said;
    for (const std::string& text : texts) {
      Feed feed;
      feed.add(text);
      const auto entries = feed.quarantine();
      said.push_back(entries.empty() ? std::to_string(feed.batch().rows())
                                     : entries[0].reason + " " + std::to_string(entries[0].position));
    }
    return said;
  };
  const Texts expected = verdicts();
  for (const auto* const implementation : simdjson::get_available_implementations()) {
    if (!implementation->supported_by_runtime_system()) continue;
    simdjson::get_active_implementation() = implementation;
    const Texts said = verdicts();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      EXPECT_EQ(said[i], expected[i]) << implementation->name() << ": " << texts[i];
    }
  }
  simdjson::get_active_implementation() = usual;
}

}  // namespace
}  // namespace honeyframe::testing
