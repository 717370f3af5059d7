#include "json_tokens.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "json_text.h"
#include "utf8.h"

namespace honeyframe {

struct JsonTokens::Stage1 {
  std::unique_ptr<simdjson::internal::dom_parser_implementation> parser;
  std::size_t capacity = 0;

  // Grows, never shrinks below what the largest of the usual payloads needs.
  bool reserve(std::size_t size) {
    constexpr std::size_t kKept = std::size_t{1} << 20;
    if (size <= capacity && (capacity <= kKept || size > kKept)) return true;
    std::size_t wanted = 4096;
    while (wanted < size) wanted *= 2;
    capacity = 0;
    // The depth is that of simdjson's own second stage, which is not used.
    if (simdjson::get_active_implementation()->create_dom_parser_implementation(wanted, 1, parser) !=
        simdjson::SUCCESS) {
      return false;
    }
    capacity = wanted;
    return true;
  }
};

JsonTokens::JsonTokens() : stage1_(std::make_unique<Stage1>()) {}
JsonTokens::~JsonTokens() = default;

bool JsonTokens::load(std::string_view payload, std::size_t offset) {
  payload_ = payload.data();
  size_ = payload.size();
  offset_ = offset;
  at_ = 0;
  count_ = 0;
  if (size_ >= std::numeric_limits<std::uint32_t>::max() - 64 || !stage1_->reserve(size_)) {
    return fail_at("too_large", "the payload is larger than a JSON document may be here (4 GiB)", payload_);
  }
  simdjson::internal::dom_parser_implementation& parser = *stage1_->parser;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(payload_);
  if (parser.stage1(bytes, size_, simdjson::stage1_mode::regular) != simdjson::SUCCESS) return diagnose();
  count_ = parser.n_structural_indexes;
  // The sentinels are simdjson's as well, but their number has changed between versions.
  parser.structural_indexes[count_] = static_cast<std::uint32_t>(size_);
  parser.structural_indexes[count_ + 1] = static_cast<std::uint32_t>(size_);
  indexes_ = parser.structural_indexes.get();
  has_escapes_ = std::memchr(payload_, '\\', size_) != nullptr;
  return true;
}

// Stage 1 says that something is wrong, not where, and of several things not always the same one. A slow look of our
// own settles it.
bool JsonTokens::diagnose() {
  const std::string_view text(payload_, size_);
  if (const std::size_t bad = find_bad_utf8(text); bad != std::string_view::npos) {
    return fail_at("invalid_utf8", "a byte sequence that is not UTF-8", payload_ + bad);
  }
  std::size_t opened = std::string_view::npos;
  for (std::size_t i = 0; i < size_; ++i) {
    const bool inside = opened != std::string_view::npos;
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      opened = inside ? std::string_view::npos : i;
    } else if (inside && static_cast<unsigned char>(text[i]) < 0x20) {
      return fail_at("invalid_string", "a control character in a string, where JSON wants an escape", payload_ + i);
    }
  }
  if (opened != std::string_view::npos) {
    return fail_at("truncated", "the payload ends within a string", payload_ + opened);
  }
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    return fail_at("empty_document", "the payload is blank", payload_);
  }
  return fail_at("not_json", "the payload is not JSON", payload_);
}

bool JsonTokens::fail_at(const char* reason, std::string message, const char* at) {
  error_.reason = reason;
  error_.message = std::move(message);
  error_.position = static_cast<std::int64_t>(at - payload_) + static_cast<std::int64_t>(offset_);
  return false;
}

std::string JsonTokens::found() const {
  if (at_end()) return "the end of the payload";
  const char* const begin = text();
  const std::size_t length = std::min<std::size_t>(24, indexes_[at_ + 1] - indexes_[at_]);
  std::string_view shown(begin, std::max<std::size_t>(length, 1));
  while (shown.size() > 1 && is_blank(shown.back())) shown.remove_suffix(1);
  return in_quotes(shown);
}

bool JsonTokens::fail_value() {
  if (at_end()) return fail("truncated", "the payload ends where a value is due");
  switch (peek()) {
    case '}':
    case ']':
      return at_ > 0 && payload_[indexes_[at_ - 1]] == ','
                 ? fail("trailing_comma", "a comma before " + found() + ", with no value after it")
                 : fail("missing_value", "a value is missing before " + found());
    case ',':
    case ':':
      return fail("missing_value", "a value is missing before " + found());
    default:
      break;
  }
  const std::uint32_t length = indexes_[at_ + 1] - indexes_[at_];
  std::string word(text(), std::min<std::size_t>(length, 10));
  while (!word.empty() && is_blank(word.back())) word.pop_back();
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::string_view name = std::string_view(word).substr(!word.empty() && (word[0] == '-' || word[0] == '+'));
  if (name == "nan" || name == "inf" || name == "infinity") {
    return fail("nan_or_infinity", found() + " is no JSON value");
  }
  const char c = peek();
  if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.') {
    return fail("invalid_number", found() + " is not a number as JSON spells them");
  }
  // The last token, cut short: tru, nul.
  if (at_ + 1 == count_) {
    for (const std::string_view literal : {"true", "false", "null"}) {
      if (literal.starts_with(word)) return fail("truncated", "the payload ends within " + std::string(literal));
    }
  }
  return fail("invalid_literal", found() + " is no JSON value");
}

