#pragma once

// HeldAnswers: a connection's output that waits, in order: first what may leave, then what may not yet. Owned by a
// PahoStream, and guarded by its lock.

#include <sys/uio.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace honeyframe {

class HeldAnswers {
 public:
  HeldAnswers() = default;
  ~HeldAnswers() { std::free(bytes_); }
  HeldAnswers(const HeldAnswers&) = delete;
  HeldAnswers& operator=(const HeldAnswers&) = delete;

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  // False where memory has run out: nothing is held then.
  [[nodiscard]] bool add(const iovec* pieces, int count, std::size_t size) noexcept {
    if (begin_ > 0 && capacity_ - begin_ - size_ < size) {
      std::memmove(bytes_, bytes_ + begin_, size_);
      begin_ = 0;
    }
    if (capacity_ - begin_ - size_ < size) {
      const std::size_t wanted = (size_ + size) * 2;
      auto* const grown = static_cast<char*>(std::realloc(bytes_, wanted));
      if (grown == nullptr) return false;
      bytes_ = grown;
      capacity_ = wanted;
    }
    for (int i = 0; i < count; ++i) {
      std::memcpy(bytes_ + begin_ + size_, pieces[i].iov_base, pieces[i].iov_len);
      size_ += pieces[i].iov_len;
    }
    return true;
  }
  // All that is held may leave.
  void release() noexcept { due_ = size_; }
  [[nodiscard]] const char* data() const noexcept { return bytes_ + begin_; }
  [[nodiscard]] std::size_t due() const noexcept { return due_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  void sent(std::size_t bytes) noexcept {
    size_ -= bytes;
    due_ -= bytes;
    begin_ = size_ == 0 ? 0 : begin_ + bytes;
  }
  // What may not leave yet never will.
  void drop_held() noexcept { size_ = due_; }
  void clear() noexcept {
    std::free(bytes_);
    bytes_ = nullptr;
    begin_ = size_ = due_ = capacity_ = 0;
  }

 private:
  char* bytes_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;  // from there on
  std::size_t due_ = 0;   // of those
  std::size_t capacity_ = 0;
};

}  // namespace honeyframe
