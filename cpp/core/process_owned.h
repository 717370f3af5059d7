#pragma once

// ProcessOwned<T>: an object that only the process which made it may destroy.
//
// A child of fork() has a copy of every condition variable and thread handle, but not the threads that use them:
// destroying such a copy waits for waiters that will never answer. There it is leaked instead.

#include <unistd.h>

#include <utility>

namespace honeyframe {

template <typename T>
class ProcessOwned {
 public:
  template <typename... Arguments>
  explicit ProcessOwned(Arguments&&... arguments)
      : process_(::getpid()), object_(new T(std::forward<Arguments>(arguments)...)) {}
  ~ProcessOwned() {
    if (!in_forked_child()) delete object_;
  }
  ProcessOwned(const ProcessOwned&) = delete;
  ProcessOwned& operator=(const ProcessOwned&) = delete;

  [[nodiscard]] T* operator->() const noexcept { return object_; }
  [[nodiscard]] T& operator*() const noexcept { return *object_; }
  [[nodiscard]] bool in_forked_child() const noexcept { return ::getpid() != process_; }

 private:
  const ::pid_t process_;
  T* const object_;
};

}  // namespace honeyframe
