#pragma once

// RollingWindow: the rows of the last while, as the batches in which they came. The pump adds, any thread takes
// snapshots, or takes out what there is. Thread safe; all members are guarded by mutex_.
//
// A row's time is the later of `_event_time` and `_recv_time`, so that a reader may trim by either; without both
// columns, when it was added. Batches leave whole, when all of their rows have grown too old. Neighbours that are small
// and close in time are merged, so that a slow stream does not end up as one batch a row.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>

#include "record_batch.h"
#include "stream_reader.h"

namespace honeyframe {

class RollingWindow final : public WindowTap {
 public:
  // `schema`: what is known before the first batch.
  RollingWindow(const WindowLimits& limits, SchemaPtr schema);

  // Pump. `now_ns`: UTC, as `_recv_time`. Where there is no memory, the batch's rows count as evicted.
  void add(const RecordBatchPtr& batch, std::int64_t now_ns) noexcept;
  // Pump. Lets go what has grown too old.
  void expire(std::int64_t now_ns);
  [[nodiscard]] Snapshot snapshot() const override;
  [[nodiscard]] Snapshot snapshot_at(std::int64_t now_ns) const;
  [[nodiscard]] Snapshot take() override;

 private:
  struct Entry {
    RecordBatchPtr batch;
    std::int64_t oldest_ns;
    std::int64_t newest_ns;
    std::size_t bytes;
  };
  Entry entry_of(RecordBatchPtr batch, std::int64_t now_ns);
  bool merge_last() noexcept;
  Entry remove(std::size_t index);

  const WindowLimits limits_;
  mutable std::mutex mutex_;
  SchemaPtr schema_;
  std::deque<Entry> entries_;
  std::int64_t rows_ = 0;
  std::size_t bytes_ = 0;
  std::uint64_t evicted_rows_ = 0;
};

// UTC, in nanoseconds since 1970.
[[nodiscard]] std::int64_t utc_now_ns() noexcept;

}  // namespace honeyframe
