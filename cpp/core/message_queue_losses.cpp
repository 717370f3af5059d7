// MessageQueue, what its ledger says of messages that do not reach a reader, or that come twice.

#include <chrono>

#include "message_queue.h"

namespace honeyframe {

void MessageQueue::note_loss(LedgerEvent event, std::string_view word, const MessageView& message) noexcept {
  const std::int64_t time = message.receive_time_ns;
  TopTopics* const topics = ledger_.note({event, word, time, time, 1, message.payload.size(), {}});
  // What is no topic name is not shown: it may be no UTF-8 either.
  if (topics != nullptr && word != kBadTopic) topics->add(message.topic, 1);
}

void MessageQueue::note_evicted(const MessageBlock& block) noexcept {
  if (block.size() == 0) return;
  const std::size_t last = block.size() - 1;
  const std::int64_t begin = block[0].receive_time_ns;
  const std::int64_t end = block[last].receive_time_ns;
  TopTopics* const topics =
      ledger_.note({LedgerEvent::dropped, "oldest", begin, end, block.size(), block.payload_bytes(), {}});
  for (std::size_t i = 0; topics != nullptr && i <= last; ++i) topics->add(block.topic(block[i]), 1);
}

// Of batches: their topics are columns by now.
void MessageQueue::note_batch_loss(std::uint64_t messages, std::uint64_t payload_bytes) noexcept {
  std::string_view word = "oldest";
  if (limits_.policy == OverflowPolicy::drop_newest) word = "newest";
  if (limits_.policy == OverflowPolicy::block) word = "block_timeout";
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t time = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  (void)ledger_.note({LedgerEvent::dropped, word, time, time, messages, payload_bytes, {}});
}

void MessageQueue::look_for_repetition(const MessageView& message) noexcept {
  const Repetition repetition = repeated_.look_at(message);
  if (repetition == Repetition::none) return;
  const bool seen = repetition == Repetition::packet_id_seen;
  ++counters_.duplicates;
  if (seen) ++counters_.duplicate_packet_ids;
  note_loss(LedgerEvent::duplicates, seen ? "packet_id_seen" : "dup_flag", message);
}

std::vector<LedgerRow> MessageQueue::ledger() const {
  const std::lock_guard lock(mutex_);
  return ledger_.rows();
}

}  // namespace honeyframe
