#include "spool_reader.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "utf8.h"

namespace honeyframe {

std::string SpoolDamage::describe(const std::string& path) const {
  const std::string where = "segment " + segment_name(segment) + " of the spool in " + in_quotes(path);
  if (is_before) return "what lay before " + where + " is gone: deleted, or given up for room";
  if (bytes == 0) return where + " is empty, and was passed over";
  return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes") + " at " + std::to_string(offset) + " of " + where +
         " are no records and were passed over";
}

Result<std::unique_ptr<SpoolReader>> SpoolReader::open(const std::string& path, std::uint64_t from) {
  auto directory = SpoolDirectory::open(path, false);
  if (!directory.ok()) return directory.status();
  if (!directory.value().may_be_a_spool()) {
    return Status(ErrorCode::spool_failed,
                  in_quotes(path) + " is no spool: it has neither segments nor a lock, and other things")
        .with_hint("name the directory that stream(…, spool=) was given, in which the .hfspool files are");
  }
  return std::unique_ptr<SpoolReader>(new SpoolReader(std::move(directory).value(), from));
}

Result<std::optional<SpoolReader::Next>> SpoolReader::peek() {
  for (;;) {
    if (!cursor_) {
      const auto opened = open_next();
      if (!opened.ok()) return opened.status();
      if (!opened.value()) return std::optional<Next>();
    }
    const ReadRecord read = cursor_->peek();
    if (cursor_->error() != 0) {
      return failed("read", segment_, cursor_->error());
    }
    if (read.found == RecordFound::whole) {
      if (read.record.sequence < next_) {  // before the one that is wanted
        cursor_->skip(read.needed);
        continue;
      }
      peeked_bytes_ = read.needed;
      peeked_ = read.record.sequence;
      return std::optional<Next>({read.record, missing_ + (peeked_ - next_)});
    }
    const auto left = leave_segment(read.found);
    if (!left.ok()) return left.status();
    if (!left.value()) return std::optional<Next>();
  }
}

void SpoolReader::consume() noexcept {
  if (peeked_bytes_ == 0) return;
  cursor_->skip(peeked_bytes_);
  next_ = peeked_ + 1;
  missing_ = 0;
  peeked_bytes_ = 0;
  damaged_since_ = false;
}

void SpoolReader::seek(std::uint64_t sequence) noexcept {
  if (sequence != next_) {
    cursor_.reset();
    any_segment_ = false;
  }
  next_ = sequence;
  missing_ = 0;
  peeked_bytes_ = 0;
}

// No record at the cursor: goes on behind what is damaged, or in the next segment. False where this may be the end of
// what has been written so far.
Result<bool> SpoolReader::leave_segment(RecordFound last_seen) {
  const std::uint64_t offset = cursor_->offset();
  if (last_seen != RecordFound::none) {
    const auto later = cursor_->find_record();
    // By now it may have been written to its end, and others behind it.
    cursor_->forget();
    if (cursor_->peek().found == RecordFound::whole) return true;
    if (later) {
      note({segment_, offset, *later - offset});
      cursor_->seek(*later);
      return true;
    }
  }
  const auto behind = segment_behind();
  if (!behind.ok()) return behind.status();
  if (!behind.value()) return false;
  // A writer begins a segment when it has ended the one before: what that holds is all there now, but perhaps was not a
  // moment ago.
  cursor_->forget();
  const ReadRecord now = cursor_->peek();
  if (now.found == RecordFound::whole) return true;
  const std::uint64_t size = cursor_->size();
  if (now.found != RecordFound::none && size > offset) note({segment_, offset, size - offset});
  cursor_.reset();
  return true;
}

Result<std::optional<SpoolDirectory::Segment>> SpoolReader::segment_behind() const {
  const auto found = directory_.segments();
  if (!found.ok()) return found.status();
  const auto behind = std::find_if(found.value().begin(), found.value().end(),
                                   [&](const auto& one) { return one.first_sequence > segment_; });
  if (behind == found.value().end()) return std::optional<SpoolDirectory::Segment>();
  return std::optional(*behind);
}

Result<bool> SpoolReader::open_next() {
  const auto found = directory_.segments();
  if (!found.ok()) return found.status();
  stub_.reset();
  const auto& segments = found.value();
  auto at = segments.begin();
  if (any_segment_) {
    at = std::find_if(at, segments.end(), [&](const auto& one) { return one.first_sequence > segment_; });
  }
  // The last one that can hold the record that is due.
  while (at != segments.end() && std::next(at) != segments.end() && std::next(at)->first_sequence <= next_) ++at;
  for (; at != segments.end(); ++at) {
    const auto opened = open_segment(*at, std::next(at) == segments.end());
    if (!opened.ok()) return opened.status();
    switch (opened.value()) {
      case Opened::yes:
        return true;
      case Opened::none:
        return false;
      case Opened::try_next:
        break;
    }
  }
  return false;
}

Result<SpoolReader::Opened> SpoolReader::open_segment(const SpoolDirectory::Segment& segment, bool is_last) {
  FileDescriptor file = directory_.open_segment(segment.first_sequence);
  if (!file.valid()) {
    const int error = errno;
    if (error == ENOENT) return Opened::try_next;  // deleted meanwhile
    return failed("open", segment.first_sequence, error);
  }
  SegmentCursor cursor(std::move(file));
  auto header = cursor.read_header();
  if (!header) {
    const std::uint64_t size = cursor.size();
    if (next_ == 0) next_ = segment.first_sequence;
    if (is_last && cursor.error() == 0 && size < kSegmentHeaderBytes) {  // being written
      stub_ = SpoolDamage{segment.first_sequence, 0, size};
      return Opened::none;
    }
    header = cursor.read_header();  // it may have been, a moment ago
  }
  if (cursor.error() != 0) {
    return failed("read", segment.first_sequence, cursor.error());
  }
  if (!header) {
    note({segment.first_sequence, 0, cursor.size()});
    segment_ = segment.first_sequence;
    any_segment_ = true;
    return Opened::try_next;
  }
  if (!header->is_whole) {  // its name tells the number, and nothing how many were due
    note({segment.first_sequence, 0, kSegmentHeaderBytes});
    header->first_sequence = segment.first_sequence;
  }
  if (next_ == 0) next_ = header->first_sequence;
  if (header->due_sequence > next_) {
    if (!damaged_since_) note({segment.first_sequence, 0, 0, true});
    missing_ += header->due_sequence - next_;
  }
  next_ = std::max(next_, header->first_sequence);
  segment_ = segment.first_sequence;
  any_segment_ = true;
  cursor_.emplace(std::move(cursor));
  return Opened::yes;
}

Result<std::uint64_t> SpoolReader::pass_over_lost() {
  const SpoolMark mark = directory_.kept();  // before the look: what it tells of is there by then
  const auto next = peek();
  if (!next.ok()) return next.status();
  if (next.value() || next_ == 0 || mark.due_sequence <= next_) return 0;
  const std::uint64_t lost = std::exchange(missing_, 0) + (mark.due_sequence - next_);
  next_ = mark.due_sequence;
  return lost;
}

Result<std::uint64_t> SpoolReader::end_sequence() const {
  const std::uint64_t least = std::max(kFirstSequence, directory_.kept().due_sequence);
  const auto found = directory_.segments();
  if (!found.ok()) return found.status();
  for (auto last = found.value().rbegin(); last != found.value().rend(); ++last) {
    const auto survey = survey_segment(directory_.open_segment(last->first_sequence));
    if (!survey.ok()) return survey.status();
    if (survey.value().end_sequence != 0) return std::max(least, survey.value().end_sequence);
    if (survey.value().header) return std::max(least, survey.value().header->first_sequence);
  }
  return least;
}

std::optional<SpoolDamage> SpoolReader::torn_end() const noexcept {
  if (!cursor_) return stub_;
  const std::uint64_t size = cursor_->size();
  if (size <= cursor_->offset()) return std::nullopt;
  return SpoolDamage{segment_, cursor_->offset(), size - cursor_->offset()};
}

Status SpoolReader::failed(const std::string& what, std::uint64_t segment, int error) const {
  return spool_error("cannot " + what + " segment " + in_quotes(segment_name(segment)) + " of the spool in " +
                         in_quotes(directory_.path()),
                     error);
}

std::vector<SpoolDamage> SpoolReader::take_damages() {
  return std::exchange(damage_kept_, {});
}

void SpoolReader::note(SpoolDamage damage) {
  if (damage_kept_.size() < kMaxDamagesKept) damage_kept_.push_back(damage);  // may find no memory: it comes first
  ++damages_;
  damaged_since_ = true;
}

}  // namespace honeyframe
