#pragma once

// SegmentCursor: one segment file, read from front to back, record by record, also while it is being written. Used by
// SpoolReader, and by SpoolWriter where it takes over what another run has left; on their threads.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "spool_directory.h"
#include "spool_format.h"
#include "status.h"

namespace honeyframe {

class SegmentCursor {
 public:
  explicit SegmentCursor(FileDescriptor file) noexcept : file_(std::move(file)) {}

  // Empty where there is none (yet). Of a damaged one whose salt still fits the first record behind it that is whole,
  // this much is told: the salt, and that record's number. What damage to the salt itself leaves is no segment.
  [[nodiscard]] std::optional<SegmentHeader> read_header();
  // The record at the position; its views live until the next call. What looks damaged is read from the file once more
  // before it is called so: its writer may have been in the middle of it. Behind read_header() alone.
  [[nodiscard]] ReadRecord peek();
  // What is in the buffer is read from the file again.
  void forget() noexcept { buffer_.clear(); }
  void skip(std::size_t bytes) noexcept { position_ += bytes; }
  // Where the next whole record begins behind the position. Empty where there is none, or where the search takes more
  // than a few times the segment's own size.
  [[nodiscard]] std::optional<std::uint64_t> find_record();
  void seek(std::uint64_t offset) noexcept { position_ = offset; }

  [[nodiscard]] std::uint64_t offset() const noexcept { return position_; }
  // How large the file is now.
  [[nodiscard]] std::uint64_t size() const noexcept;
  // errno of a read that failed; 0: none did. The file then looks as if it ended there.
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  [[nodiscard]] std::string_view view(std::size_t wanted);
  [[nodiscard]] std::optional<SegmentHeader> recover_header(std::uint64_t salt);

  FileDescriptor file_;
  std::uint64_t salt_ = 0;
  std::uint64_t position_ = 0;
  std::string buffer_;  // the file's bytes from buffer_offset_ on
  std::uint64_t buffer_offset_ = 0;
  int error_ = 0;
};

// What a segment holds, read to its end.
struct SegmentSurvey {
  std::optional<SegmentHeader> header;
  std::uint64_t end_sequence = 0;  // behind its last whole record; 0: there is none
  std::uint64_t end_offset = 0;    // the same in bytes
};
// `file` as it was opened, errno with it: one that is not there holds nothing, another that is invalid is an error.
// Errors: spool_failed.
[[nodiscard]] Result<SegmentSurvey> survey_segment(FileDescriptor file);

}  // namespace honeyframe
