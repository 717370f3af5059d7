#include "spool_segment.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace honeyframe {
namespace {

constexpr std::size_t kReadBytes = 256u << 10;
constexpr std::size_t kKeptBytes = 4u << 20;  // a buffer that a huge record has made is given up
constexpr std::uint64_t kSearchesPerSegment = 4;

// Puts a position back, also where memory runs out on the way.
class Returns {
 public:
  explicit Returns(std::uint64_t& position) noexcept : position_(position), begin_(position) {}
  ~Returns() { position_ = begin_; }
  Returns(const Returns&) = delete;
  Returns& operator=(const Returns&) = delete;

 private:
  std::uint64_t& position_;
  const std::uint64_t begin_;
};

}  // namespace

std::uint64_t SegmentCursor::size() const noexcept {
  struct stat found{};
  return ::fstat(file_.get(), &found) == 0 ? static_cast<std::uint64_t>(found.st_size) : 0;
}

// At least `wanted` bytes from the position on, where the file has them.
std::string_view SegmentCursor::view(std::size_t wanted) {
  const bool inside = position_ >= buffer_offset_ && position_ - buffer_offset_ <= buffer_.size();
  if (inside && buffer_offset_ + buffer_.size() - position_ >= wanted) {
    return std::string_view(buffer_).substr(position_ - buffer_offset_);
  }
  // The position's own bytes are read again: they may have been half a record then.
  const std::uint64_t left = size() > position_ ? size() - position_ : 0;
  const auto bytes = static_cast<std::size_t>(std::min<std::uint64_t>(std::max(wanted, kReadBytes), left));
  if (buffer_.capacity() > kKeptBytes && bytes <= kReadBytes) std::string().swap(buffer_);
  buffer_.resize(bytes);
  buffer_offset_ = position_;
  const auto got = read_at(file_.get(), buffer_.data(), bytes, position_);
  if (got < 0) error_ = errno;
  buffer_.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return buffer_;
}

std::optional<SegmentHeader> SegmentCursor::read_header() {
  position_ = 0;
  buffer_.clear();
  buffer_offset_ = 0;
  const std::string_view bytes = view(kSegmentHeaderBytes);
  const auto header = decode_header(bytes);
  const auto salt = header ? std::nullopt : salt_of_damaged(bytes);
  position_ = kSegmentHeaderBytes;
  if (salt) return recover_header(*salt);
  if (header) salt_ = header->salt;
  return header;
}

// A record's checksum begins with the salt: one that is whole says that the salt is right.
std::optional<SegmentHeader> SegmentCursor::recover_header(std::uint64_t salt) {
  const Returns returns(position_);
  salt_ = salt;
  ReadRecord first = peek();
  if (first.found != RecordFound::whole) {
    const auto found = find_record();
    if (!found) return std::nullopt;
    position_ = *found;
    first = peek();
  }
  if (first.found != RecordFound::whole) return std::nullopt;
  SegmentHeader header;
  header.salt = salt;
  header.first_sequence = first.record.sequence;
  header.is_whole = false;
  return header;
}

ReadRecord SegmentCursor::peek() {
  for (bool again = false;; again = true) {
    const std::string_view bytes = view(kRecordPrefixBytes);
    ReadRecord read = decode_record(bytes, salt_);
    if (read.found == RecordFound::partial && read.needed > bytes.size()) {
      read = decode_record(view(read.needed), salt_);
    }
    if (read.found != RecordFound::damaged || again) return read;
    buffer_.clear();
  }
}

std::optional<std::uint64_t> SegmentCursor::find_record() {
  const std::uint64_t begin = position_;
  const Returns returns(position_);
  const std::uint64_t end = size();
  std::uint64_t budget = kSearchesPerSegment * end + kReadBytes;
  std::optional<std::uint64_t> found;
  for (position_ = begin + kRecordAlignment; position_ < end && budget > 0; position_ += kRecordAlignment) {
    if (!looks_like_record(view(kRecordPrefixBytes))) continue;
    ReadRecord read = decode_record(view(kRecordPrefixBytes), salt_);
    const std::uint64_t cost = std::min<std::uint64_t>(std::max(read.needed, kRecordPrefixBytes), end - position_);
    budget -= std::min(budget, cost);
    if (read.found == RecordFound::partial && read.needed <= end - position_) {
      read = decode_record(view(read.needed), salt_);
    }
    if (read.found == RecordFound::whole) {
      found = position_;
      break;
    }
  }
  return found;
}

Result<SegmentSurvey> survey_segment(FileDescriptor file) {
  const int error = errno;
  if (!file.valid() && error != ENOENT) return spool_error("cannot open a spool's last segment", error);
  SegmentCursor cursor(std::move(file));
  SegmentSurvey survey;
  survey.header = cursor.read_header();
  if (survey.header) {
    survey.end_offset = kSegmentHeaderBytes;
    for (;;) {
      const ReadRecord read = cursor.peek();
      if (read.found == RecordFound::whole) {
        cursor.skip(read.needed);
        survey.end_sequence = read.record.sequence + 1;
        survey.end_offset = cursor.offset();
        continue;
      }
      const auto later = read.found == RecordFound::none ? std::nullopt : cursor.find_record();
      if (!later) break;
      cursor.seek(*later);
    }
  }
  if (cursor.error() != 0) return spool_error("cannot read a spool's last segment", cursor.error());
  return survey;
}

}  // namespace honeyframe
