#include "spool_queue.h"

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

#include "consumer_wakes.h"
#include "receive_burst.h"
#include "topic_filter.h"
#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::chrono::nanoseconds kLongestWait = std::chrono::hours(24 * 365);  // the clock must not overflow
constexpr std::size_t kMaxKnownBytes = 8u << 20;
constexpr std::chrono::milliseconds kLook{10};  // how often a push that waits looks whether a segment was read

QueueLimits spooled(QueueLimits limits) {
  limits.keep_properties = true;
  return limits;
}

}  // namespace

Result<std::shared_ptr<SpoolQueue>> SpoolQueue::open(QueueLimits limits, SpoolQueueOptions options) {
  if (Status status = limits.validate(); !status.ok()) return status;
  if (limits.policy == OverflowPolicy::latest) {
    return Status(ErrorCode::invalid_argument,
                  "overflow \"latest\" keeps its messages in memory alone: no spool has it")
        .with_hint("drop_oldest, drop_newest or block; or delivery=\"received\"");
  }
  const std::string path = options.spool.path;
  const bool is_slow = options.spool.sync == SyncMode::always;
  auto writer = SpoolWriter::open(std::move(options.spool));
  if (!writer.ok()) return writer.status();
  const std::uint64_t from = options.from.value_or(writer.value()->next_sequence());
  auto reader = SpoolReader::open(path, from);
  if (!reader.ok()) return reader.status();
  return std::shared_ptr<SpoolQueue>(
      new SpoolQueue(spooled(limits), std::move(writer).value(), std::move(reader).value(), from, is_slow));
}

SpoolQueue::SpoolQueue(QueueLimits limits, std::unique_ptr<SpoolWriter> writer, std::unique_ptr<SpoolReader> reader,
                       std::uint64_t from, bool is_slow)
    : MessageQueue(limits),
      writer_(std::move(writer)),
      feed_(std::move(reader), {block_arena_bytes_, block_messages_, limits_.max_topics}),
      live_(writer_->next_sequence()),
      earlier_(writer_->earlier_numbers()),
      wakes_at_once_(is_slow),
      expected_(std::min(from == 0 && !earlier_.empty() ? earlier_.front().first : from, live_)),
      end_(live_),
      spool_bytes_(writer_->bytes()) {
  if (from == 0 && earlier_.empty()) expected_ = live_;
  tell_opened();
}

std::uint64_t SpoolQueue::count_from(const std::vector<SpoolWriter::Numbers>& ranges, std::uint64_t first) noexcept {
  std::uint64_t sum = 0;
  for (const auto& range : ranges) sum += range.end > first ? range.end - std::max(range.first, first) : 0;
  return sum;
}

PushResult SpoolQueue::push(const MessageView& message, std::chrono::nanoseconds patience) noexcept {
  const std::lock_guard producer(producer_mutex_);
  if (!writer_) return PushResult::closed;
  try {
    LossReason reason = nullptr;
    if (fault_of(message, reason) != nullptr) return settle_refused(message, true, reason);
    if (put_off(message)) return settle_put_off(message);
    commit_batch(patience);
    auto outcome = writer_->append(message);
    while (SpoolWriter::is_full(outcome) && make_room(outcome, patience)) outcome = writer_->append(message);
    if (outcome == SpoolWriter::Outcome::stored) return settle_stored(message);
    return settle_refused(message, false, tell_refused(outcome));
  } catch (const std::bad_alloc&) {
    return settle_refused(message, false, &LossCounters::dropped_no_memory);
  } catch (const std::system_error&) {
    return settle_refused(message, false, &LossCounters::dropped_spool_failed);
  }
}

const char* SpoolQueue::fault_of(const MessageView& message, LossReason& reason) {
  if (!known_topics_.find(message.topic)) {
    reason = &LossCounters::rejected_topic;
    if (!is_valid_topic_name(message.topic)) return "topic";
    if (known_topics_.size() < limits_.max_topics && known_topics_.bytes() < kMaxKnownBytes) {
      static_cast<void>(known_topics_.intern(message.topic));
    }
  }
  reason = &LossCounters::rejected_too_large;
  if (message.payload.size() > limits_.max_payload_bytes || writer_->exceeds_spool(message)) return "size";
  return nullptr;
}

PushResult SpoolQueue::settle_stored(const MessageView& message) {
  stalled_here_ = false;
  bool notify = false;
  {
    const Lock lock(mutex_);
    if (message.qos > 0) look_for_repetition(message);
    ++counters_.received;
    counters_.received_bytes += message.payload.size();
    spool_bytes_ = writer_->bytes();
    end_ = writer_->next_sequence();
    if (discarded_) {
      ++counters_.discarded_on_close;
      expected_ = end_;
    } else {
      ++counters_.queued;
    }
    if (consumer_sleeps_) notify = wakes_at_once_ ? std::exchange(consumer_sleeps_, false) : must_wake_now();
  }
  if (notify) not_empty_->notify_all();
  if (const int error = writer_->sync_error(); error != 0 && !std::exchange(sync_error_told_, true))
    tell_sync_error(error);
  return PushResult::stored;
}

