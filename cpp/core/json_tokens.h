#pragma once

// JsonTokens: one payload, cut into tokens. simdjson's first stage, the vectorised half that DOM and On-Demand stand
// on, finds where tokens begin and checks UTF-8; the grammar is walked by ourselves. On-Demand checks only what is
// read, and not the same things in 3.0.1 and 3.12 (the end of the document, scalars skipped, bare scalars, a byte order
// mark, the padding); so every verdict here is ours, with the byte position at hand, and is the same over all versions.
//
// One thread at a time. Views into the payload: they live as long as it does.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json_number.h"

namespace honeyframe {

// Why a payload cannot be read. `reason` is one of the stable words of docs/frame-rules.md.
struct JsonError {
  const char* reason = nullptr;
  std::string message;
  std::int64_t position = -1;  // byte offset in the payload
};

class JsonTokens {
 public:
  JsonTokens();
  ~JsonTokens();
  JsonTokens(const JsonTokens&) = delete;
  JsonTokens& operator=(const JsonTokens&) = delete;

  // Cuts `payload`, behind which at least one zero byte must stand. False: see error(). `offset` is added to positions:
  // what was taken off the payload's front.
  [[nodiscard]] bool load(std::string_view payload, std::size_t offset);

  // The first character of the current token; 0 at the end (and for a stray NUL byte, which begins no value).
  [[nodiscard]] char peek() const noexcept { return payload_[indexes_[at_]]; }
  [[nodiscard]] const char* text() const noexcept { return payload_ + indexes_[at_]; }
  [[nodiscard]] std::uint32_t offset() const noexcept { return indexes_[at_]; }
  [[nodiscard]] std::uint32_t position() const noexcept { return at_; }
  [[nodiscard]] bool at_end() const noexcept { return at_ >= count_; }
  void advance() noexcept { ++at_; }
  void rewind(std::uint32_t position) noexcept { at_ = position; }
  [[nodiscard]] const char* payload() const noexcept { return payload_; }
  [[nodiscard]] bool has_escapes() const noexcept { return has_escapes_; }

  // The string that begins here, without its quotes. Stage 1 has matched the quotes: the last character before the next
  // token that is not blank is the closing one.
  [[nodiscard]] std::string_view raw_string() const noexcept { return string_until(indexes_[at_ + 1]); }

  // Whether the string that begins here is spelled exactly `key`, which holds no quote and no backslash.
  [[nodiscard]] bool begins_with_string(std::string_view key) const noexcept {
    const char* const begin = text() + 1;
    return key.size() + 1 < static_cast<std::size_t>(payload_ + size_ - begin) + 1 &&
           std::memcmp(begin, key.data(), key.size()) == 0 && begin[key.size()] == '"';
  }

  // Checks the scalar that begins here to its end, and steps over it. False: see error().
  [[nodiscard]] bool read_number(JsonNumber& number) {
    number = honeyframe::read_number(text());
    if (number.kind == NumberKind::invalid || !is_delimiter(number.end)) return fail_number(number);
    ++at_;
    return true;
  }
  [[nodiscard]] bool read_literal(std::string_view literal) {
    const char* const end = text() + literal.size();
    if (static_cast<std::size_t>(payload_ + size_ - text()) < literal.size() ||
        std::memcmp(text(), literal.data(), literal.size()) != 0 || !is_delimiter(end)) {
      return fail_value();
    }
    ++at_;
    return true;
  }
  [[nodiscard]] bool read_string(std::string_view& raw, bool& escaped);

  // Steps over the value that begins here, checking its grammar, and its scalars where `strict`; at most `max_depth`
  // containers deep. `text` becomes its text.
  [[nodiscard]] bool skip_value(bool strict, std::size_t max_depth, std::string_view& text);

  // The value that ends before the current token began at `begin`.
  [[nodiscard]] std::string_view text_since(std::uint32_t begin) const noexcept;

  // Refuses what stands at the current token (or `at`). Always false.
  bool fail(const char* reason, std::string message) { return fail_at(reason, std::move(message), text()); }
  bool fail_at(const char* reason, std::string message, const char* at);
  // Refuses the current token where a value, a key, a comma or a bracket is due, with the reason that describes it
  // best.
  bool fail_value();
  bool fail_key();
  bool fail_after_key();
  // `closing`: the bracket that would end the container.
  bool fail_after_value(char closing);
  bool fail_trailing();
  bool fail_too_deep(std::size_t max_depth);
  [[nodiscard]] JsonError& error() noexcept { return error_; }
  // After a refusal: makes error() say what is wrong first, from the left. Slow, and the end of reading this payload.
  void explain(bool strict, std::size_t max_depth);

  [[nodiscard]] static bool is_blank(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
  // Ends a number or a literal: a blank, a structural character, the end of the payload.
  [[nodiscard]] bool is_delimiter(const char* p) const noexcept {
    return *p == ',' || *p == '}' || *p == ']' || is_blank(*p) || *p == ':' || *p == '[' || *p == '{' ||
           p == payload_ + size_;
  }

 private:
  struct Stage1;

  std::size_t cut_slowly(std::string_view text);
  // The string that begins here, with blanks alone between it and `next`.
  [[nodiscard]] std::string_view string_until(std::size_t next) const noexcept {
    const char* end = payload_ + next - 1;
    while (is_blank(*end)) --end;
    const char* const begin = text() + 1;
    return {begin, static_cast<std::size_t>(end - begin)};
  }

  bool fail_number(const JsonNumber& number);
  bool read_scalar();
  bool skip_key(bool strict);
  [[nodiscard]] std::string found() const;

  std::unique_ptr<Stage1> stage1_;
  const char* payload_ = nullptr;
  std::size_t size_ = 0;
  std::size_t cut_ = 0;  // how far tokens have been found: size_, but where explain() has come upon a break
  std::size_t offset_ = 0;
  const std::uint32_t* indexes_ = nullptr;  // count_ offsets, then size_ twice
  std::uint32_t count_ = 0;
  std::uint32_t at_ = 0;
  bool has_escapes_ = false;
  std::vector<char> open_;                  // skip_value(): the brackets that are open
  std::vector<std::uint32_t> own_indexes_;  // explain()
  JsonError lexical_;
  JsonError error_;
};

}  // namespace honeyframe
