#pragma once

// UTF-8: what the core accepts as text, and how bytes of unknown quality are shown in a message. Pure functions.

#include <cstddef>
#include <string>
#include <string_view>

namespace honeyframe {

// Well-formed UTF-8 (Unicode table 3-7): no overlong forms, no surrogates, nothing beyond U+10FFFF. NUL counts as
// well-formed.
[[nodiscard]] bool is_valid_utf8(std::string_view text) noexcept;

// `text`, each byte that is no part of well-formed UTF-8 replaced by U+FFFD.
[[nodiscard]] std::string to_valid_utf8(std::string_view text);

// 'text' for an error message: control characters, quotes and bytes that are not UTF-8 as \xNN, cut after about
// `max_bytes`.
[[nodiscard]] std::string in_quotes(std::string_view text, std::size_t max_bytes = 120);

}  // namespace honeyframe
