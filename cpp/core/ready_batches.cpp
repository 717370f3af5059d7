#include "ready_batches.h"

#include <algorithm>
#include <string>
#include <utility>

namespace honeyframe {

namespace {

constexpr std::size_t kMaxMergedBytes = 256u << 20;  // far below the 2 GiB of a column
constexpr std::size_t kEntryBytes = 256;             // so that errors and empty batches count, too

// The part of `total` that goes with `taken` of `left` rows; all of it with the last row.
std::uint64_t share(std::uint64_t total, std::int64_t taken, std::int64_t left) {
  if (taken >= left) return total;
  const auto part = static_cast<double>(total) * static_cast<double>(taken) / static_cast<double>(left);
  return std::min(total, static_cast<std::uint64_t>(part));
}

std::uint64_t take_share(std::uint64_t& total, std::int64_t taken, std::int64_t left) {
  const std::uint64_t part = share(total, taken, left);
  total -= part;
  return part;
}

}  // namespace

ReadyBatches::ReadyBatches(const QueueLimits& limits)
    : max_messages_(limits.max_messages), max_bytes_(limits.max_bytes) {}

bool ReadyBatches::has_room_for(const CutBatch& cut) const noexcept {
  if (entries_.empty()) return true;
  return unsettled_ + cut.unsettled <= max_messages_ && bytes_ + kEntryBytes + cut.batch->bytes() <= max_bytes_;
}

void ReadyBatches::add(const CutBatch& cut) {
  Entry entry;
  entry.messages = cut.batch->messages();
  entry.payload_bytes = cut.batch->payload_bytes();
  entry.unsettled = cut.unsettled;
  entry.first_row = cut.first_row;
  entry.bytes = kEntryBytes + cut.batch->bytes();
  entry.batch = cut.batch;
  entries_.push_back(entry);
  rows_ += entry.batch->rows();
  unsettled_ += entry.unsettled;
  bytes_ += entry.bytes;
}

void ReadyBatches::add_error(Status status) {
  if (errors_ >= kMaxErrors) {
    const auto is_error = [](const Entry& entry) { return entry.batch == nullptr; };
    ++std::find_if(entries_.rbegin(), entries_.rend(), is_error)->later_errors;
    return;
  }
  Entry entry;
  entry.bytes = kEntryBytes + status.message().size();
  entry.error = std::move(status);
  entries_.push_back(entry);
  bytes_ += entry.bytes;
  ++errors_;
}

void ReadyBatches::remove_front() {
  const Entry& entry = entries_.front();
  bytes_ -= entry.bytes;
  unsettled_ -= entry.unsettled;
  if (entry.batch) {
    rows_ -= entry.batch->rows() - entry.begin;
  } else {
    --errors_;
  }
  entries_.pop_front();
}

ReadyBatches::Evicted ReadyBatches::evict_oldest() {
  const Evicted evicted{entries_.front().unsettled, entries_.front().payload_bytes};
  remove_front();
  return evicted;
}

void ReadyBatches::clear() {
  while (!entries_.empty()) remove_front();
}

bool ReadyBatches::complete(const CutLimits& limits, SteadyTime now) const noexcept {
  return errors_ > 0 || rows_ >= limits.max_rows || now >= due(limits);
}

SteadyTime ReadyBatches::due(const CutLimits& limits) const noexcept {
  return entries_.empty() ? SteadyTime::max() : due_at(entries_.front().first_row, limits.max_age);
}

Status ReadyBatches::told(Entry& entry) {
  if (entry.later_errors == 0) return std::move(entry.error);
  return Status(entry.error.code(), entry.error.message() + "; and " + std::to_string(entry.later_errors) +
                                        " later messages did not fit, either: see the quarantine")
      .with_hint(entry.error.hint())
      .with_subjects(entry.error.subjects());
}

ReadyBatches::Popped ReadyBatches::pop(std::int64_t max_rows) {
  Popped popped;
  if (!entries_.front().batch) {
    popped.error = told(entries_.front());
    remove_front();
    return popped;
  }
  std::size_t bytes = 0;
  while (!entries_.empty() && entries_.front().batch) {
    Entry& entry = entries_.front();
    const std::int64_t left = entry.batch->rows() - entry.begin;
    const std::int64_t taken = std::min(left, max_rows);
    if (!popped.ranges.empty() && ((taken == 0 && left > 0) || bytes + entry.batch->bytes() > kMaxMergedBytes)) break;
    bytes += entry.batch->bytes();
    max_rows -= taken;
    popped.ranges.push_back({entry.batch, entry.begin, entry.begin + taken});
    const std::uint64_t unsettled = take_share(entry.unsettled, taken, left);
    popped.unsettled += unsettled;
    popped.messages += take_share(entry.messages, taken, left);
    popped.payload_bytes += take_share(entry.payload_bytes, taken, left);
    unsettled_ -= unsettled;
    rows_ -= taken;
    entry.begin += taken;
    if (taken == left) remove_front();
  }
  return popped;
}

}  // namespace honeyframe
