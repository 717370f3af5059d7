#include "topic_filter.h"

#include <algorithm>
#include <utility>

#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::size_t kMaxTopicBytes = 65'535;
constexpr std::string_view kSharePrefix = "$share/";
constexpr std::string_view kRestSuffix = "...";

// Walks the levels of a topic or filter: "a//b" has three, the second empty.
class Levels {
 public:
  explicit Levels(std::string_view text) noexcept : rest_(text) {}
  bool next(std::string_view& level) noexcept {
    if (done_) return false;
    const std::size_t slash = rest_.find('/');
    level = rest_.substr(0, slash);
    if (slash == std::string_view::npos) {
      done_ = true;
    } else {
      rest_.remove_prefix(slash + 1);
    }
    return true;
  }

 private:
  std::string_view rest_;
  bool done_ = false;
};

// What is wrong with `text` as an MQTT string, apart from wildcards; empty where nothing is.
std::string text_fault(std::string_view text) {
  if (text.empty()) return "is empty; MQTT wants at least one character";
  if (text.size() > kMaxTopicBytes) {
    return "has " + std::to_string(text.size()) + " bytes; MQTT allows " + std::to_string(kMaxTopicBytes);
  }
  if (text.find('\0') != std::string_view::npos) return "contains a NUL character, which MQTT forbids";
  if (!is_valid_utf8(text)) return "is not well-formed UTF-8";
  return {};
}

std::string wildcard_fault(std::string_view filter) {
  Levels levels(filter);
  std::string_view level;
  for (std::size_t number = 1; levels.next(level); ++number) {
    if (level.find_first_of("+#") != std::string_view::npos && level.size() != 1) {
      return "has a wildcard beside other characters in level " + std::to_string(number) + " (" + in_quotes(level) +
             "); a wildcard stands alone between slashes";
    }
    std::string_view further;
    if (level == "#" && levels.next(further)) return "has '#' before its end; '#' may only be the last level";
  }
  return {};
}

std::string share_fault(std::string_view filter) {
  if (!filter.starts_with(kSharePrefix)) return {};
  const std::string_view group =
      filter.substr(kSharePrefix.size(), filter.find('/', kSharePrefix.size()) - kSharePrefix.size());
  if (group.empty()) return "has no group name; a shared subscription is $share/<group>/<filter>";
  if (group.find_first_of("+#") != std::string_view::npos)
    return "has a wildcard in its group name " + in_quotes(group);
  if (filter.size() <= kSharePrefix.size() + group.size() + 1) {
    return "has nothing behind its group name; a shared subscription is $share/<group>/<filter>";
  }
  return {};
}

bool is_letter(char c) noexcept {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool is_name_character(char c) noexcept {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

std::string name_fault(std::string_view name, const std::vector<std::string>& earlier) {
  if (name.empty()) return "has a level '{}' without a name; write {line}";
  if (name.front() == '_') {
    return "names a level " + in_quotes(name) +
           "; names that begin with an underscore are reserved for metadata columns";
  }
  if (!is_letter(name.front()) || !std::all_of(name.begin(), name.end(), is_name_character)) {
    return "names a level " + in_quotes(name) +
           "; a name is letters, digits and underscores (ASCII) and begins with a letter";
  }
  if (std::find(earlier.begin(), earlier.end(), name) != earlier.end()) {
    return "uses the name " + in_quotes(name) + " twice; each level needs a name of its own";
  }
  return {};
}

// In well-formed UTF-8; npos where there is none. U+0080 to U+009F are C2 80 to C2 9F.
std::size_t find_control_character(std::string_view text) noexcept {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return i;
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) return i;
  }
  return std::string_view::npos;
}

Status fault(ErrorCode code, std::string_view kind, std::string_view text, const std::string& what) {
  return {code, std::string(kind) + " " + in_quotes(text) + " " + what};
}

}  // namespace

Status validate_topic_name(std::string_view topic) {
  std::string what = text_fault(topic);
  if (what.empty() && topic.find_first_of("+#") != std::string_view::npos) {
    what = "contains a wildcard; '+' and '#' belong in topic filters, a message has one exact topic";
  }
  return what.empty() ? Status() : fault(ErrorCode::invalid_topic, "topic", topic, what);
}