bool JsonTokens::fail_key() {
  if (at_end()) return fail("truncated", "the payload ends within an object");
  if (peek() == '}') return fail("trailing_comma", "a comma before '}', with no member after it");
  if (peek() == ']') return fail("unbalanced", "']' closes an object");
  return fail("invalid_key", "a key in double quotes is due, found " + found());
}

bool JsonTokens::fail_after_key() {
  if (at_end()) return fail("truncated", "the payload ends after a key");
  return fail("missing_colon", "a colon is due after a key, found " + found());
}

bool JsonTokens::fail_after_value(char closing) {
  if (at_end()) return fail("truncated", std::string("the payload ends before ") + closing);
  if (peek() == ']' || peek() == '}') {
    return fail("unbalanced", found() + " where '" + closing + "' is due");
  }
  return fail("missing_comma", std::string("a comma or '") + closing + "' is due, found " + found());
}

bool JsonTokens::fail_trailing() {
  return fail("trailing_content", "the document has ended, but " + found() + " follows");
}

bool JsonTokens::fail_too_deep(std::size_t max_depth) {
  return fail("too_deep", "objects and arrays are nested deeper than max_depth, " + std::to_string(max_depth));
}

bool JsonTokens::read_number(JsonNumber& number) {
  number = honeyframe::read_number(text());
  if (number.kind == NumberKind::invalid || !is_delimiter(number.end)) {
    // "12." or "-" at the very end: the rest has been cut off.
    if (at_ + 1 == count_ && number.end >= payload_ + size_) {
      return fail("truncated", "the payload ends within a number");
    }
    return fail_value();
  }
  ++at_;
  return true;
}

bool JsonTokens::read_literal(std::string_view literal) {
  // Within the payload and its padding: the longest literal has five characters, and a mismatch ends the comparison.
  if (std::strncmp(text(), literal.data(), literal.size()) != 0 || !is_delimiter(text() + literal.size())) {
    return fail_value();
  }
  ++at_;
  return true;
}

bool JsonTokens::read_string(std::string_view& raw, bool& escaped) {
  raw = raw_string();
  escaped = has_escapes_ && std::memchr(raw.data(), '\\', raw.size()) != nullptr;
  if (escaped) {
    if (const std::size_t bad = find_bad_escape(raw); bad != std::string_view::npos) {
      return fail_at("invalid_string", "an escape that JSON does not know, or half of a surrogate pair",
                     raw.data() + bad);
    }
  }
  ++at_;
  return true;
}

bool JsonTokens::read_scalar() {
  switch (peek()) {
    case '"': {
      std::string_view raw;
      bool escaped = false;
      return read_string(raw, escaped);
    }
    case 't':
      return read_literal("true");
    case 'f':
      return read_literal("false");
    case 'n':
      return read_literal("null");
    default: {
      JsonNumber number;
      return read_number(number);
    }
  }
}

std::string_view JsonTokens::text_since(std::uint32_t begin) const noexcept {
  const char* const first = payload_ + indexes_[begin];
  const char* end = payload_ + indexes_[at_];
  while (end > first && is_blank(end[-1])) --end;
  return {first, static_cast<std::size_t>(end - first)};
}

bool JsonTokens::skip_key(bool strict) {
  if (peek() != '"') return fail_key();
  if (strict) {
    if (!read_scalar()) return false;
  } else {
    ++at_;
  }
  if (peek() != ':') return fail_after_key();
  ++at_;
  return true;
}

bool JsonTokens::skip_value(bool strict, std::size_t max_depth, std::string_view& text) {
  const std::uint32_t begin = at_;
  open_.clear();
  do {
    // A value is due.
    const char c = peek();
    if (c == '{' || c == '[') {
      if (open_.size() >= max_depth) return fail_too_deep(max_depth);
      ++at_;
      const char closing = c == '{' ? '}' : ']';
      if (peek() != closing) {
        open_.push_back(closing);
        if (closing == '}') {
          if (!skip_key(strict)) return false;
        }
        continue;
      }
      ++at_;
    } else if (strict) {
      if (!read_scalar()) return false;
    } else if (c == ',' || c == ':' || c == '}' || c == ']' || at_end()) {
      return fail_value();
    } else {
      ++at_;
    }
    // A value has ended: close what it ends.
    while (!open_.empty() && peek() == open_.back()) {
      open_.pop_back();
      ++at_;
    }
    if (open_.empty()) break;
    if (peek() != ',') return fail_after_value(open_.back());
    ++at_;
    if (open_.back() == '}' && !skip_key(strict)) return false;
  } while (true);
  text = text_since(begin);
  return true;
}

}  // namespace honeyframe
