#include "stream_reader.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "batch_cutter.h"
#include "process_owned.h"
#include "ready_batches.h"
#include "window_tap.h"

namespace honeyframe {

namespace {

constexpr std::chrono::milliseconds kPumpAge{100};
constexpr std::int64_t kPumpRows = 65'536;
constexpr std::size_t kBatchesPerBound = 16;  // kept batches are evicted whole, so each is a small part of the bound
constexpr std::chrono::nanoseconds kLongestWait = std::chrono::hours(24 * 365);  // the clock must not overflow

Status out_of_memory() {
  return Status(ErrorCode::internal, "there is no memory for the next batch");
}

class Reader final : public StreamReader {
 public:
  Reader(std::shared_ptr<MessageQueue> queue, std::unique_ptr<Extractor> extractor)
      : queue_(std::move(queue)), cutter_(queue_, std::move(extractor)), ready_(queue_->limits()) {}

  ~Reader() override {
    if (!in_forked_child()) stop_pump();
  }

  Result<NextBatch> next(const BatchLimits& limits, std::chrono::nanoseconds wait) override;
  Result<std::shared_ptr<WindowTap>> open_window(const WindowLimits& limits) override;

  void wake() override {
    {
      const std::lock_guard lock(mutex_);
      woken_ = true;
    }
    changed_->notify_all();
    queue_->wake();
  }
  void close() override {
    {
      const std::lock_guard lock(mutex_);
      closed_here_ = true;
    }
    queue_->close();
  }
  [[nodiscard]] Status end_reason() const override {
    const std::lock_guard lock(mutex_);
    return closed_here_ || discarded_ ? Status() : queue_->close_reason();
  }
  void discard() override;

  [[nodiscard]] StreamCounters counters() const override { return queue_->counters(); }
  [[nodiscard]] ExtractCounters extract_counters() const override { return cutter_.counters(); }
  [[nodiscard]] std::vector<QuarantineEntry> quarantine() const override { return cutter_.quarantine(); }
  [[nodiscard]] std::vector<ExtractEvent> take_events() override { return cutter_.take_events(); }
  [[nodiscard]] std::vector<LedgerRow> ledger() const override {
    std::vector<LedgerRow> rows = queue_->ledger();
    for (LedgerRow& row : cutter_.ledger()) rows.push_back(std::move(row));
    return rows;
  }
  [[nodiscard]] SchemaPtr schema() const override { return cutter_.schema(); }
  [[nodiscard]] bool in_forked_child() const noexcept override { return changed_.in_forked_child(); }

  void give_back(RecordBatchPtr batch) override {
    const std::lock_guard lock(mutex_);
    given_back_ = std::move(batch);
  }

 private:
  using Lock = std::unique_lock<std::mutex>;
  using Found = std::optional<Result<NextBatch>>;  // empty: somebody else extracts now

  // While it lives, the caller of next() has the cutter.
  class CallerExtracts {
   public:
    explicit CallerExtracts(Reader& reader) : reader_(reader) {}
    ~CallerExtracts() {
      {
        const std::lock_guard lock(reader_.mutex_);
        reader_.caller_extracts_ = false;
      }
      reader_.changed_->notify_all();
    }
    CallerExtracts(const CallerExtracts&) = delete;
    CallerExtracts& operator=(const CallerExtracts&) = delete;

   private:
    Reader& reader_;
  };

  Found next_extracted(const CutLimits& limits, SteadyTime deadline);
  Found next_ready(const CutLimits& limits, SteadyTime deadline);
  [[nodiscard]] Result<NextBatch> delivered(RecordBatchPtr batch, std::uint64_t unsettled);
  [[nodiscard]] RecordBatchPtr take_given_back();
  // True with the reason in `found`, where a waiting next() must return.
  bool must_return(const Lock& lock, SteadyTime deadline, NextBatch& found);

  void pump() noexcept;
  bool pump_leaves(bool drained);
  [[nodiscard]] CutLimits pump_limits() const;
  Result<CutBatch> cut_for_taps();
  void keep(Result<CutBatch> cut);
  [[nodiscard]] bool pump_waits() const;
  void show(const RecordBatchPtr& batch);
  void stop_pump();

