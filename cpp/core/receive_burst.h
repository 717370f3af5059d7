#pragma once

// ReceiveBurst: what a receive thread puts off to the end of a read burst, because it then costs once what it would
// cost for each message: the writes of spools, the answers to the broker, the wake-ups of consumers. In this order: an
// answer leaves when the message that it acknowledges is in its spool.
//
// Only a thread that promises to end its bursts puts anything off: Paho's receive thread where it is lean, which knows
// when it has read all there is, and one that delivers what a resumed session held. Members concern the calling thread
// alone, but for has_commits().

#include <cstddef>
#include <memory>

namespace honeyframe {

// A spool's queue.
class BurstCommit {
 public:
  BurstCommit() = default;
  virtual ~BurstCommit() = default;
  BurstCommit(const BurstCommit&) = delete;
  BurstCommit& operator=(const BurstCommit&) = delete;
  // Receive thread. Afterwards every message that was pushed is stored, or counted as lost.
  virtual void commit() noexcept = 0;
};

// A connection.
class BurstAnswers {
 public:
  BurstAnswers() = default;
  BurstAnswers(const BurstAnswers&) = delete;
  BurstAnswers& operator=(const BurstAnswers&) = delete;
  // Receive thread.
  virtual void release_answers() noexcept = 0;

 protected:
  ~BurstAnswers() = default;
};

class ReceiveBurst {
 public:
  // This thread will call end() before it waits for anything, and every few hundred messages.
  static void promise() noexcept;
  [[nodiscard]] static bool is_promised() noexcept;

  // A burst of this thread's own, for as long as it lives: for one that pushes many messages at once.
  class Scope {
   public:
    Scope() noexcept;
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    bool was_promised_;
  };

  // False where nobody will end the burst, or no place is left: what is to be done is done now.
  [[nodiscard]] static bool commit_later(const std::shared_ptr<BurstCommit>& queue) noexcept;
  // It has been done.
  static void forget(const BurstCommit& queue) noexcept;
  // `answers` outlives every thread.
  [[nodiscard]] static bool release_later(BurstAnswers& answers) noexcept;

  // Before this thread writes to a connection. Only answers are put off: all else may acknowledge something, too (over
  // WebSockets), and comes behind all that was. Consumers are not woken yet.
  static void before_write(bool is_answer) noexcept;
  static void end() noexcept;

  // Any thread: whether anything has been pushed anywhere that is not committed yet.
  [[nodiscard]] static bool has_commits() noexcept;
};

}  // namespace honeyframe
