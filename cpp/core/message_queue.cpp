#include "message_queue.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "consumer_wakes.h"
#include "receive_burst.h"
#include "topic_filter.h"

namespace honeyframe {

namespace {

// Whole blocks are evicted, so a block is at most 1/32 of the byte bound and 1/16 of the message bound.
constexpr std::size_t kBlocksPerBound = 32;
constexpr std::size_t kMaxBlockBytes = 256u << 10;  // stays in the second-level cache between producer and consumer
constexpr std::size_t kBytesPerMessage = 128;       // payload and padding, for which a block's table is laid out
constexpr std::size_t kMaxSpares = 4;
constexpr std::size_t kDictionariesPerBound = 16;

constexpr std::chrono::nanoseconds kLongestWait = std::chrono::hours(24 * 365);  // the clock must not overflow

QueueLimits raised(QueueLimits limits) {
  limits.max_messages = std::max<std::size_t>(limits.max_messages, 1);
  limits.max_bytes = std::max(limits.max_bytes, QueueLimits::kMinBytes);
  limits.max_topics = std::max<std::size_t>(limits.max_topics, 1);
  limits.max_payload_bytes = std::clamp<std::size_t>(limits.max_payload_bytes, 1, QueueLimits::kMaxPayloadBytes);
  limits.block_timeout = std::max(limits.block_timeout, std::chrono::milliseconds(0));
  return limits;
}

std::size_t arena_bytes_for(const QueueLimits& limits) {
  const std::size_t whole =
      std::min(limits.max_bytes / kBlocksPerBound, kMaxBlockBytes) - MessageBlock::capacity_bytes(0, 0);
  return whole / (kBytesPerMessage + sizeof(StoredMessage)) * kBytesPerMessage;
}

std::size_t messages_for(const QueueLimits& limits) {
  return std::clamp<std::size_t>(limits.max_messages / 16, 1, arena_bytes_for(limits) / kBytesPerMessage);
}

Status out_of_range(const char* name, long long found, const char* allowed) {
  return Status(ErrorCode::invalid_argument,
                std::string(name) + ": found " + std::to_string(found) + ", expected " + allowed);
}

}  // namespace

Status QueueLimits::validate() const {
  const auto number = [](std::size_t value) { return static_cast<long long>(value); };
  if (max_messages < 1) return out_of_range("max_messages", number(max_messages), "1 or more");
  if (max_bytes < kMinBytes) return out_of_range("max_bytes", number(max_bytes), "65536 or more");
  if (max_topics < 1) return out_of_range("max_topics", number(max_topics), "1 or more");
  if (max_payload_bytes < 1 || max_payload_bytes > kMaxPayloadBytes) {
    return out_of_range("max_payload_bytes", number(max_payload_bytes), "1 to 268435455, the largest MQTT packet");
  }
  if (block_timeout.count() < 0) return out_of_range("block_timeout", block_timeout.count(), "0 ms or more");
  return {};
}

MessageQueue::MessageQueue(QueueLimits limits)
    : limits_(raised(limits)), block_arena_bytes_(arena_bytes_for(limits_)), block_messages_(messages_for(limits_)) {
  spares_.reserve(kMaxSpares);
  dictionaries_.push_back(std::make_shared<TopicDictionary>());
  if (limits_.policy != OverflowPolicy::latest) return;
  latest_ = std::make_unique<LatestSlots>(limits_.max_topics, limits_.max_messages, limits_.keep_properties);
}

PushResult MessageQueue::push(const MessageView& message) noexcept {
  return push(message, limits_.block_timeout);
}

PushResult MessageQueue::push(const MessageView& message, std::chrono::nanoseconds patience) noexcept {
  PushResult result = PushResult::dropped;
  bool notify = false;
  {
    Lock lock(mutex_);
    if (closed_) return PushResult::closed;
    try {
      result = store(message, patience, lock);
    } catch (const std::bad_alloc&) {
      result = drop(message, &LossCounters::dropped_no_memory);
    }
    if (result == PushResult::stored && consumer_sleeps_) notify = must_wake_now();
  }
  if (notify) not_empty_->notify_all();
  return result;
}

// Of a consumer that sleeps. Not for the first message of a burst: at the latest when it has filled a block.
bool MessageQueue::must_wake_now() noexcept {
  if (!wake_put_off_ && ConsumerWakes::put_off(weak_from_this())) {
    wake_put_off_ = true;
    return false;
  }
  if (wake_put_off_ && blocks_.size() < 2) return false;
  consumer_sleeps_ = false;
  return true;
}

void MessageQueue::wake_consumer() noexcept {
  {
    const std::lock_guard lock(mutex_);
    wake_put_off_ = false;
    if (!std::exchange(consumer_sleeps_, false)) return;
  }
  not_empty_->notify_all();
}

PushResult MessageQueue::store(const MessageView& message, std::chrono::nanoseconds patience, Lock& lock) {
  // A known topic was checked when it came first.
  const bool known = latest_ ? latest_->knows(message.topic) : dictionaries_.back()->find(message.topic).has_value();
  if (!known && !is_valid_topic_name(message.topic)) {
    return reject(message, &LossCounters::rejected_topic);
  }
  if (message.payload.size() > limits_.max_payload_bytes || bytes_alone(message) > limits_.max_bytes) {
    return reject(message, &LossCounters::rejected_too_large);
  }
  if (message.qos > 0) look_for_repetition(message);
  if (latest_) return store_latest(message);
  while (!make_room(message)) {
    switch (limits_.policy) {
      case OverflowPolicy::drop_oldest:
        evict_oldest();
        break;
      case OverflowPolicy::drop_newest:
        return drop(message, &LossCounters::dropped_newest);
      case OverflowPolicy::block:
        // One wait for a stall: the receive thread must come back to the socket.
        if (!stalled_ && sleep_until_room(message, patience, lock)) break;
        stalled_ = true;
        if (!closed_) return drop(message, &LossCounters::dropped_block_timeout);
        ++counters_.received;
        counters_.received_bytes += message.payload.size();
        ++counters_.discarded_on_close;
        return PushResult::closed;
      case OverflowPolicy::latest:  // has no blocks
        break;
    }
  }
  stalled_ = false;
  const std::uint32_t topic_id = dictionaries_.back()->intern(message.topic);
  if (needs_block(message.payload.size())) open_block(message.payload.size());
  MessageBlock& block = *blocks_.back();
  const std::size_t before = block.capacity_bytes();
  (void)block.append(message, topic_id, limits_.keep_properties);  // make_room() has seen to it that it fits
  counters_.queued_bytes += block.capacity_bytes() - before;
  ++counters_.received;
  counters_.received_bytes += message.payload.size();
  ++counters_.queued;
  return PushResult::stored;
}

PushResult MessageQueue::reject(const MessageView& message, LossReason reason) {
  note_message(LedgerEvent::rejected, to_word(reason), message);
  ++counters_.received;
  counters_.received_bytes += message.payload.size();
  ++counters_.rejected;
  ++(counters_.loss.*reason);
  return PushResult::rejected;
}

PushResult MessageQueue::drop(const MessageView& message, LossReason reason) {
  note_message(LedgerEvent::dropped, to_word(reason), message);
  ++counters_.received;
  counters_.received_bytes += message.payload.size();
  ++counters_.dropped;
  counters_.loss.dropped_bytes += message.payload.size();
  ++(counters_.loss.*reason);
  return PushResult::dropped;
}

bool MessageQueue::make_room(const MessageView& message) {
  if (counters_.queued >= limits_.max_messages) return false;
  TopicDictionary& topics = *dictionaries_.back();
  const std::size_t topic_cost = TopicDictionary::cost(message.topic);
  const bool new_topic = !topics.find(message.topic);
  const bool dictionary_full =
      topics.size() > 0 && (topics.size() >= limits_.max_topics || topics.bytes() + topic_cost > dictionary_bytes());
  const bool new_dictionary = new_topic && dictionary_full;
  const bool new_block = new_dictionary || needs_block(message.payload.size());
  const bool spare_serves = new_block && !is_oversize(message.payload.size()) && !spares_.empty();
  const std::size_t needed = (new_topic ? topic_cost : 0) + kept_properties_bytes(message) +
                             (new_dictionary ? TopicDictionary::empty_bytes() : 0) +
                             (new_block && !spare_serves ? block_bytes(message.payload.size()) : 0);
  while (held_bytes() + needed > limits_.max_bytes && spares_.size() > (spare_serves ? 1 : 0)) spares_.pop_back();
  const bool room = held_bytes() + needed <= limits_.max_bytes;
  if (!room && !blocks_.empty()) return false;
  if (!room || new_dictionary) start_dictionary();  // without blocks, the old topics are all there is to give up
  return true;
}

bool MessageQueue::wait_for_room(const MessageView& message, std::chrono::nanoseconds wait) {
  Lock lock(mutex_);
  if (closed_ || stalled_ || limits_.policy != OverflowPolicy::block) return true;
  if (bytes_alone(message) > limits_.max_bytes) return true;  // will be rejected
  return make_room(message) || sleep_until_room(message, wait, lock) || closed_;
}

bool MessageQueue::sleep_until_room(const MessageView& message, std::chrono::nanoseconds wait, Lock& lock) {
  const auto begin = std::chrono::steady_clock::now();
  const auto deadline = begin + std::min(wait, kLongestWait);
  lock.unlock();
  ReceiveBurst::end();  // it may be for this very consumer that we wait
  lock.lock();
  bool room = closed_ || make_room(message);
  if (room) return !closed_;
  for (;;) {
    producer_sleeps_ = true;
    const bool timed_out = not_full_->wait_until(lock, deadline) == std::cv_status::timeout;
    if (closed_) break;
    room = make_room(message);
    if (room || timed_out) break;
  }
  const auto waited = std::chrono::steady_clock::now() - begin;
  counters_.blocked_ns +=
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(waited).count());
  return room;
}

