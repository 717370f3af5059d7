// SpoolWriter's beginning: what earlier runs have left, what is wrong with its end, and where the numbers go on.
//
// A number must not come twice, whatever has become of the segments: whoever has processed the message with it begins
// behind it, and would pass over the other. The lock's file tells it (SpoolMark), written behind each record, which
// outlives the process; after a start of the machine, when it may be old, numbers jump. Where it is damaged, too, they
// jump as well.

#include <algorithm>
#include <cerrno>
#include <utility>

#include "spool_segment.h"
#include "spool_writer.h"
#include "utf8.h"

namespace honeyframe {
namespace {

// After a start of the machine: more than any run can have written and lost of what others had read already.
constexpr std::uint64_t kBootJump = std::uint64_t{1} << 32;

}  // namespace

Status SpoolWriter::take_over() {
  auto lock = directory_.lock();
  if (!lock.ok()) return lock.status();
  lock_ = std::move(lock).value();
  boot_ = boot_number();
  if (Status status = survey_segments(); !status.ok()) return status;
  take_over_numbers(lock_->kept());
  return keep_first_mark();
}

Status SpoolWriter::survey_segments() {
  auto found = directory_.segments();
  if (!found.ok()) return found.status();
  for (const auto& segment : found.value()) {
    if (!segments_.empty()) segments_.back().end = due_at(segment.first_sequence);
    segments_.push_back({segment.first_sequence, segment.first_sequence, segment.bytes, 0});
    bytes_ += segment.bytes;
  }
  for (bool again = !segments_.empty(); again; again = again && !segments_.empty()) {
    const auto removed = repair_last();
    if (!removed.ok()) return removed.status();
    again = removed.value();
  }
  return {};
}

void SpoolWriter::take_over_numbers(const SpoolMark& kept) {
  const bool is_new = found_end_ == 0 && kept.least_sequence == 0;
  const bool is_known = kept.due_sequence != 0;
  const std::uint64_t end_left = segments_.empty() ? kFirstSequence : segments_.back().end;
  due_sequence_ = is_known ? std::max(kept.due_sequence, end_left) : std::max(kFirstSequence, found_end_);
  // Where there is no segment at all, the last run may have deleted them.
  if (is_known && found_end_ != 0 && kept.due_sequence > found_end_) {
    if (!repair_) repair_ = Repair{.segment = found_end_};
    repair_->lost = kept.due_sequence - found_end_;
  } else if (!is_known && repair_) {
    repair_->lost_is_known = false;
  }
  if (!segments_.empty()) segments_.back().end = due_sequence_;
  next_sequence_ = std::max({next_sequence_, due_sequence_, kept.least_sequence});
  if (!is_new && !(is_known && is_of_this_boot(kept.boot))) next_sequence_ += kBootJump;
}

Status SpoolWriter::keep_first_mark() {
  // The bytes are there from now on, so that they can be written on a disk that is full.
  if (!lock_->keep(mark()) || !lock_->sync()) {
    return spool_error("cannot write to the spool in " + in_quotes(directory_.path()), errno);
  }
  if (options_.sync != SyncMode::process && directory_.sync_error() != 0) sync_error_->note(directory_.sync_error());
  sync_directory();  // the lock's name
  return {};
}

std::vector<SpoolWriter::Numbers> SpoolWriter::earlier_numbers() const {
  std::vector<Numbers> ranges;
  for (const auto& segment : segments_) ranges.push_back({segment.first, segment.end});
  if (segments_.empty() && repair_) {
    ranges.push_back({found_end_, found_end_ + repair_->lost});
  }
  return ranges;
}

// Behind the last record before that segment: its first number but for a jump.
std::uint64_t SpoolWriter::due_at(std::uint64_t segment) const {
  FileDescriptor file = directory_.open_segment(segment);
  const auto header = file.valid() ? SegmentCursor(std::move(file)).read_header() : std::nullopt;
  const bool tells = header && header->is_whole;
  return tells ? std::clamp(header->due_sequence, segments_.back().first, segment) : segment;
}

// The last segment is read to its end; what lies behind its last whole record was being written when the process, or
// the machine, went down, or is damaged. True where it had no record at all and is deleted: its name may be the next
// one's.
Result<bool> SpoolWriter::repair_last() {
  Segment& last = segments_.back();
  auto survey = survey_segment(directory_.open_segment(last.first));
  if (!survey.ok()) return survey.status();
  const SegmentSurvey& seen = survey.value();
  found_end_ = std::max(last.first, seen.end_sequence);
  next_sequence_ = std::max(next_sequence_, found_end_);
  if (last.bytes <= kSegmentHeaderBytes) {
    if (!seen.header) repair_ = Repair{.segment = last.first, .bytes = last.bytes, .is_deleted = true};
    if (!directory_.remove_segment(last.first)) {
      return spool_error("cannot delete the empty segment " + in_quotes(segment_name(last.first)) +
                             " of the spool in " + in_quotes(directory_.path()),
                         errno);
    }
    bytes_ -= last.bytes;
    segments_.pop_back();
    return true;
  }
  last.end = found_end_;
  const std::uint64_t beyond = last.bytes - seen.end_offset;
  if (beyond == 0) return false;
  repair_ = Repair{.segment = last.first, .offset = seen.end_offset, .bytes = beyond};
  if (!seen.header) return false;  // none of it can be read, and it stays
  if (Status status = cut_tail(seen.end_offset); !status.ok()) return status;
  return false;
}

Status SpoolWriter::cut_tail(std::uint64_t end_offset) {
  Segment& last = segments_.back();
  const FileDescriptor file = directory_.open_for_repair(last.first);
  if (!file.valid() || ::ftruncate(file.get(), static_cast<::off_t>(end_offset)) != 0) {
    return spool_error("cannot cut the torn tail off segment " + in_quotes(segment_name(last.first)) +
                           " of the spool in " + in_quotes(directory_.path()),
                       errno);
  }
  bytes_ -= last.bytes - end_offset;
  last.bytes = end_offset;
  return {};
}

}  // namespace honeyframe
