#include "secret.h"

#include <openssl/crypto.h>

#include <utility>

namespace honeyframe {

Secret::Secret(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const auto part : parts) size += part.size();
  text_.reserve(size);  // growing would leave the first parts behind
  for (const auto part : parts) text_ += part;
}

// A short string lives inside the object: moving it copies the characters and leaves them behind, so the source is
// wiped as well.
Secret::Secret(Secret&& other) noexcept : text_(std::move(other.text_)) {
  other.wipe();
}

Secret& Secret::operator=(const Secret& other) {
  if (this != &other) {
    wipe();  // before assigning: a longer text would free the old buffer as it is
    text_ = other.text_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    text_ = std::move(other.text_);
    other.wipe();
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

void Secret::wipe() noexcept {
  text_.resize(text_.capacity());  // no allocation; what lies behind the end may be a former text
  OPENSSL_cleanse(text_.data(), text_.size());
  text_.clear();
}

}  // namespace honeyframe
