#pragma once

// JsonCheck: whether a payload is JSON, by the strict rules of docs/frame-rules.md, where nobody wants to know what is
// in it. One thread at a time.

#include <string_view>

#include "json_tokens.h"

namespace honeyframe {

class JsonCheck {
 public:
  // At least one zero byte must stand behind `payload`, as behind those of a MessageBlock. A bare number or `true` is
  // JSON, nothing at all is not.
  [[nodiscard]] bool is_json(std::string_view payload);

 private:
  JsonTokens tokens_;
};

}  // namespace honeyframe
