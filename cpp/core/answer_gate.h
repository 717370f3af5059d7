#pragma once

// AnswerGate: a session's, shut while its SubscriptionTable holds messages of QoS 1 or 2 that are in no queue yet. As
// long as it is, its connection lets no PUBACK and no PUBREC out: the broker keeps what it is not told to forget, and
// sends it again should this process not live to see it stored.
//
// Only a connection that sees what it writes (PahoStream, but for WebSockets) asks; where there is none, nothing waits.
//
// The table shuts and opens it, on any thread but under one lock; connections come and go on others. Thread-safe.

#include <atomic>

namespace honeyframe {

// A connection.
class WithheldAnswers {
 public:
  WithheldAnswers() = default;
  WithheldAnswers(const WithheldAnswers&) = delete;
  WithheldAnswers& operator=(const WithheldAnswers&) = delete;
  // Any thread: the gate is open. One that meanwhile belongs to another session asks that one's.
  virtual void gate_opened() noexcept = 0;

 protected:
  ~WithheldAnswers() = default;
};

class AnswerGate {
 public:
  [[nodiscard]] bool is_shut() const noexcept { return shut_.load(); }
  // Before the message on whose account it is shut is acknowledged: on the receive thread.
  void shut() noexcept { shut_.store(true); }
  // Whoever attaches later finds it open: each first says what the other then reads, in one order for all threads.
  void open() noexcept {
    if (!shut_.exchange(false)) return;
    if (auto* const answers = answers_.load(); answers != nullptr) answers->gate_opened();
  }

  // The connection that asks from now on, in place of the one before it. `answers` outlives every thread.
  void attach(WithheldAnswers& answers) noexcept { answers_.store(&answers); }
  void detach(WithheldAnswers& answers) noexcept {
    auto* expected = &answers;
    answers_.compare_exchange_strong(expected, nullptr);
  }

 private:
  std::atomic<bool> shut_{false};
  std::atomic<WithheldAnswers*> answers_{nullptr};
};

}  // namespace honeyframe
