#pragma once

// SpoolReader: the records of a spool in the order of their sequence, from any of them on, across its segments. Any
// number of readers, in any process, may read a spool that is being written: they ask nothing of its writer.
//
// What is damaged is passed over, to the next whole record, and told with its position; what is half written at the end
// counts as not there yet. Used by one thread at a time.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "spool_directory.h"
#include "spool_format.h"
#include "spool_segment.h"
#include "status.h"

namespace honeyframe {

// Bytes that are no whole records, or records that are not there any more.
struct SpoolDamage {
  std::uint64_t segment = 0;  // its first sequence, by its name
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  bool is_before = false;  // it is what lay before this segment that is gone

  // One line; of the spool in that directory.
  [[nodiscard]] std::string describe(const std::string& path) const;
};

class SpoolReader {
 public:
  static constexpr std::size_t kMaxDamagesKept = 1'000;

  // `from` is the first sequence that is wanted; 0: the oldest there is. Errors: spool_failed, also where the directory
  // has other things in it and neither a segment nor a lock.
  static Result<std::unique_ptr<SpoolReader>> open(const std::string& path, std::uint64_t from);

  struct Next {
    SpoolRecord record;         // views; until the next call
    std::uint64_t missing = 0;  // how many records are lost between the one before it and this one
  };
  // The next record; empty where there is none yet. Until consume() it stays the next. Errors: spool_failed.
  [[nodiscard]] Result<std::optional<Next>> peek();
  void consume() noexcept;
  // From here on, forwards or back.
  void seek(std::uint64_t sequence) noexcept;

  // What the next record's sequence is at least; 0: nothing was read yet, of a reader from the oldest.
  [[nodiscard]] std::uint64_t next_sequence() const noexcept { return next_; }
  // Where there is no next record: how many were written, as the lock's file tells, and are neither here nor behind.
  // They count as passed over, once. Of a reader from the oldest none, where there is no segment. Errors: spool_failed.
  [[nodiscard]] Result<std::uint64_t> pass_over_lost();
  // Behind the last record there is, or was. Errors: spool_failed.
  [[nodiscard]] Result<std::uint64_t> end_sequence() const;
  // Bytes at the end that are no record: of one being written, or torn. Also a last segment without a header.
  [[nodiscard]] std::optional<SpoolDamage> torn_end() const noexcept;
  [[nodiscard]] const std::string& path() const noexcept { return directory_.path(); }
  [[nodiscard]] std::vector<SpoolDamage> take_damages();
  [[nodiscard]] std::uint64_t damages() const noexcept { return damages_; }

 private:
  explicit SpoolReader(SpoolDirectory directory, std::uint64_t from) : directory_(std::move(directory)), next_(from) {}

  enum class Opened : std::uint8_t { yes, none, try_next };
  [[nodiscard]] Result<bool> open_next();
  [[nodiscard]] Result<Opened> open_segment(const SpoolDirectory::Segment& segment, bool is_last);
  [[nodiscard]] Result<std::optional<SpoolDirectory::Segment>> segment_behind() const;
  [[nodiscard]] Result<bool> leave_segment(RecordFound last_seen);
  void note(SpoolDamage damage);
  [[nodiscard]] Status failed(const std::string& what, std::uint64_t segment, int error) const;

  SpoolDirectory directory_;
  std::optional<SegmentCursor> cursor_;
  std::uint64_t segment_ = 0;        // the cursor's, or the last one left behind
  bool any_segment_ = false;         // segment_ says something
  std::uint64_t next_ = 0;           // the sequence that is due
  std::uint64_t missing_ = 0;        // before it
  std::size_t peeked_bytes_ = 0;     // of the record that peek() has shown; 0: it has shown none
  std::uint64_t peeked_ = 0;         // its sequence
  bool damaged_since_ = false;       // that record
  std::optional<SpoolDamage> stub_;  // the last segment, where it has no header yet
  std::vector<SpoolDamage> damage_kept_;
  std::uint64_t damages_ = 0;
};

}  // namespace honeyframe