PushResult SpoolQueue::settle_refused(const MessageView& message, bool rejected, LossReason reason) {
  const Lock lock(mutex_);
  return rejected ? reject(message, reason) : drop(message, reason);
}

bool SpoolQueue::is_read(std::uint64_t end) const {
  const Lock lock(mutex_);
  return end <= first_in_hand();
}

// The first message that is in a batch; where none is, the next one to be taken.
std::uint64_t SpoolQueue::first_in_hand() const {
  std::uint64_t first = expected_;
  std::uint64_t left = counters_.in_batch;
  for (auto block = taken_.rbegin(); left > 0 && block != taken_.rend(); ++block) {
    const std::uint64_t of_this = std::min(left, block->messages);
    first = block->end - of_this;
    left -= of_this;
  }
  return first;
}

// True where append() is worth another try.
bool SpoolQueue::make_room(SpoolWriter::Outcome why, std::chrono::nanoseconds patience) {
  const SpoolWriter::Segment* const oldest = writer_->oldest();
  if (oldest == nullptr) return false;
  if (!is_read(oldest->end)) {
    switch (limits_.policy) {
      case OverflowPolicy::drop_oldest:
        give_up_oldest(*oldest, why);
        break;
      case OverflowPolicy::drop_newest:
      case OverflowPolicy::latest:  // open() refuses it
        return false;
      case OverflowPolicy::block:
        if (stalled_here_ || !wait_until_read(oldest->end, patience)) {
          stalled_here_ = true;
          return false;
        }
        break;
    }
  }
  // The reader has the segment that it read last open, which may be all that the disk has room for.
  return writer_->remove_oldest(why == SpoolWriter::Outcome::disk_full);
}

void SpoolQueue::give_up_oldest(const SpoolWriter::Segment& segment, SpoolWriter::Outcome why) {
  {
    const Lock lock(mutex_);
    if (expected_ >= segment.end) return;  // in hand: nobody loses it
    settle_given_up(segment);
  }
  tell_full(why, "the oldest messages are dropped, though not all of them were read");
}

void SpoolQueue::settle_given_up(const SpoolWriter::Segment& segment) {
  const std::uint64_t first = std::max({segment.first, expected_, live_});
  const std::uint64_t lost = segment.end > first ? segment.end - first : 0;
  counters_.queued -= lost;
  counters_.dropped += lost;
  counters_.loss.dropped_oldest += lost;
  std::uint64_t bytes = 0;
  if (segment.payload_bytes_at_end > payload_bytes_read_) {
    bytes = segment.payload_bytes_at_end - payload_bytes_read_;
    payload_bytes_read_ = segment.payload_bytes_at_end;
  }
  counters_.loss.dropped_bytes += bytes;
  note_loss(&LossCounters::dropped_oldest, lost, bytes);
  expected_ = segment.end;
}

bool SpoolQueue::wait_until_read(std::uint64_t end, std::chrono::nanoseconds patience) {
  // It may be for this very consumer that we wait. In commit() there are messages behind this one whose answers must
  // not leave yet.
  if (commits_) {
    ConsumerWakes::flush();
  } else {
    put_off_ = false;
    ReceiveBurst::forget(*this);
    ReceiveBurst::end();
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto deadline = begin + std::min(patience, kLongestWait);
  bool read = is_read(end);
  Lock lock(mutex_);
  while (!read && !closed_ && std::chrono::steady_clock::now() < deadline) {
    not_full_->wait_until(lock, std::min(deadline, std::chrono::steady_clock::now() + kLook));
    read = end <= first_in_hand();
  }
  const auto waited = std::chrono::steady_clock::now() - begin;
  counters_.blocked_ns +=
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(waited).count());
  return read;
}

bool SpoolQueue::wait_for_room(const MessageView& message, std::chrono::nanoseconds wait) {
  if (limits_.policy != OverflowPolicy::block) return true;
  const auto deadline = std::chrono::steady_clock::now() + std::min(wait, kLongestWait);
  for (;;) {
    {
      const std::lock_guard producer(producer_mutex_);
      if (writer_) commit_batch(std::chrono::nanoseconds(0));
      if (!writer_ || stalled_here_ || writer_->has_room(message) || writer_->exceeds_spool(message)) return true;
      const auto* const oldest = writer_->oldest();
      if (oldest == nullptr || is_read(oldest->end)) return true;
    }
    Lock lock(mutex_);
    if (closed_) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
    not_full_->wait_until(lock, std::min(deadline, std::chrono::steady_clock::now() + kLook));
  }
}

bool SpoolQueue::sleep_until_readable(Lock& lock, std::chrono::nanoseconds wait) {
  const auto over = [this] { return expected_ < end_ || (closed_ && !has_uncommitted_) || woken_ || read_failed_; };
  if (!over() && wait.count() > 0) {
    const auto deadline = std::chrono::steady_clock::now() + std::min(wait, kLongestWait);
    do {
      consumer_sleeps_ = true;
    } while (not_empty_->wait_until(lock, deadline) != std::cv_status::timeout && !over());
    consumer_sleeps_ = false;
  }
  return !std::exchange(woken_, false) && !discarded_ && !read_failed_ && expected_ < end_;
}

