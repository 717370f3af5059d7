#pragma once

// Two ends of one TCP connection on the loopback, neither of which blocks. One thread.

#include <cstdint>
#include <string>

namespace honeyframe::testing {

class ConnectedSockets {
 public:
  ConnectedSockets();
  ~ConnectedSockets();
  ConnectedSockets(const ConnectedSockets&) = delete;
  ConnectedSockets& operator=(const ConnectedSockets&) = delete;

  [[nodiscard]] int ours() const noexcept { return ours_; }
  [[nodiscard]] int theirs() const noexcept { return theirs_; }
  // From them to us; there when it returns.
  void send(const std::string& bytes) const;
  // They have sent everything.
  void close_theirs() noexcept;
  // They reset the connection.
  void reset_theirs() noexcept;

 private:
  int ours_ = -1;
  int theirs_ = -1;
};

}  // namespace honeyframe::testing