void MessageQueue::open_block(std::size_t payload_size) {
  std::unique_ptr<MessageBlock> block = new_block(payload_size);
  const std::size_t bytes = block->capacity_bytes();
  blocks_.push_back(std::move(block));
  counters_.queued_bytes += bytes;
}

std::size_t MessageQueue::dictionary_bytes() const noexcept {
  return limits_.max_bytes / kDictionariesPerBound;
}

std::unique_ptr<MessageBlock> MessageQueue::new_block(std::size_t payload_size) {
  std::unique_ptr<MessageBlock> block;
  if (is_oversize(payload_size)) {
    block = std::make_unique<MessageBlock>(payload_size + kPayloadPadding, dictionaries_.back(), 1);
  } else if (!spares_.empty()) {
    block = std::move(spares_.back());
    spares_.pop_back();
    block->reset(dictionaries_.back());
  } else {
    block = std::make_unique<MessageBlock>(block_arena_bytes_, dictionaries_.back(), block_messages_);
  }
  return block;
}

void MessageQueue::start_dictionary() {
  auto fresh = std::make_shared<TopicDictionary>();
  const bool in_use = !blocks_.empty() && &blocks_.back()->topics() == dictionaries_.back().get();
  dictionaries_.push_back(std::move(fresh));
  std::shared_ptr<TopicDictionary>& last = dictionaries_[dictionaries_.size() - 2];
  if (in_use) {
    retired_topic_bytes_ += last->bytes();
  } else {
    last = std::move(dictionaries_.back());
    dictionaries_.pop_back();
  }
}

