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
    if (parser && size <= capacity && (capacity <= kKept || size > kKept)) return true;
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
  cut_ = size_;
  offset_ = offset;
  at_ = 0;
  count_ = 0;
  if (size_ >= std::numeric_limits<std::uint32_t>::max() - 64) {
    return fail_at("too_large", "the payload is larger than a JSON document may be here (4 GiB)", payload_);
  }
  if (!stage1_->reserve(size_)) return fail_at("no_memory", "out of memory", payload_);
  simdjson::internal::dom_parser_implementation& parser = *stage1_->parser;
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(payload_);
  if (parser.stage1(bytes, size_, simdjson::stage1_mode::regular) != simdjson::SUCCESS) {
    return fail_at("not_json", "the payload is not JSON", payload_);
  }
  count_ = parser.n_structural_indexes;
  // The sentinels are simdjson's as well, but their number has changed between versions.
  parser.structural_indexes[count_] = static_cast<std::uint32_t>(size_);
  parser.structural_indexes[count_ + 1] = static_cast<std::uint32_t>(size_);
  indexes_ = parser.structural_indexes.get();
  has_escapes_ = std::memchr(payload_, '\\', size_) != nullptr;
  return true;
}

// Cuts `text` as stage 1 does, one byte after the other, as far as it is made of characters and strings that are whole,
// and returns how far that is. Where it ends otherwise, that is `lexical_`.
std::size_t JsonTokens::cut_slowly(std::string_view text) {
  const auto is_structural = [](char c) {
    return c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c == ',';
  };
  own_indexes_.clear();
  lexical_ = {};
  const std::size_t bad = find_bad_utf8(text);
  if (bad != std::string_view::npos) {
    lexical_ = {"invalid_utf8", "a byte sequence that is not UTF-8", static_cast<std::int64_t>(bad)};
    text = text.substr(0, bad);
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_blank(text[i])) continue;
    const std::size_t begin = i;
    own_indexes_.push_back(static_cast<std::uint32_t>(begin));
    if (is_structural(text[i])) continue;
    if (text[i] != '"') {
      while (i + 1 < text.size() && !is_blank(text[i + 1]) && !is_structural(text[i + 1]) && text[i + 1] != '"') ++i;
      continue;
    }
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (static_cast<unsigned char>(text[i]) < 0x20) {
        lexical_ = {"invalid_string", "a control character in a string, where JSON wants an escape",
                    static_cast<std::int64_t>(i)};
        own_indexes_.pop_back();
        return begin;
      }
      if (text[i] == '\\') ++i;
    }
    if (i >= text.size()) {
      if (lexical_.reason == nullptr) {
        lexical_ = {"truncated", "the payload ends within a string", static_cast<std::int64_t>(begin)};
      }
      own_indexes_.pop_back();
      return begin;
    }
  }
  return text.size();
}

// Where stage 1 stumbles over a broken document, and over which of several breaks, is a matter of the instruction set.
// So the first break, from the left, is found once more, slowly.
void JsonTokens::explain(bool strict, std::size_t max_depth) {
  if (stage1_->capacity < size_) return;  // too large to have been cut at all
  JsonError first = std::exchange(error_, {});
  cut_ = cut_slowly({payload_, size_});
  count_ = static_cast<std::uint32_t>(own_indexes_.size());
  own_indexes_.insert(own_indexes_.end(), 2, static_cast<std::uint32_t>(size_));
  indexes_ = own_indexes_.data();
  at_ = 0;
  has_escapes_ = true;
  std::string_view ignored;
  bool well = true;
  if (count_ == 0 && lexical_.reason == nullptr) {
    well = fail("empty_document", "the payload is blank");
  } else {
    well = skip_value(strict, max_depth, ignored) && (at_end() || fail_trailing());
  }
  if (lexical_.reason != nullptr && (well || at_end())) {
    error_ = std::move(lexical_);
    error_.position += static_cast<std::int64_t>(offset_);
  } else if (well) {
    error_ = std::move(first);  // a scalar that only the reader looked at
  }
  if (own_indexes_.capacity() > (std::size_t{1} << 20)) std::vector<std::uint32_t>().swap(own_indexes_);
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
  word.resize(std::min(word.find_first_of("\"{}[]:, \t\r\n"), word.size()));
  const std::string spelled = word;
  for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const std::string_view name = std::string_view(word).substr(!word.empty() && (word[0] == '-' || word[0] == '+'));
  if (name == "nan" || name == "inf" || name == "infinity") {
    return fail("nan_or_infinity", found() + " is no JSON value");
  }
  const char c = peek();
  if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.') {
    return fail("invalid_number", found() + " is not a number as JSON spells them");
  }
  // The payload's last bytes, cut short: tru, nul.
  if (indexes_[at_] + spelled.size() == size_) {
    for (const std::string_view literal : {"true", "false", "null"}) {
      if (literal.starts_with(spelled)) return fail("truncated", "the payload ends within " + std::string(literal));
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
  return fail("missing_comma", "a comma or '" + std::string(1, closing) + "' is due, found " + found());
}

bool JsonTokens::fail_trailing() {
  return fail("trailing_content", "the document has ended, but " + found() + " follows");
}

bool JsonTokens::fail_too_deep(std::size_t max_depth) {
  return fail("too_deep", "objects and arrays are nested deeper than max_depth, " + std::to_string(max_depth));
}

bool JsonTokens::fail_number(const JsonNumber& number) {
  // "12." or "-" at the very end: the rest has been cut off.
  if (at_ + 1 == count_ && number.end >= payload_ + size_) {
    return fail("truncated", "the payload ends within a number");
  }
  return fail_value();
}

bool JsonTokens::read_string(std::string_view& raw, bool& escaped) {
  raw = raw_string();
  escaped = has_escapes_ && std::memchr(raw.data(), '\\', raw.size()) != nullptr;
  if (escaped) {
    if (at_ + 1 == count_) raw = string_until(cut_);
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
