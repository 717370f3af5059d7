#include "batch_cutter.h"

#include <algorithm>
#include <utility>

namespace honeyframe {

namespace {

// A full queue takes a while to extract: the caller looks for signals in between.
constexpr std::chrono::milliseconds kLongestCut{40};

}  // namespace

SteadyTime due_at(SteadyTime first_row, std::chrono::nanoseconds max_age) noexcept {
  constexpr std::chrono::nanoseconds kYear = std::chrono::hours(24 * 365);
  return first_row + std::min(max_age, kYear);
}

BatchCutter::BatchCutter(std::shared_ptr<MessageQueue> queue, std::unique_ptr<Extractor> extractor)
    : queue_(std::move(queue)), extractor_(std::move(extractor)) {}

Result<CutBatch> BatchCutter::cut(const CutLimits& limits) {
  const SteadyTime pause = std::chrono::steady_clock::now() + kLongestCut;
  const auto full = [&] {
    return open_full_ || open_rows_ >= limits.max_rows || (open_rows_ > 0 && open_bytes_ >= limits.max_bytes);
  };
  while (!full()) {
    if (std::chrono::steady_clock::now() >= pause) break;
    if (!block_) wait(SteadyTime::min());
    if (!block_) break;
    if (Status status = extract_block(limits.max_rows); !status.ok()) return status;
  }
  const bool old = open_rows_ > 0 && std::chrono::steady_clock::now() >= due(limits);
  const bool drained = !block_ && queue_->drained();
  if (full() || old || (drained && open_messages_ > 0)) return finish();
  CutBatch none;
  none.ended = drained;
  return none;
}

Status BatchCutter::extract_block(std::int64_t max_rows) {
  Status status;
  std::uint64_t quarantined = 0;
  const std::int64_t rows_before = open_rows_;
  const std::uint64_t messages_before = open_messages_;
  {
    const std::lock_guard lock(extractor_mutex_);
    const auto reached = extractor_->extract(*block_, position_, block_->size(), max_rows);
    status = reached.status();
    quarantined = extractor_->take_quarantined_count();
    open_rows_ = extractor_->open_rows();
    open_messages_ = extractor_->open_messages();
    open_full_ = extractor_->full();
  }
  // An error does not say how far it came; every message is either in the open batch or quarantined.
  const std::uint64_t passed = open_messages_ - messages_before + quarantined;
  for (std::uint64_t i = 0; i < passed && position_ < block_->size(); ++i, ++position_) {
    const StoredMessage& message = (*block_)[position_];
    open_bytes_ += message.payload_size + block_->topic(message).size();
  }
  if (passed == 0 && status.ok() && open_rows_ < max_rows && !open_full_) {  // must not happen, and must not hang
    ++position_;
    quarantined = 1;
    status = Status(ErrorCode::internal, "the extractor passed over a message without a word");
  }
  if (quarantined > 0) queue_->settle_quarantined(quarantined);
  if (rows_before == 0 && open_rows_ > 0) first_row_ = std::chrono::steady_clock::now();
  if (open_rows_ == 0 && open_messages_ > settled_early_) {  // nobody waits for these: they are delivered, without rows
    (void)queue_->settle_delivered(open_messages_ - settled_early_, 0);
    settled_early_ = open_messages_;
    open_bytes_ = 0;
  }
  if (position_ >= block_->size()) {
    queue_->recycle(std::move(block_));
    position_ = 0;
  }
  return status;
}

CutBatch BatchCutter::finish() {
  CutBatch cut;
  cut.first_row = first_row_;
  cut.unsettled = open_messages_ - settled_early_;
  {
    const std::lock_guard lock(extractor_mutex_);
    cut.batch = extractor_->finish();
  }
  open_rows_ = 0;
  open_messages_ = 0;
  open_bytes_ = 0;
  open_full_ = false;
  settled_early_ = 0;
  return cut;
}

SteadyTime BatchCutter::due(const CutLimits& limits) const {
  return open_rows_ > 0 ? due_at(first_row_, limits.max_age) : SteadyTime::max();
}

void BatchCutter::wait(SteadyTime until) {
  if (block_) return;
  const SteadyTime now = std::chrono::steady_clock::now();
  block_ = queue_->take(until > now ? until - now : std::chrono::nanoseconds(0));
  position_ = 0;
}

ExtractCounters BatchCutter::counters() const {
  const std::lock_guard lock(extractor_mutex_);
  return extractor_->counters();
}

std::vector<QuarantineEntry> BatchCutter::quarantine() const {
  const std::lock_guard lock(extractor_mutex_);
  return extractor_->quarantine();
}

std::vector<ExtractEvent> BatchCutter::take_events() {
  const std::lock_guard lock(extractor_mutex_);
  return extractor_->take_events();
}

std::vector<LedgerRow> BatchCutter::ledger() const {
  const std::lock_guard lock(extractor_mutex_);
  return extractor_->ledger();
}

SchemaPtr BatchCutter::schema() const {
  const std::lock_guard lock(extractor_mutex_);
  return extractor_->schema();
}

}  // namespace honeyframe