std::unique_ptr<MessageBlock> MessageQueue::pop_oldest() {
  std::unique_ptr<MessageBlock> block = std::move(blocks_.front());
  blocks_.pop_front();
  counters_.queued -= block->size();
  counters_.queued_bytes -= block->capacity_bytes();
  const TopicDictionary* const oldest = blocks_.empty() ? dictionaries_.back().get() : &blocks_.front()->topics();
  while (dictionaries_.front().get() != oldest) {
    retired_topic_bytes_ -= dictionaries_.front()->bytes();
    dictionaries_.pop_front();
  }
  return block;
}

void MessageQueue::evict_oldest() {
  std::unique_ptr<MessageBlock> block = pop_oldest();
  note_evicted(*block);
  counters_.dropped += block->size();
  counters_.loss.dropped_oldest += block->size();
  counters_.loss.dropped_bytes += block->payload_bytes();
  keep_spare(std::move(block));
}

void MessageQueue::keep_spare(std::unique_ptr<MessageBlock> block) {
  if (block->arena_bytes() != block_arena_bytes_ || spares_.size() >= kMaxSpares) return;
  block->reset(nullptr);
  if (held_bytes() + block->capacity_bytes() <= limits_.max_bytes) spares_.push_back(std::move(block));
}

bool MessageQueue::needs_block(std::size_t payload_size) const noexcept {
  return blocks_.empty() || &blocks_.back()->topics() != dictionaries_.back().get() ||
         !blocks_.back()->fits(payload_size);
}

std::size_t MessageQueue::block_bytes(std::size_t payload_size) const noexcept {
  return is_oversize(payload_size) ? MessageBlock::capacity_bytes(payload_size + kPayloadPadding, 1)
                                   : MessageBlock::capacity_bytes(block_arena_bytes_, block_messages_);
}

std::size_t MessageQueue::bytes_alone(const MessageView& message) const noexcept {
  const std::size_t in_block = block_bytes(message.payload.size()) + TopicDictionary::empty_bytes() +
                               TopicDictionary::cost(message.topic) + kept_properties_bytes(message);
  return latest_ ? std::max(in_block, latest_->cost(message) + TopicDictionary::empty_bytes()) : in_block;
}

std::size_t MessageQueue::kept_properties_bytes(const MessageView& message) const noexcept {
  if (!limits_.keep_properties || message.properties == nullptr) return 0;
  return MessageBlock::properties_bytes(*message.properties);
}

