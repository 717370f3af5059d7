#include "window_tap.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <limits>
#include <new>
#include <optional>
#include <string_view>
#include <utility>

#include "batch_gather.h"

namespace honeyframe {

namespace {

constexpr std::int64_t kMaxMergedRows = 16'384;
constexpr int kEntriesPerBound = 16;       // entries leave whole, so each merged one is a small part of the bound
constexpr std::size_t kColumnBytes = 256;  // a column's own structures, which RecordBatch::bytes() leaves out

std::size_t footprint(const RecordBatch& batch) {
  return batch.bytes() + batch.columns().size() * kColumnBytes;
}

const Column* timestamps(const RecordBatch& batch, std::string_view name) {
  const int index = batch.schema()->index_of(name);
  if (index < 0) return nullptr;
  const auto position = static_cast<std::size_t>(index);
  return batch.schema()->fields[position].type.id == TypeId::timestamp ? &batch.columns()[position] : nullptr;
}

std::optional<std::int64_t> time_at(const Column* column, std::size_t row) {
  if (column == nullptr) return std::nullopt;
  if (column->validity && ((*column->validity)[row / 8] >> (row % 8) & 1) == 0) return std::nullopt;
  std::int64_t time = 0;
  std::memcpy(&time, column->data->data() + row * sizeof time, sizeof time);
  return time;
}

// The earliest and the latest time of the rows.
std::pair<std::int64_t, std::int64_t> time_span(const RecordBatch& batch, std::int64_t now_ns) {
  const Column* const event_time = timestamps(batch, "_event_time");
  const Column* const receive_time = timestamps(batch, "_recv_time");
  std::int64_t oldest = std::numeric_limits<std::int64_t>::max();
  std::int64_t newest = std::numeric_limits<std::int64_t>::min();
  for (std::size_t row = 0; row < static_cast<std::size_t>(batch.rows()); ++row) {
    const auto time = std::max(time_at(event_time, row), time_at(receive_time, row));  // none is less than any
    oldest = std::min(oldest, time.value_or(now_ns));
    newest = std::max(newest, time.value_or(now_ns));
  }
  return {oldest, newest};
}

}  // namespace

std::int64_t utc_now_ns() noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

RollingWindow::RollingWindow(const WindowLimits& limits, SchemaPtr schema)
    : limits_(limits), schema_(std::move(schema)) {}

void RollingWindow::add(const RecordBatchPtr& batch, std::int64_t now_ns) noexcept {
  const std::lock_guard lock(mutex_);
  try {
    if (batch->schema() != schema_) schema_ = schema_ ? unify({schema_, batch->schema()}) : batch->schema();
    if (batch->rows() == 0) return;
    entries_.push_back(entry_of(batch, now_ns));
  } catch (const std::bad_alloc&) {
    evicted_rows_ += static_cast<std::uint64_t>(batch->rows());
    return;
  }
  rows_ += entries_.back().batch->rows();
  bytes_ += entries_.back().bytes;
  while (merge_last()) {
  }
  while (entries_.size() > 1 && (rows_ > limits_.max_rows || bytes_ > limits_.max_bytes)) {
    evicted_rows_ += static_cast<std::uint64_t>(remove(0).batch->rows());
  }
}

// Of a batch larger than the whole window, the newest rows.
RollingWindow::Entry RollingWindow::entry_of(RecordBatchPtr batch, std::int64_t now_ns) {
  if (const std::int64_t excess = batch->rows() - limits_.max_rows; excess > 0) {
    auto newest = gather({{batch, excess, batch->rows()}}, batch->messages(), batch->payload_bytes());
    if (newest.ok()) {
      batch = std::move(newest).value();
      evicted_rows_ += static_cast<std::uint64_t>(excess);
    }
  }
  const auto [oldest, newest] = time_span(*batch, now_ns);
  const std::size_t bytes = footprint(*batch);
  return {std::move(batch), oldest, newest, bytes};
}

// As in a binary counter: merging only neighbours of like size copies each row a logarithmic number of times.
bool RollingWindow::merge_last() noexcept {
  if (entries_.size() < 2) return false;
  Entry& before = *std::prev(entries_.end(), 2);
  const Entry& last = entries_.back();
  const std::int64_t rows = before.batch->rows() + last.batch->rows();
  if (rows > std::min(kMaxMergedRows, limits_.max_rows / kEntriesPerBound)) return false;
  if (before.bytes + last.bytes > limits_.max_bytes / kEntriesPerBound) return false;
  if (before.batch->rows() > 2 * last.batch->rows()) return false;
  const std::int64_t oldest = std::min(before.oldest_ns, last.oldest_ns);
  const std::int64_t newest = std::max(before.newest_ns, last.newest_ns);
  // Longer than a sixteenth of the window (divided first: times may be anything), and old rows would stay for their
  // neighbours' sake.
  if (newest / 16 - oldest / 16 > limits_.duration.count() / 256) return false;
  if (!(*before.batch->schema() == *last.batch->schema())) return false;
  try {
    auto merged = gather({{before.batch, 0, before.batch->rows()}, {last.batch, 0, last.batch->rows()}},
                         before.batch->messages() + last.batch->messages(),
                         before.batch->payload_bytes() + last.batch->payload_bytes());
    if (!merged.ok()) return false;
    bytes_ -= before.bytes + last.bytes;
    before = {std::move(merged).value(), oldest, newest, 0};
  } catch (const std::bad_alloc&) {
    return false;  // as they are, they serve as well
  }
  before.bytes = footprint(*before.batch);
  bytes_ += before.bytes;
  entries_.pop_back();
  return true;
}

RollingWindow::Entry RollingWindow::remove(std::size_t index) {
  Entry entry = std::move(entries_[index]);
  entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(index));
  rows_ -= entry.batch->rows();
  bytes_ -= entry.bytes;
  return entry;
}

void RollingWindow::expire(std::int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  const std::int64_t limit = now_ns - limits_.duration.count();
  for (std::size_t i = entries_.size(); i-- > 0;) {
    if (entries_[i].newest_ns < limit) remove(i);
  }
}

WindowTap::Snapshot RollingWindow::snapshot() const {
  return snapshot_at(utc_now_ns());
}

WindowTap::Snapshot RollingWindow::snapshot_at(std::int64_t now_ns) const {
  const std::lock_guard lock(mutex_);
  Snapshot snapshot;
  snapshot.schema = schema_;
  snapshot.evicted_rows = evicted_rows_;
  const std::int64_t limit = now_ns - limits_.duration.count();
  for (const Entry& entry : entries_) {
    if (entry.newest_ns >= limit) snapshot.batches.push_back(entry.batch);
  }
  return snapshot;
}

WindowTap::Snapshot RollingWindow::take() {
  const std::lock_guard lock(mutex_);
  Snapshot taken{schema_, {}, evicted_rows_};
  taken.batches.reserve(entries_.size());
  for (Entry& entry : entries_) taken.batches.push_back(std::move(entry.batch));
  entries_.clear();
  rows_ = 0;
  bytes_ = 0;
  return taken;
}

}  // namespace honeyframe
