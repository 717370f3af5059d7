#pragma once

// SpoolWriter: appends messages to a spool (spool_format.h), one write for each or for a batch of them, and keeps it
// within its bounds.
//
// Owned by a SpoolQueue, which lets one thread in at a time: the receive thread, before the message is acknowledged.
// Nothing is allocated for a message, but for that with the longest topic and properties so far, at the beginning of a
// segment, and for the first batch. It waits for nothing but the file system, with SyncMode::always for the disk.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "message.h"
#include "spool_directory.h"
#include "spool_format.h"
#include "spool_sync.h"
#include "status.h"

namespace honeyframe {

// When a message that is acknowledged is on the disk, and not only in the system's memory.
enum class SyncMode : std::uint8_t {
  process,   // when the system likes: outlives the process, not the machine
  interval,  // after the interval at the latest
  always,    // before it is acknowledged
};

struct SpoolOptions {
  static constexpr std::uint64_t kMinBytes = 1u << 20;

  std::string path;
  SyncMode sync = SyncMode::process;
  std::chrono::milliseconds sync_interval{100};
  std::uint64_t max_bytes = 1u << 30;  // of all segments together
  std::uint64_t segment_bytes = 0;     // where the next one begins; 0: an eighth of max_bytes, and 64 MiB at most

  // Errors: invalid_argument.
  [[nodiscard]] Status validate() const;
};

class SpoolWriter {
 public:
  enum class Outcome : std::uint8_t {
    stored,
    full,       // max_bytes
    disk_full,  // the disk, or the user's share of it
    failed,     // the disk says no otherwise
  };
  // There would be room for more if something went.
  [[nodiscard]] static bool is_full(Outcome outcome) noexcept {
    return outcome == Outcome::full || outcome == Outcome::disk_full;
  }
  // A segment that is there: what of it can be given up.
  struct Segment {
    std::uint64_t first = 0;
    std::uint64_t end = 0;  // behind its last record
    std::uint64_t bytes = 0;
    std::uint64_t payload_bytes_at_end = 0;  // of all that this writer had stored by then
  };
  // What was wrong with the end of the spool when it was opened.
  struct Repair {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;   // where the torn tail began
    std::uint64_t bytes = 0;    // how much of it there was
    bool is_deleted = false;    // the segment, which had no record
    std::uint64_t lost = 0;     // messages that were stored there and are gone
    bool lost_is_known = true;  // else nothing tells: the mark is damaged, too, or gone
  };
  struct Numbers {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
  };

  // Takes the directory's lock, and cuts a torn tail off the last segment. The numbers go on behind all that were ever
  // given out, whatever is left of the segments. Errors: invalid_argument, spool_failed, spool_in_use.
  static Result<std::unique_ptr<SpoolWriter>> open(SpoolOptions options);
  ~SpoolWriter();
  SpoolWriter(const SpoolWriter&) = delete;
  SpoolWriter& operator=(const SpoolWriter&) = delete;

  // Where it is not stored, the files are as if it had never come, and error() says why. Not while there is a batch.
  [[nodiscard]] Outcome append(const MessageView& message) noexcept;

  // Keeps it in memory, for commit() to write with others. False where it does not fit: commit(), then append().
  [[nodiscard]] bool batch(const MessageView& message) noexcept;
  [[nodiscard]] bool has_batch() const noexcept { return unwritten_ < batched_.size(); }
  // One write, and with SyncMode::always one sync. Where not all is stored, front_of_batch() is the first that is not:
  // it can be tried again by itself, and goes with pop_batch() in any case.
  [[nodiscard]] Outcome commit() noexcept;
  [[nodiscard]] SpoolRecord front_of_batch() const noexcept;
  void pop_batch() noexcept;
  // As append(): the record's number is given to it anew.
  [[nodiscard]] Outcome append(const SpoolRecord& record) noexcept;
  // A record of that message is larger than the whole spool may be.
  [[nodiscard]] bool exceeds_spool(const MessageView& message) const noexcept;

  // False where append() would answer `full`; not while there is a batch.
  [[nodiscard]] bool has_room(const MessageView& message) const noexcept;