bool MessageQueue::is_oversize(std::size_t payload_size) const noexcept {
  return payload_size + kPayloadPadding > block_arena_bytes_;
}

std::size_t MessageQueue::held_bytes() const noexcept {
  const std::size_t spare_bytes = spares_.size() * MessageBlock::capacity_bytes(block_arena_bytes_, block_messages_);
  const std::size_t read_slots = latest_ ? latest_->bytes() - latest_->unread_bytes() : 0;
  return counters_.queued_bytes + read_slots + spare_bytes + retired_topic_bytes_ + dictionaries_.back()->bytes();
}

std::unique_ptr<MessageBlock> MessageQueue::take(std::chrono::nanoseconds wait) {
  std::unique_ptr<MessageBlock> block;
  bool notify = false;
  {
    Lock lock(mutex_);
    if (nothing_queued() && !closed_ && !woken_ && wait.count() > 0) {
      const auto deadline = std::chrono::steady_clock::now() + std::min(wait, kLongestWait);
      const auto over = [this] { return !nothing_queued() || closed_ || woken_; };
      do {
        consumer_sleeps_ = true;
      } while (not_empty_->wait_until(lock, deadline) != std::cv_status::timeout && !over());
      consumer_sleeps_ = false;
    }
    if (std::exchange(woken_, false) || nothing_queued()) return nullptr;
    block = latest_ ? pop_latest() : pop_oldest();
    if (!block) return nullptr;
    counters_.in_batch += block->size();
    notify = std::exchange(producer_sleeps_, false);
  }
  if (notify) not_full_->notify_all();
  return block;
}

void MessageQueue::recycle(std::unique_ptr<MessageBlock> block) {
  if (!block) return;
  const std::lock_guard lock(mutex_);
  if (!closed_) keep_spare(std::move(block));
}

std::uint64_t MessageQueue::leave_batch(std::uint64_t messages) {
  const std::uint64_t settled = std::min(messages, counters_.in_batch);
  counters_.in_batch -= settled;
  return settled;
}

void MessageQueue::settle_quarantined(std::uint64_t messages) {
  const std::lock_guard lock(mutex_);
  counters_.quarantined += leave_batch(messages);
}

bool MessageQueue::settle_delivered(std::uint64_t messages, std::uint64_t rows) {
  const std::lock_guard lock(mutex_);
  if (discarded_) return false;
  counters_.delivered += leave_batch(messages);
  counters_.rows += rows;
  return true;
}

void MessageQueue::settle_dropped(std::uint64_t messages, std::uint64_t payload_bytes) {
  const std::lock_guard lock(mutex_);
  if (discarded_) return;
  const std::uint64_t settled = leave_batch(messages);
  counters_.dropped += settled;
  counters_.loss.dropped_bytes += payload_bytes;
  switch (limits_.policy) {
    case OverflowPolicy::drop_oldest:
    case OverflowPolicy::latest:
      counters_.loss.dropped_oldest += settled;
      break;
    case OverflowPolicy::drop_newest:
      counters_.loss.dropped_newest += settled;
      break;
    case OverflowPolicy::block:
      counters_.loss.dropped_block_timeout += settled;
      break;
  }
  if (settled > 0) note_batch_loss(settled, payload_bytes);
}

void MessageQueue::close(Status why) {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    if (close_reason_.ok()) close_reason_ = std::move(why);
  }
  not_empty_->notify_all();
  not_full_->notify_all();
}

void MessageQueue::discard() {
  std::deque<std::unique_ptr<MessageBlock>> gone;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    discarded_ = true;
    while (!blocks_.empty()) gone.push_back(pop_oldest());
    for (const auto& block : gone) counters_.discarded_on_close += block->size();
    if (latest_) {
      counters_.discarded_on_close += latest_->unread();
      counters_.queued = counters_.queued_bytes = 0;
      latest_->clear();
    }
    counters_.discarded_on_close += counters_.in_batch;
    counters_.in_batch = 0;
    spares_.clear();
  }
  not_empty_->notify_all();
  not_full_->notify_all();
}

void MessageQueue::wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  not_empty_->notify_all();
}

Status MessageQueue::close_reason() const {
  const std::lock_guard lock(mutex_);
  return close_reason_;
}

bool MessageQueue::closed() const {
  const std::lock_guard lock(mutex_);
  return closed_;
}

bool MessageQueue::drained() const {
  const std::lock_guard lock(mutex_);
  return closed_ && nothing_queued();
}

StreamCounters MessageQueue::counters() const {
  const std::lock_guard lock(mutex_);
  StreamCounters counters = counters_;
  counters.held_bytes = held_bytes();
  return counters;
}

}  // namespace honeyframe
