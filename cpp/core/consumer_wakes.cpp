#include "consumer_wakes.h"

#include <array>
#include <cstddef>
#include <utility>

#include "message_queue.h"

namespace honeyframe {
namespace {

// Streams of one burst; those beyond are woken at once.
constexpr std::size_t kPlaces = 64;

struct Waiting {
  std::array<std::weak_ptr<MessageQueue>, kPlaces> queues;
  std::size_t count = 0;
  bool promised = false;
};

thread_local Waiting waiting;

}  // namespace

void ConsumerWakes::promise_to_flush() noexcept {
  waiting.promised = true;
}

void ConsumerWakes::take_back_promise() noexcept {
  waiting.promised = false;
}

bool ConsumerWakes::put_off(const std::weak_ptr<MessageQueue>& queue) noexcept {
  if (!waiting.promised || waiting.count == kPlaces || queue.expired()) return false;
  waiting.queues[waiting.count++] = queue;
  return true;
}

void ConsumerWakes::flush() noexcept {
  while (waiting.count > 0) {
    if (const auto queue = std::exchange(waiting.queues[--waiting.count], {}).lock()) queue->wake_consumer();
  }
}

}  // namespace honeyframe