  // The oldest that holds a record, or null. Where it is the one being written, that is ended first.
  [[nodiscard]] const Segment* oldest() noexcept;
  // Deletes it. False where the file system refuses. Whoever has it open may read on in it, and holds its bytes on the
  // disk; with `at_once` they are the disk's again, and such a reader goes on with the next one.
  bool remove_oldest(bool at_once = false) noexcept;

  [[nodiscard]] std::uint64_t next_sequence() const noexcept { return next_sequence_; }
  [[nodiscard]] const std::deque<Segment>& segments() const noexcept { return segments_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
  [[nodiscard]] std::uint64_t payload_bytes() const noexcept { return payload_bytes_; }
  // Null where nothing was.
  [[nodiscard]] const Repair* repair() const noexcept { return repair_ ? &*repair_ : nullptr; }
  // The numbers that earlier runs gave to messages which they did not delete, in ranges: also of what is damaged or
  // gone.
  [[nodiscard]] std::vector<Numbers> earlier_numbers() const;
  [[nodiscard]] const SpoolDirectory& directory() const noexcept { return directory_; }
  // errno of the last append() that failed.
  [[nodiscard]] int error() const noexcept { return error_; }
  // errno of the first sync that failed: what the mode promises was not kept; 0: it was.
  [[nodiscard]] int sync_error() const noexcept { return sync_error_->get(); }
  // No more appends. What was not synced yet is, where the mode asks for that; sync_error().
  [[nodiscard]] int finish() noexcept;
  // Of the segment being written; for tests.
  [[nodiscard]] std::uint64_t syncs() const noexcept { return file_ ? file_->syncs() : 0; }

 private:
  explicit SpoolWriter(SpoolOptions options, SpoolDirectory directory)
      : options_(std::move(options)), directory_(std::move(directory)) {}

  // Of a record; properties from above.
  [[nodiscard]] static std::uint64_t size_of(const MessageView& message) noexcept;
  Status take_over();
  Status survey_segments();
  void take_over_numbers(const SpoolMark& kept);
  Status keep_first_mark();
  [[nodiscard]] std::uint64_t due_at(std::uint64_t segment) const;
  Result<bool> repair_last();
  Status cut_tail(std::uint64_t end_offset);
  [[nodiscard]] SpoolMark mark() const noexcept { return {next_sequence_, boot_, due_sequence_}; }
  [[nodiscard]] bool is_of_this_boot(std::uint64_t boot) const noexcept { return boot != 0 && boot == boot_; }
  Outcome begin_segment() noexcept;
  void end_segment() noexcept;
  Outcome write_record(SpoolRecord record, std::size_t size);
  // How much of it was written; errno says why not all was.
  [[nodiscard]] std::size_t write_all(std::string_view head, std::string_view payload, std::size_t padding) noexcept;
  void count_record(std::size_t size, std::size_t payload) noexcept;
  void settle_written() noexcept;
  void undo() noexcept;
  void sync_directory() noexcept;
  [[nodiscard]] Outcome failure(int error) noexcept;

  const SpoolOptions options_;
  const SpoolDirectory directory_;
  std::unique_ptr<SpoolLock> lock_;
  std::shared_ptr<SpoolFile> file_;  // the last segment's; null: the next append() begins one
  std::uint64_t salt_ = 0;
  std::deque<Segment> segments_;
  std::uint64_t bytes_ = 0;
  std::uint64_t payload_bytes_ = 0;
  std::uint64_t next_sequence_ = kFirstSequence;
  std::uint64_t due_sequence_ = kFirstSequence;  // next_sequence_, but for a jump that no segment tells of yet
  std::uint64_t boot_ = 0;
  std::optional<Repair> repair_;
  std::uint64_t found_end_ = 0;  // behind the last message that take_over() has found; 0: there was no segment
  std::string head_;             // of the record being written
  std::string properties_;       // of the same
  struct Batched {
    std::uint32_t size = 0;
    std::uint32_t payload = 0;
  };
  std::string batch_;             // records, as they go to the file
  std::vector<Batched> batched_;  // one for each of them
  std::size_t unwritten_ = 0;     // from here on they are not written,
  std::size_t unwritten_at_ = 0;  // and lie there in batch_,
  std::uint64_t batch_salt_ = 0;  // written with this salt, where a commit() has failed
  int error_ = 0;
  const std::shared_ptr<SyncError> sync_error_ = std::make_shared<SyncError>();
};

}  // namespace honeyframe