  const std::shared_ptr<MessageQueue> queue_;
  BatchCutter cutter_;     // cut(), wait(), due(): for the pump while pumping_, else for the caller of next()
  std::mutex next_mutex_;  // one next() at a time; taken before mutex_
  mutable std::mutex mutex_;
  ProcessOwned<std::condition_variable> changed_;
  // Guarded by mutex_:
  ProcessOwned<std::thread> thread_;
  RecordBatchPtr given_back_;
  ReadyBatches ready_;
  std::vector<std::weak_ptr<RollingWindow>> taps_;
  bool pumping_ = false;
  bool caller_extracts_ = false;
  bool stopping_ = false;
  bool closed_here_ = false;
  bool discarded_ = false;
  bool woken_ = false;
};

Result<NextBatch> Reader::next(const BatchLimits& limits, std::chrono::nanoseconds wait) {
  if (in_forked_child()) {
    return Status(ErrorCode::forked, "this stream belongs to the process that was forked");
  }
  if (limits.max_rows < 1) {
    return Status(ErrorCode::invalid_argument,
                  "max_rows: found " + std::to_string(limits.max_rows) + ", expected 1 or more");
  }
  const SteadyTime deadline = std::chrono::steady_clock::now() + std::min(wait, kLongestWait);
  const CutLimits cut{limits.max_rows, std::max(limits.max_age, std::chrono::nanoseconds(0)), kMaxBatchBytes};
  const std::lock_guard turn(next_mutex_);
  if (RecordBatchPtr batch = take_given_back()) return NextBatch{NextKind::batch, std::move(batch)};
  try {
    for (;;) {
      if (Found found = next_extracted(cut, deadline)) return *std::move(found);
      if (Found found = next_ready(cut, deadline)) return *std::move(found);
    }
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

RecordBatchPtr Reader::take_given_back() {
  const std::lock_guard lock(mutex_);
  return std::exchange(given_back_, nullptr);
}

bool Reader::must_return(const Lock&, SteadyTime deadline, NextBatch& found) {
  if (discarded_) {
    found.kind = NextKind::ended;
    return true;
  }
  found.woken = std::exchange(woken_, false);
  return found.woken || std::chrono::steady_clock::now() >= deadline;
}

Result<NextBatch> Reader::delivered(RecordBatchPtr batch, std::uint64_t unsettled) {
  NextBatch found;
  found.kind = NextKind::ended;
  if (queue_->settle_delivered(unsettled, static_cast<std::uint64_t>(batch->rows()))) {
    found.kind = NextKind::batch;
    found.batch = std::move(batch);
  }
  return found;
}

Reader::Found Reader::next_extracted(const CutLimits& limits, SteadyTime deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (pumping_ || !ready_.empty()) return std::nullopt;
    caller_extracts_ = true;
  }
  const CallerExtracts until_return(*this);
  for (;;) {
    Result<CutBatch> cut = cutter_.cut(limits);
    if (!cut.ok()) return cut.status();
    if (cut->batch) {
      show(cut->batch);
      return delivered(std::move(cut->batch), cut->unsettled);
    }
    NextBatch nothing;
    if (cut->ended) nothing.kind = NextKind::ended;
    if (cut->ended || must_return(Lock(mutex_), deadline, nothing)) return nothing;
    if (pump_waits()) return std::nullopt;
    cutter_.wait(std::min(deadline, cutter_.due(limits)));
  }
}

Reader::Found Reader::next_ready(const CutLimits& limits, SteadyTime deadline) {
  Lock lock(mutex_);
  for (;;) {
    if (!pumping_ && ready_.empty()) return std::nullopt;
    if (!pumping_ || ready_.complete(limits, std::chrono::steady_clock::now())) break;
    NextBatch nothing;
    if (must_return(lock, deadline, nothing)) return nothing;
    changed_->wait_until(lock, std::min(deadline, ready_.due(limits)));
  }
  const ReadyBatches::Popped popped = ready_.pop(limits.max_rows);
  lock.unlock();
  changed_->notify_all();  // there is room
  if (popped.ranges.empty()) return popped.error;
  Status status;
  try {
    Result<RecordBatchPtr> batch = gather(popped.ranges, popped.messages, popped.payload_bytes);
    if (batch.ok()) return delivered(std::move(batch).value(), popped.unsettled);
    status = batch.status();
  } catch (const std::bad_alloc&) {
    status = out_of_memory();
  }
  queue_->settle_dropped(popped.unsettled, popped.payload_bytes);
  return status;
}

Result<std::shared_ptr<WindowTap>> Reader::open_window(const WindowLimits& limits) {
  if (in_forked_child()) {
    return Status(ErrorCode::forked, "this stream belongs to the process that was forked");
  }
  if (limits.duration.count() <= 0) {
    return Status(ErrorCode::invalid_argument, "a window needs a duration above zero");
  }
  if (limits.max_rows < 1) return Status(ErrorCode::invalid_argument, "a window needs max_rows of 1 or more");
  try {
    auto tap = std::make_shared<RollingWindow>(limits, cutter_.schema());
    {
      const std::lock_guard lock(mutex_);
      taps_.push_back(tap);
      if (!pumping_ && !stopping_) {
        if (thread_->joinable()) thread_->join();  // has left, or is about to: it takes no lock any more
        *thread_ = std::thread(&Reader::pump, this);
        pumping_ = true;
      }
    }
    queue_->wake();  // a next() that waits there leaves the extraction to the pump
    return std::shared_ptr<WindowTap>(std::move(tap));
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  } catch (const std::system_error& error) {
    return Status(ErrorCode::internal,
                  std::string("the thread that fills windows could not be started: ") + error.what());
  }
}

bool Reader::pump_waits() const {
  const std::lock_guard lock(mutex_);
  return pumping_;
}

// Shown to the taps there are now: one may have been opened while it was extracted.
void Reader::show(const RecordBatchPtr& batch) {
  std::vector<std::shared_ptr<RollingWindow>> taps;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& tap : taps_) {
      if (auto live = tap.lock()) taps.push_back(std::move(live));
    }
  }
  const std::int64_t now_ns = utc_now_ns();
  for (const auto& tap : taps) {
    if (batch) tap->add(batch, now_ns);
    tap->expire(now_ns);
  }
}

// Runs until the last tap has gone, the queue is drained, or the reader goes.
void Reader::pump() noexcept {
  {
    Lock lock(mutex_);
    changed_->wait(lock, [this] { return !caller_extracts_ || stopping_; });
  }
  bool drained = false;
  while (!pump_leaves(drained)) {
    Result<CutBatch> cut = cut_for_taps();
    drained = cut.ok() && cut->ended;
    if (cut.ok() && !cut->batch) {
      if (!drained) cutter_.wait(std::min(std::chrono::steady_clock::now() + kPumpAge, cutter_.due(pump_limits())));
      continue;
    }
    keep(std::move(cut));
    changed_->notify_all();
  }
}

// Decided and told under one lock: from then on the cutter belongs to the caller of next(), and the pump touches
// nothing any more.
bool Reader::pump_leaves(bool drained) {
  const std::lock_guard lock(mutex_);
  std::erase_if(taps_, [](const auto& tap) { return tap.expired(); });
  if (!taps_.empty() && !drained && !stopping_) return false;
  pumping_ = false;
  changed_->notify_all();
  return true;
}

CutLimits Reader::pump_limits() const {
  const QueueLimits& bound = queue_->limits();
  const std::size_t rows = std::clamp<std::size_t>(bound.max_messages / kBatchesPerBound, 1, kPumpRows);
  return {static_cast<std::int64_t>(rows), kPumpAge, std::min(kMaxBatchBytes, bound.max_bytes / kBatchesPerBound)};
}

Result<CutBatch> Reader::cut_for_taps() {
  try {
    Result<CutBatch> cut = cutter_.cut(pump_limits());
    show(cut.ok() ? cut->batch : nullptr);
    return cut;
  } catch (const std::bad_alloc&) {
    return out_of_memory();
  }
}

void Reader::keep(Result<CutBatch> cut) {
  const auto drop = [this](std::uint64_t messages, std::uint64_t payload_bytes) {
    if (messages > 0) queue_->settle_dropped(messages, payload_bytes);
  };
  Lock lock(mutex_);
  try {
    if (!cut.ok()) {
      if (!discarded_) ready_.add_error(cut.status());
      return;
    }
    while (!discarded_ && !ready_.has_room_for(cut.value())) {
      switch (queue_->limits().policy) {
        case OverflowPolicy::drop_oldest:
        case OverflowPolicy::latest: {
          const ReadyBatches::Evicted evicted = ready_.evict_oldest();
          drop(evicted.messages, evicted.payload_bytes);
          break;
        }
        case OverflowPolicy::drop_newest:
          return drop(cut->unsettled, cut->batch->payload_bytes());
        case OverflowPolicy::block:
          if (stopping_) return;
          changed_->wait(lock);
          break;
      }
    }
    if (!discarded_) ready_.add(cut.value());
  } catch (const std::bad_alloc&) {
    if (cut.ok()) drop(cut->unsettled, cut->batch->payload_bytes());
  }
}

void Reader::discard() {
  {
    const std::lock_guard lock(mutex_);
    discarded_ = true;
  }
  queue_->discard();
  stop_pump();
  const std::lock_guard lock(mutex_);
  ready_.clear();
}

void Reader::stop_pump() {
  std::thread pump;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    std::swap(pump, *thread_);
  }
  changed_->notify_all();
  queue_->wake();
  if (pump.joinable()) pump.join();
}

}  // namespace

Result<std::shared_ptr<StreamReader>> StreamReader::create(std::shared_ptr<MessageQueue> queue,
                                                           ExtractOptions options) {
  auto extractor = Extractor::create(std::move(options));
  if (!extractor.ok()) return extractor.status();
  return create(std::move(queue), std::move(extractor).value());
}

std::shared_ptr<StreamReader> StreamReader::create(std::shared_ptr<MessageQueue> queue,
                                                   std::unique_ptr<Extractor> extractor) {
  return std::make_shared<Reader>(std::move(queue), std::move(extractor));
}

}  // namespace honeyframe
