#pragma once

// BatchCutter: blocks from the queue through the extractor, cut into batches by rows and age. Keeps the queue's book
// for all that yields no batch: quarantined messages, and those without rows.
//
// cut(), wait() and due() are for one thread at a time; the rest may be called from any, even while that one extracts.

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "extractor.h"
#include "message_queue.h"
#include "record_batch.h"
#include "status.h"

namespace honeyframe {

using SteadyTime = std::chrono::steady_clock::time_point;

// When a batch with that first row has the age. Cannot overflow.
[[nodiscard]] SteadyTime due_at(SteadyTime first_row, std::chrono::nanoseconds max_age) noexcept;

struct CutLimits {
  std::int64_t max_rows;
  std::chrono::nanoseconds max_age;  // of the open batch's first row
  std::size_t max_bytes;             // payloads and topics
};

// Whatever the limits: a batch stays far below the 2 GiB that a column of text can hold.
inline constexpr std::size_t kMaxBatchBytes = 64u << 20;

struct CutBatch {
  RecordBatchPtr batch;         // null: none is complete yet
  std::uint64_t unsettled = 0;  // its messages that still count as in_batch
  SteadyTime first_row{};
  bool ended = false;  // the queue is drained, and nothing is left in here
};

class BatchCutter {
 public:
  BatchCutter(std::shared_ptr<MessageQueue> queue, std::unique_ptr<Extractor> extractor);

  // Extracts what is there until a batch is complete (by rows, bytes or age), for some 40 ms at most: call it again
  // before waiting. Does not wait itself. At the end of the queue the open batch is complete whatever it holds, even if
  // that is only messages without rows. Errors: does_not_fit; the next call goes on with the message after it.
  Result<CutBatch> cut(const CutLimits& limits);
  // When the open batch will be complete by age; far away where it has no row.
  [[nodiscard]] SteadyTime due(const CutLimits& limits) const;
  // Returns when there is something to extract, at `until`, or when the queue is woken or closed.
  void wait(SteadyTime until);

  [[nodiscard]] ExtractCounters counters() const;
  [[nodiscard]] std::vector<QuarantineEntry> quarantine() const;
  [[nodiscard]] std::vector<ExtractEvent> take_events();
  [[nodiscard]] std::vector<LedgerRow> ledger() const;
  [[nodiscard]] SchemaPtr schema() const;

 private:
  Status extract_block(std::int64_t max_rows);
  CutBatch finish();

  const std::shared_ptr<MessageQueue> queue_;
  mutable std::mutex extractor_mutex_;
  const std::unique_ptr<Extractor> extractor_;  // guarded by extractor_mutex_
  // The rest belongs to the thread that cuts.
  std::unique_ptr<MessageBlock> block_;
  std::size_t position_ = 0;
  std::int64_t open_rows_ = 0;
  std::uint64_t open_messages_ = 0;
  std::size_t open_bytes_ = 0;
  bool open_full_ = false;           // Extractor::full()
  std::uint64_t settled_early_ = 0;  // of the open messages: delivered without rows before the batch is
  SteadyTime first_row_{};
};

}  // namespace honeyframe
