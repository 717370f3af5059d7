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
  std::uint64_t bytes = 0;  // 0: what lay before this segment is gone

  // One line.
  [[nodiscard]] std::string describe() const;
};

class SpoolReader {
 public:
  static constexpr std::size_t kMaxDamagesKept = 1'000;

  // `from` is the first sequence that is wanted; 0: the oldest there is. Errors: spool_failed.
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
  // Behind the last record there is. Errors: spool_failed.
  [[nodiscard]] Result<std::uint64_t> end_sequence() const;
  // Bytes at the end that are no record: of one being written, or torn.
  [[nodiscard]] std::uint64_t tail_bytes() const noexcept;
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

  SpoolDirectory directory_;
  std::optional<SegmentCursor> cursor_;
  std::uint64_t segment_ = 0;     // the cursor's, or the last one left behind
  bool any_segment_ = false;      // segment_ says something
  std::uint64_t next_ = 0;        // the sequence that is due
  std::uint64_t missing_ = 0;     // before it
  std::size_t peeked_bytes_ = 0;  // of the record that peek() has shown; 0: it has shown none
  std::uint64_t peeked_ = 0;      // its sequence
  bool damaged_since_ = false;    // that record
  std::vector<SpoolDamage> damage_kept_;
  std::uint64_t damages_ = 0;
};

}  // namespace honeyframe
