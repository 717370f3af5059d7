#pragma once

// ProbeSocket: a TCP connection that a ConnectProbe makes, bounded in time and cancellable. Owns one descriptor; used
// by one thread.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "probe_report.h"
#include "status.h"

namespace honeyframe {

// How long a probe may take, and who may end it. Waits look at `cancelled` every 50 ms.
struct ProbeLimit {
  std::chrono::steady_clock::time_point deadline;
  const std::atomic<bool>* cancelled;  // outlives the probe

  [[nodiscard]] bool is_cancelled() const noexcept { return cancelled->load(std::memory_order_relaxed); }
};

// Where bytes go to and come from: a socket, or TLS over one.
class ProbeChannel {
 public:
  virtual ~ProbeChannel() = default;
  [[nodiscard]] virtual Status send(std::string_view bytes) = 0;
  // What is there, at least one byte; empty at the end of the stream. Errors: connect_timeout, connection_lost, closed
  // (cancelled).
  [[nodiscard]] virtual Result<std::string> receive() = 0;
};

class ProbeSocket final : public ProbeChannel {
 public:
  // Resolves `host` and tries its addresses in turn, telling which in `report`. Errors: dns_failed,
  // connection_refused, connect_timeout, closed (cancelled).
  static Result<ProbeSocket> connect(const std::string& host, std::uint16_t port, const ProbeLimit& limit,
                                     ProbeReport* report = nullptr);

  ProbeSocket(ProbeSocket&& other) noexcept;
  ProbeSocket& operator=(ProbeSocket&&) = delete;
  ~ProbeSocket() override;

  [[nodiscard]] Status send(std::string_view bytes) override;
  [[nodiscard]] Result<std::string> receive() override;
  // Set nearer for a question to which silence is an answer.
  [[nodiscard]] std::chrono::steady_clock::time_point deadline() const noexcept { return limit_.deadline; }
  void set_deadline(std::chrono::steady_clock::time_point deadline) noexcept { limit_.deadline = deadline; }

 private:
  ProbeSocket(int descriptor, const ProbeLimit& limit) noexcept : descriptor_(descriptor), limit_(limit) {}
  [[nodiscard]] Status wait(short events) const;

  int descriptor_;
  ProbeLimit limit_;
};

}  // namespace honeyframe