std::unique_ptr<MessageBlock> SpoolQueue::take(std::chrono::nanoseconds wait) {
  for (;;) {
    std::uint64_t from = 0;
    std::uint64_t until = 0;
    {
      Lock lock(mutex_);
      if (!sleep_until_readable(lock, wait)) return nullptr;
      from = expected_;
      until = from < live_ ? live_ : end_;
    }
    auto fed = read(from, until);  // without the lock: the disk may be slow
    if (!fed.ok()) return fail_read(fed.status());
    bool overtaken = false;
    std::uint64_t missing = 0;
    {
      const Lock lock(mutex_);
      if (discarded_) return nullptr;
      overtaken = expected_ != from;  // given up meanwhile
      if (!overtaken) missing = settle_taken(fed.value(), from, until);
    }
    if (overtaken) {
      static_cast<void>(feed_.reader().take_damages());  // files that were taken away under the reader
      feed_.recycle(std::move(fed.value().block));
      continue;
    }
    tell_damages(missing);
    if (fed.value().block) return std::move(fed.value().block);
  }
}

Result<SpoolFeed::Fed> SpoolQueue::read(std::uint64_t from, std::uint64_t until) {
  try {
    return feed_.read(from, until);
  } catch (const std::bad_alloc&) {
    return Status(ErrorCode::spool_failed, "no memory is left to read the spool");
  }
}

// The stream ends here, and says why. What it has not read stays in the spool.
std::unique_ptr<MessageBlock> SpoolQueue::fail_read(const Status& why) {
  tell_damages(0);
  events_.add("read_failed", why.message());
  {
    const Lock lock(mutex_);
    read_failed_ = true;
  }
  close(why);
  return nullptr;
}

// How many were lost before its first message, or instead of it. In this run numbers rise one by one; between runs they
// jump, and the segments tell how many there were.
std::uint64_t SpoolQueue::settle_taken(const SpoolFeed::Fed& fed, std::uint64_t from, std::uint64_t until) {
  const bool of_this_run = from >= live_;
  const std::uint64_t count = fed.block ? fed.block->size() : 0;
  const std::uint64_t passed = (fed.block ? fed.block->first_sequence() : until) - from;
  const std::uint64_t lost = of_this_run ? passed : fed.block ? fed.missing : count_from(earlier_, from);
  expected_ = fed.block ? fed.block->first_sequence() + count : until;
  counters_.in_batch += count;
  note_taken(count);
  if (of_this_run) {
    counters_.queued -= count + lost;
  } else {
    counters_.received += count + lost;
    if (fed.block) counters_.received_bytes += fed.block->payload_bytes();
  }
  counters_.dropped += lost;
  counters_.loss.dropped_spool_damaged += lost;
  if (lost > 0) note_loss(&LossCounters::dropped_spool_damaged, lost, 0);
  if (fed.block && of_this_run) payload_bytes_read_ += fed.block->payload_bytes();
  return lost;
}

void SpoolQueue::note_taken(std::uint64_t count) {
  std::uint64_t held = 0;
  for (const Taken& block : taken_) held += block.messages;
  // Those at the front whose messages have all left their batch.
  while (!taken_.empty() && held - taken_.front().messages + count >= counters_.in_batch) {
    held -= taken_.front().messages;
    taken_.pop_front();
  }
  if (count > 0) taken_.push_back({expected_, count});
}

void SpoolQueue::recycle(std::unique_ptr<MessageBlock> block) {
  feed_.recycle(std::move(block));
}

void SpoolQueue::close(Status why) {
  MessageQueue::close(std::move(why));
  if (subscriptions_ == 0) let_go();
}

void SpoolQueue::unsubscribed() noexcept {
  if (--subscriptions_ > 0) return;
  bool over = false;
  {
    const Lock lock(mutex_);
    over = closed_;
  }
  if (over) let_go();
}

void SpoolQueue::let_go() noexcept {
  const std::lock_guard producer(producer_mutex_);
  if (writer_ == nullptr) return;
  commit_batch(std::chrono::nanoseconds(0));
  const int error = writer_->finish();
  try {
    if (error != 0 && !std::exchange(sync_error_told_, true)) tell_sync_error(error);
  } catch (const std::exception&) {
    // No memory to tell it.
  }
  writer_.reset();
}

void SpoolQueue::discard() {
  {
    const Lock lock(mutex_);
    closed_ = discarded_ = true;  // with the counting: what arrives now is discarded by settle_stored()
    counters_.discarded_on_close += std::exchange(counters_.queued, 0);
    expected_ = end_;
  }
  MessageQueue::discard();
  if (subscriptions_ == 0) let_go();
}

bool SpoolQueue::drained() const {
  const Lock lock(mutex_);
  return closed_ && (read_failed_ || (expected_ >= end_ && !has_uncommitted_));
}

StreamCounters SpoolQueue::counters() const {
  const Lock lock(mutex_);
  StreamCounters counters = counters_;
  counters.spool_bytes = spool_bytes_;
  return counters;
}

}  // namespace honeyframe
