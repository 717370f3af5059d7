#pragma once

// ReadyBatches: what the pump has cut and next() has not yet handed out, in order; merged and split to the size that
// next() asks for. A plain container: StreamReader guards it with its mutex.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "batch_cutter.h"
#include "batch_gather.h"
#include "message_queue.h"
#include "status.h"

namespace honeyframe {

class ReadyBatches {
 public:
  // Bounded by max_messages and max_bytes of `limits`; one batch is always allowed.
  explicit ReadyBatches(const QueueLimits& limits);

  [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }
  [[nodiscard]] bool has_room_for(const CutBatch& cut) const noexcept;
  void add(const CutBatch& cut);
  // Handed out in its turn, alone. Where kMaxErrors wait already, it is only counted, and the last of them tells how
  // many: a window alone may run for days while nobody asks.
  void add_error(Status status);
  static constexpr std::size_t kMaxErrors = 16;

  struct Evicted {
    std::uint64_t messages = 0;
    std::uint64_t payload_bytes = 0;
  };
  Evicted evict_oldest();
  void clear();

  // True when pop() has a batch of max_rows, one whose first row is max_age old, or an error to give.
  [[nodiscard]] bool complete(const CutLimits& limits, SteadyTime now) const noexcept;
  // When complete() becomes true by age.
  [[nodiscard]] SteadyTime due(const CutLimits& limits) const noexcept;

  struct Popped {
    std::vector<RowRange> ranges;  // empty: `error`
    std::uint64_t messages = 0;    // for which they stand
    std::uint64_t unsettled = 0;   // of which still count as in_batch
    std::uint64_t payload_bytes = 0;
    Status error;
  };
  // At most max_rows rows. Where a batch is split, its messages are shared out by rows. Precondition: not empty().
  Popped pop(std::int64_t max_rows);

 private:
  struct Entry {
    RecordBatchPtr batch;  // null: an error
    std::int64_t begin = 0;
    std::uint64_t messages = 0;
    std::uint64_t unsettled = 0;
    std::uint64_t payload_bytes = 0;
    std::size_t bytes = 0;
    SteadyTime first_row{};
    Status error;
    std::uint64_t later_errors = 0;  // for which it stands as well
  };
  [[nodiscard]] static Status told(Entry& entry);
  void remove_front();

  const std::size_t max_messages_;
  const std::size_t max_bytes_;
  std::deque<Entry> entries_;
  std::int64_t rows_ = 0;
  std::uint64_t unsettled_ = 0;
  std::size_t bytes_ = 0;
  std::size_t errors_ = 0;
};

}  // namespace honeyframe
