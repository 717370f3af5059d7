#pragma once

// Secret: a password or key passphrase. It does not print, is wiped when it goes, and is read only where it is handed
// to Paho or OpenSSL. A value type; not shared between threads.

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace honeyframe {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string_view text) : text_(text) {}
  explicit Secret(std::initializer_list<std::string_view> parts);  // one behind the other; no copy is left of any
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  // The only way to the text: grep for `reveal` to audit every use.
  [[nodiscard]] const std::string& reveal() const noexcept { return text_; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

 private:
  void wipe() noexcept;
  std::string text_;
};

}  // namespace honeyframe
