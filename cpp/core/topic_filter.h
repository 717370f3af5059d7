#pragma once

// Topic names, topic filters and topic templates (MQTT 5.0, section 4.7). Pure functions and immutable values.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "status.h"

namespace honeyframe {

// Well-formed UTF-8, 1 to 65,535 bytes, no NUL, no wildcard.
[[nodiscard]] Status validate_topic_name(std::string_view topic);
// Also refuses control characters, over which brokers end the connection (MQTT 5.0, 1.5.4: U+0001 to 1F, 7F to 9F).
[[nodiscard]] Status validate_sent_topic(std::string_view topic);
[[nodiscard]] bool is_valid_topic_name(std::string_view topic) noexcept;

// As above, `+` and `#` where 4.7.1 allows them, `$share/<group>/<filter>` (4.8.2) checked as well.
[[nodiscard]] Status validate_topic_filter(std::string_view filter);

// The filter behind `$share/<group>/`, or the filter itself.
[[nodiscard]] std::string_view without_share(std::string_view filter) noexcept;

// Both valid. `#` and `+` at the first level do not match topics that begin with `$` (4.7.2). `$share/<group>/` in
// front of the filter is skipped.
[[nodiscard]] bool topic_matches(std::string_view filter, std::string_view topic) noexcept;

// "plant/{line}/telemetry" -> filter "plant/+/telemetry" and the level `line`. A last level of the form "{rest...}"
// stands for `#`: the remaining levels, joined by '/', or nothing. `+` and `#` may be mixed in, unnamed.
// "$share/group/" may stand in front. Names are ASCII identifiers; a leading underscore is reserved for metadata
// columns.
class TopicTemplate {
 public:
  // Errors: invalid_topic_template (empty, repeated or reserved name, a brace that does not span a level, a name that
  // is no identifier), invalid_topic_filter.
  static Result<TopicTemplate> parse(std::string_view text);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // What to subscribe to.
  [[nodiscard]] const std::string& filter() const noexcept { return filter_; }
  // Column names, in the order of the levels. Empty where the text has no braces.
  [[nodiscard]] const std::vector<std::string>& names() const noexcept { return names_; }
  // One view into `topic` for each name; false where the topic does not match.
  [[nodiscard]] bool extract(std::string_view topic, std::vector<std::string_view>& levels) const;

 private:
  std::string text_;
  std::string filter_;
  std::vector<std::string> names_;
  std::vector<std::size_t> captures_;  // the levels of the names
};

}  // namespace honeyframe
