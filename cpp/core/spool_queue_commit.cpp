// SpoolQueue's batches: what is put off to the end of a read burst, written together, and what becomes of it where it
// cannot be.

#include <exception>
#include <memory>
#include <mutex>
#include <utility>

#include "spool_queue.h"

namespace honeyframe {

// True: commit() will come before any acknowledgement leaves.
bool SpoolQueue::put_off(const MessageView& message) {
  if (!put_off_) {
    if (!ReceiveBurst::is_promised()) return false;
    put_off_ = ReceiveBurst::commit_later(std::static_pointer_cast<SpoolQueue>(weak_from_this().lock()));
    if (!put_off_) return false;
  }
  return writer_->batch(message);
}

void SpoolQueue::commit() noexcept {
  const std::lock_guard producer(producer_mutex_);
  put_off_ = false;
  if (writer_) commit_batch(limits_.block_timeout);
}

void SpoolQueue::commit_batch(std::chrono::nanoseconds patience) noexcept {
  if (!writer_->has_batch()) return;
  try {
    auto outcome = writer_->commit();
    settle_committed();
    if (outcome == SpoolWriter::Outcome::stored) stalled_here_ = false;
    commits_ = true;
    for (bool first = true; writer_->has_batch(); first = false) {
      const SpoolRecord record = writer_->front_of_batch();
      if (!first) outcome = writer_->append(record);
      while (SpoolWriter::is_full(outcome) && make_room(outcome, patience)) outcome = writer_->append(record);
      if (outcome == SpoolWriter::Outcome::stored) {
        stalled_here_ = false;
      } else {
        settle_lost(record, tell_refused(outcome));
      }
      writer_->pop_batch();
      settle_committed();
    }
  } catch (const std::exception&) {  // no memory to tell of it
    settle_lost_batch();
  }
  commits_ = false;
}

// Counted as queued from now on, though not readable before commit().
PushResult SpoolQueue::settle_put_off(const MessageView& message) {
  const Lock lock(mutex_);
  if (message.qos > 0) look_for_repetition(message);
  ++counters_.received;
  counters_.received_bytes += message.payload.size();
  ++(discarded_ ? counters_.discarded_on_close : counters_.queued);
  has_uncommitted_ = true;
  return PushResult::stored;
}

void SpoolQueue::settle_committed() {
  bool notify = false;
  {
    const Lock lock(mutex_);
    spool_bytes_ = writer_->bytes();
    end_ = writer_->next_sequence();
    has_uncommitted_ = writer_->has_batch();
    if (discarded_) expected_ = end_;
    notify = std::exchange(consumer_sleeps_, false);
  }
  if (notify) not_empty_->notify_all();
  if (const int error = writer_->sync_error(); error != 0 && !std::exchange(sync_error_told_, true))
    tell_sync_error(error);
}

// One that was put off could not be stored.
void SpoolQueue::settle_lost(const SpoolRecord& record, LossReason reason) {
  const MessageView message{
      .topic = record.topic, .payload = record.payload, .receive_time_ns = record.receive_time_ns};
  const Lock lock(mutex_);
  if (discarded_) return;
  --counters_.queued;
  --counters_.received;
  counters_.received_bytes -= record.payload.size();
  static_cast<void>(drop(message, reason));
}

void SpoolQueue::settle_lost_batch() noexcept {
  std::uint64_t lost = 0;
  std::uint64_t bytes = 0;
  for (; writer_->has_batch(); writer_->pop_batch()) {
    ++lost;
    bytes += writer_->front_of_batch().payload.size();
  }
  {
    const Lock lock(mutex_);
    has_uncommitted_ = false;
    if (!discarded_) {
      counters_.queued -= lost;
      counters_.dropped += lost;
      counters_.loss.dropped_no_memory += lost;
      counters_.loss.dropped_bytes += bytes;
      note_loss(&LossCounters::dropped_no_memory, lost, bytes);
    }
  }
  not_empty_->notify_all();
}

}  // namespace honeyframe
