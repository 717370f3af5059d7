#pragma once

// Consumers' wake-ups, put off to the end of a read burst. A consumer that sleeps until a message comes would else be
// woken for the first of thousands that are already here: it takes that one, sleeps, and is woken again.
//
// Only a thread that promises to flush puts anything off: Paho's receive thread where it is lean, which knows when it
// has read all there is. Members concern the calling thread alone.

#include <memory>

namespace honeyframe {

class MessageQueue;

class ConsumerWakes {
 public:
  // This thread will call flush() before it waits for anything, and every few messages.
  static void promise_to_flush() noexcept;
  // After a flush().
  static void take_back_promise() noexcept;
  // Wakes the consumer of `queue` at the next flush(). False where nobody will flush, or no place is left: the caller
  // wakes it now.
  [[nodiscard]] static bool put_off(const std::weak_ptr<MessageQueue>& queue) noexcept;
  static void flush() noexcept;
};

}  // namespace honeyframe
