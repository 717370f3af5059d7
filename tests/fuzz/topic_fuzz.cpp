// Topics: a filter or template up to the first line feed, then a topic. The matcher agrees with one that takes both
// apart level by level, and a template gives back the levels that it names.

#include <algorithm>
#include <string>
#include <vector>

#include "fuzz_check.h"
#include "topic_filter.h"
#include "utf8.h"

namespace honeyframe {
namespace {

std::vector<std::string_view> levels_of(std::string_view text) {
  std::vector<std::string_view> levels;
  for (std::size_t begin = 0;;) {
    const std::size_t end = std::min(text.find('/', begin), text.size());
    levels.push_back(text.substr(begin, end - begin));
    if (end == text.size()) return levels;
    begin = end + 1;
  }
}

// MQTT 5.0, section 4.7, word by word.
bool matches(std::string_view filter, std::string_view topic) {
  const std::vector<std::string_view> wanted = levels_of(without_share(filter));
  const std::vector<std::string_view> found = levels_of(topic);
  if (topic.starts_with('$') && (wanted[0] == "+" || wanted[0] == "#")) return false;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (wanted[i] == "#") return true;
    if (i >= found.size() || (wanted[i] != "+" && wanted[i] != found[i])) return false;
  }
  return wanted.size() == found.size();
}

void check_template(std::string_view text, std::string_view topic) {
  const auto parsed = TopicTemplate::parse(text);
  if (!parsed.ok()) {
    FUZZ_CHECK(is_valid_utf8(parsed.status().message()));
    return;
  }
  FUZZ_CHECK(validate_topic_filter(parsed.value().filter()).ok());
  if (!is_valid_topic_name(topic)) return;
  std::vector<std::string_view> levels;
  const bool extracted = parsed.value().extract(topic, levels);
  FUZZ_CHECK(extracted == topic_matches(parsed.value().filter(), topic));
  if (!extracted) return;
  FUZZ_CHECK(levels.size() == parsed.value().names().size());
  for (const std::string_view level : levels) {
    // Within the topic, or nothing: what {rest...} finds where no level is left.
    FUZZ_CHECK(level.empty() ||
               (level.data() >= topic.data() && level.data() + level.size() <= topic.data() + topic.size()));
  }
}

}  // namespace
}  // namespace honeyframe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace honeyframe;
  std::string_view topic = fuzz::text_of(data, size);
  const std::string_view filter = fuzz::take_until(topic, '\n');
  const Status as_filter = validate_topic_filter(filter);
  const Status as_topic = validate_topic_name(topic);
  FUZZ_CHECK(as_topic.ok() == is_valid_topic_name(topic));
  FUZZ_CHECK(is_valid_utf8(as_filter.message()) && is_valid_utf8(as_topic.message()));
  // A topic is a filter, but for what begins like a shared subscription.
  if (as_topic.ok() && !topic.starts_with("$share")) {
    FUZZ_CHECK(validate_topic_filter(topic).ok());
    FUZZ_CHECK(topic_matches(topic, topic));
  }
  if (as_filter.ok() && as_topic.ok()) FUZZ_CHECK(topic_matches(filter, topic) == matches(filter, topic));
  check_template(filter, topic);
  return 0;
}
