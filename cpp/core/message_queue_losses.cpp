// MessageQueue, what its ledger says of messages that do not reach a reader, or that come twice.

#include <array>
#include <chrono>

#include "message_queue.h"

namespace honeyframe {

namespace {

constexpr std::string_view kBadTopic = "topic";

// Added up by id first: the receive thread does this for each message that an overload costs.
void count_topics(const MessageBlock& block, TopTopics& topics) noexcept {
  struct Tally {
    std::uint32_t topic_id = 0;
    std::uint32_t count = 0;
  };
  std::array<Tally, 256> tallies{};
  for (std::size_t i = 0; i < block.size(); ++i) {
    const std::uint32_t id = block[i].topic_id;
    Tally& tally = tallies[id % tallies.size()];
    if (tally.topic_id != id) {
      if (tally.count > 0) topics.add(block.topics().topic(tally.topic_id), tally.count);
      tally = {id, 0};
    }
    ++tally.count;
  }
  for (const Tally& tally : tallies) {
    if (tally.count > 0) topics.add(block.topics().topic(tally.topic_id), tally.count);
  }
}

}  // namespace

std::string_view to_word(LossReason reason) noexcept {
  if (reason == &LossCounters::dropped_oldest) return "oldest";
  if (reason == &LossCounters::dropped_newest) return "newest";
  if (reason == &LossCounters::dropped_block_timeout) return "block_timeout";
  if (reason == &LossCounters::dropped_no_memory) return "no_memory";
  if (reason == &LossCounters::dropped_no_slot) return "no_slot";
  if (reason == &LossCounters::dropped_spool_failed) return "spool_failed";
  if (reason == &LossCounters::dropped_spool_damaged) return "spool_damaged";
  if (reason == &LossCounters::rejected_topic) return kBadTopic;
  return "too_large";
}

void MessageQueue::note_message(LedgerEvent event, std::string_view word, const MessageView& message) noexcept {
  const std::int64_t time = message.receive_time_ns;
  TopTopics* const topics = ledger_.note({event, word, time, time, 1, message.payload.size(), {}});
  // What is no topic name is not shown: it may be no UTF-8 either.
  if (topics != nullptr && word != kBadTopic) topics->add(message.topic, 1);
}

void MessageQueue::note_loss(LossReason reason, std::uint64_t messages, std::uint64_t payload_bytes) noexcept {
  if (messages == 0) return;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const std::int64_t time = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  (void)ledger_.note({LedgerEvent::dropped, to_word(reason), time, time, messages, payload_bytes, {}});
}

void MessageQueue::note_evicted(const MessageBlock& block) noexcept {
  if (block.size() == 0) return;
  const std::size_t last = block.size() - 1;
  const std::int64_t begin = block[0].receive_time_ns;
  const std::int64_t end = block[last].receive_time_ns;
  TopTopics* const topics =
      ledger_.note({LedgerEvent::dropped, "oldest", begin, end, block.size(), block.payload_bytes(), {}});
  if (topics != nullptr) count_topics(block, *topics);
}

// Of batches: their topics are columns by now.
void MessageQueue::note_batch_loss(std::uint64_t messages, std::uint64_t payload_bytes) noexcept {
  LossReason reason = &LossCounters::dropped_oldest;
  if (limits_.policy == OverflowPolicy::drop_newest) reason = &LossCounters::dropped_newest;
  if (limits_.policy == OverflowPolicy::block) reason = &LossCounters::dropped_block_timeout;
  note_loss(reason, messages, payload_bytes);
}

void MessageQueue::look_for_repetition(const MessageView& message) noexcept {
  const Repetition repetition = repeated_.look_at(message);
  if (repetition == Repetition::none) return;
  const bool seen = repetition == Repetition::packet_id_seen;
  ++counters_.duplicates;
  if (seen) ++counters_.duplicate_packet_ids;
  note_message(LedgerEvent::duplicates, seen ? "packet_id_seen" : "dup_flag", message);
}

std::vector<LedgerRow> MessageQueue::ledger() const {
  const std::lock_guard lock(mutex_);
  return ledger_.rows();
}

}  // namespace honeyframe