Status validate_sent_topic(std::string_view topic) {
  if (auto status = validate_topic_name(topic); !status.ok()) return status;
  const auto at = find_control_character(topic);
  if (at == std::string_view::npos) return {};
  return fault(ErrorCode::invalid_topic, "topic", topic,
               "has a control character at byte " + std::to_string(at) + ", over which brokers end the connection");
}

bool is_valid_topic_name(std::string_view topic) noexcept {
  constexpr std::string_view kForbidden("+#\0", 3);
  return !topic.empty() && topic.size() <= kMaxTopicBytes &&
         topic.find_first_of(kForbidden) == std::string_view::npos && is_valid_utf8(topic);
}

Status validate_topic_filter(std::string_view filter) {
  std::string what = text_fault(filter);
  if (what.empty()) what = share_fault(filter);
  if (what.empty()) what = wildcard_fault(filter);
  return what.empty() ? Status() : fault(ErrorCode::invalid_topic_filter, "topic filter", filter, what);
}

std::string_view without_share(std::string_view filter) noexcept {
  if (!filter.starts_with(kSharePrefix)) return filter;
  const std::size_t slash = filter.find('/', kSharePrefix.size());
  return slash == std::string_view::npos ? filter : filter.substr(slash + 1);
}

bool topic_matches(std::string_view filter, std::string_view topic) noexcept {
  filter = without_share(filter);
  if (topic.starts_with('$') && (filter.starts_with('+') || filter.starts_with('#'))) return false;
  Levels filter_levels(filter);
  Levels topic_levels(topic);
  std::string_view wanted;
  std::string_view found;
  while (filter_levels.next(wanted)) {
    if (wanted == "#") return true;  // also the parent: "sport/#" matches "sport"
    if (!topic_levels.next(found)) return false;
    if (wanted != "+" && wanted != found) return false;
  }
  return !topic_levels.next(found);
}

Result<TopicTemplate> TopicTemplate::parse(std::string_view text) {
  constexpr ErrorCode kCode = ErrorCode::invalid_topic_template;
  TopicTemplate result;
  result.text_ = text;
  const std::string_view body = without_share(text);
  result.filter_ = text.substr(0, text.size() - body.size());
  if (result.filter_.find_first_of("{}") != std::string::npos) {
    return fault(kCode, "topic template", text,
                 "has a brace in its group name; only levels of the filter can be named");
  }
  Levels levels(body);
  std::string_view level;
  bool after_rest = false;
  for (std::size_t number = 0; levels.next(level); ++number) {
    if (after_rest)
      return fault(kCode, "topic template", text, "goes on behind '{name...}', which must be the last level");
    if (number > 0) result.filter_ += '/';
    if (level.find_first_of("{}") == std::string_view::npos) {
      result.filter_ += level;
      continue;
    }
    if (level.size() < 2 || level.front() != '{' || level.back() != '}') {
      return fault(kCode, "topic template", text,
                   "has a brace inside level " + in_quotes(level) + "; {name} must span a whole level");
    }
    std::string_view name = level.substr(1, level.size() - 2);
    after_rest = name.ends_with(kRestSuffix);
    if (after_rest) name.remove_suffix(kRestSuffix.size());
    if (std::string what = name_fault(name, result.names_); !what.empty())
      return fault(kCode, "topic template", text, what);
    result.filter_ += after_rest ? '#' : '+';
    result.names_.emplace_back(name);
    result.captures_.push_back(number);
  }
  if (Status status = validate_topic_filter(result.filter_); !status.ok()) return status;
  return result;
}

bool TopicTemplate::extract(std::string_view topic, std::vector<std::string_view>& levels) const {
  levels.clear();
  if (!topic_matches(filter_, topic)) return false;
  const bool ends_in_rest = text_.ends_with("...}");
  std::size_t begin = 0;
  std::size_t level = 0;
  for (const std::size_t captured : captures_) {
    for (; level < captured && begin <= topic.size(); ++level) {
      const std::size_t slash = topic.find('/', begin);
      begin = slash == std::string_view::npos ? topic.size() + 1 : slash + 1;  // beyond the end: `#` stands for nothing
    }
    const bool is_rest = ends_in_rest && captured == captures_.back();
    levels.push_back(begin > topic.size() ? topic.substr(topic.size())
                     : is_rest            ? topic.substr(begin)
                                          : topic.substr(begin, topic.find('/', begin) - begin));
  }
  return true;
}

}  // namespace honeyframe
