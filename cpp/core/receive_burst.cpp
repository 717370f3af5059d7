#include "receive_burst.h"

#include <array>
#include <atomic>
#include <utility>

#include "consumer_wakes.h"

namespace honeyframe {
namespace {

// Spools, and connections, of one burst.
constexpr std::size_t kPlaces = 64;

struct Burst {
  std::array<std::shared_ptr<BurstCommit>, kPlaces> queues;
  std::array<BurstAnswers*, kPlaces> answers{};
  std::size_t queue_count = 0;
  std::size_t answers_count = 0;
  bool promised = false;
};

thread_local Burst burst;
std::atomic<std::size_t> uncommitted{0};

}  // namespace

void ReceiveBurst::promise() noexcept {
  burst.promised = true;
  ConsumerWakes::promise_to_flush();
}

ReceiveBurst::Scope::Scope() noexcept : was_promised_(burst.promised) {
  promise();
}

ReceiveBurst::Scope::~Scope() {
  end();
  if (was_promised_) return;
  burst.promised = false;
  ConsumerWakes::take_back_promise();
}

bool ReceiveBurst::is_promised() noexcept {
  return burst.promised;
}

bool ReceiveBurst::commit_later(const std::shared_ptr<BurstCommit>& queue) noexcept {
  if (!burst.promised || burst.queue_count == kPlaces) return false;
  burst.queues[burst.queue_count++] = queue;
  uncommitted.fetch_add(1, std::memory_order_acq_rel);
  return true;
}

void ReceiveBurst::forget(const BurstCommit& queue) noexcept {
  for (std::size_t i = 0; i < burst.queue_count;) {
    if (burst.queues[i].get() != &queue) {
      ++i;
      continue;
    }
    std::swap(burst.queues[i], burst.queues[--burst.queue_count]);
    burst.queues[burst.queue_count].reset();
    uncommitted.fetch_sub(1, std::memory_order_acq_rel);
  }
}

bool ReceiveBurst::release_later(BurstAnswers& answers) noexcept {
  if (!burst.promised || burst.answers_count == kPlaces) return false;
  burst.answers[burst.answers_count++] = &answers;
  return true;
}

namespace {

void commit() noexcept {
  while (burst.queue_count > 0) {
    const auto queue = std::exchange(burst.queues[--burst.queue_count], nullptr);
    queue->commit();
    uncommitted.fetch_sub(1, std::memory_order_acq_rel);
  }
}

void commit_and_answer() noexcept {
  commit();
  while (burst.answers_count > 0) burst.answers[--burst.answers_count]->release_answers();
}

}  // namespace

void ReceiveBurst::before_write(bool is_answer) noexcept {
  if (!is_answer || burst.answers_count == kPlaces) commit_and_answer();
}

void ReceiveBurst::end() noexcept {
  commit_and_answer();
  ConsumerWakes::flush();
}

bool ReceiveBurst::has_commits() noexcept {
  return uncommitted.load(std::memory_order_acquire) > 0;
}

}  // namespace honeyframe
