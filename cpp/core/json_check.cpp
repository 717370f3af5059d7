#include "json_check.h"

#include <cstddef>

namespace honeyframe {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kMaxDepth = 64;  // as ExtractOptions has it

bool begins_json(std::string_view payload) noexcept {
  for (const char c : payload) {
    if (JsonTokens::is_blank(c)) continue;
    return c == '{' || c == '[' || c == '"' || c == '-' || c == 't' || c == 'f' || c == 'n' || (c >= '0' && c <= '9');
  }
  return false;
}

}  // namespace

bool JsonCheck::is_json(std::string_view payload) {
  if (payload.starts_with(kByteOrderMark)) payload.remove_prefix(kByteOrderMark.size());
  if (!begins_json(payload)) return false;  // most text is told from JSON here, and cheaply
  std::string_view text;
  return tokens_.load(payload, 0) && tokens_.skip_value(true, kMaxDepth, text) && tokens_.at_end();
}

}  // namespace honeyframe
