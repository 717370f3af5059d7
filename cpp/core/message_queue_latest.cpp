// MessageQueue under the policy `latest`: slots in place of blocks, which are made when they are taken.

#include <new>

#include "message_queue.h"

namespace honeyframe {

bool MessageQueue::nothing_queued() const noexcept {
  return latest_ ? latest_->unread() == 0 : blocks_.empty();
}

PushResult MessageQueue::store_latest(const MessageView& message) {
  const auto budget = [this] {
    const std::size_t others = held_bytes() - latest_->bytes();
    return others < limits_.max_bytes ? limits_.max_bytes - others : 0;
  };
  LatestSlots::Stored stored = latest_->store(message, budget());
  while (stored == LatestSlots::Stored::no_room && !spares_.empty() && counters_.queued < limits_.max_messages) {
    spares_.pop_back();
    stored = latest_->store(message, budget());
  }
  if (stored == LatestSlots::Stored::no_room && dictionaries_.back()->size() > 0) {
    start_dictionary();  // blocks that were taken keep theirs
    stored = latest_->store(message, budget());
  }
  counters_.queued_bytes = latest_->unread_bytes();
  if (stored == LatestSlots::Stored::no_slot) return drop(message, &LossCounters::dropped_no_slot);
  if (stored == LatestSlots::Stored::no_room) return drop(message, &LossCounters::dropped_newest);
  ++counters_.received;
  counters_.received_bytes += message.payload.size();
  if (stored == LatestSlots::Stored::superseded) {
    ++counters_.superseded;
    counters_.superseded_bytes = latest_->superseded_bytes();
  } else {
    ++counters_.queued;
  }
  return PushResult::stored;
}

// As many slots as fit, in a block. Null where there is no memory for it: they stay unread.
std::unique_ptr<MessageBlock> MessageQueue::pop_latest() {
  std::unique_ptr<MessageBlock> block;
  try {
    const auto full = [this](std::string_view topic) {
      const TopicDictionary& topics = *dictionaries_.back();
      return topics.size() > 0 && (topics.size() >= limits_.max_topics ||
                                   topics.bytes() + TopicDictionary::cost(topic) > dictionary_bytes());
    };
    for (; latest_->unread() > 0; latest_->pop()) {
      const MessageView message = latest_->front();
      if (!dictionaries_.back()->find(message.topic) && full(message.topic)) {
        if (block) break;
        start_dictionary();
      }
      if (!block) block = new_block(message.payload.size());
      if (!block->fits(message.payload.size())) break;
      (void)block->append(message, dictionaries_.back()->intern(message.topic), limits_.keep_properties);
    }
  } catch (const std::bad_alloc&) {
    if (block && block->size() == 0) block.reset();
  }
  counters_.queued = latest_->unread();
  counters_.queued_bytes = latest_->unread_bytes();
  if (held_bytes() > limits_.max_bytes) {  // by the topics of the block, which are the slots' as well
    const std::size_t above = held_bytes() - limits_.max_bytes;
    (void)latest_->shrink(latest_->bytes() > above ? latest_->bytes() - above : 0);
  }
  return block;
}

}  // namespace honeyframe
