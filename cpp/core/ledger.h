#pragma once

// Ledger: what happened to a stream beside its messages, in bounded memory. What repeats within kQuietNs is one
// episode and one row: a drop, a misfit or a gap is told once, with its count, and not for each message.
//
// Of each event at most kMaxRows rows are kept; older ones are folded into one row of the event, which keeps their
// count and bytes. A row takes less than 2 KiB, and 6 KiB where it is its subject's newest and counts topics. Times are
// those at which messages were received. Not thread safe: the queue's ledger is guarded by the queue's mutex, an
// extraction's belongs to its thread. note() allocates at the beginning of an episode only.

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "number_ranges.h"
#include "top_topics.h"

namespace honeyframe {

// What a row is about, its subject, stands behind each.
enum class LedgerEvent : std::uint8_t {
  dropped,      // why: "oldest", "newest", ...
  rejected,     // why
  duplicates,   // "packet_id_seen", "dup_flag"
  quarantined,  // the reason
  misfit,       // the column, as all up to na_string
  column_added,
  column_widened,
  max_columns,
  name_collision,
  event_time_unit,
  number_from_string,
  na_string,
  sequence_gap,  // the publisher, as all below
  sequence_repeated,
  sequence_out_of_order,
  sequence_restart,
};
inline constexpr std::size_t kLedgerEvents = 16;
[[nodiscard]] std::string_view to_string(LedgerEvent event) noexcept;
[[nodiscard]] std::optional<LedgerEvent> ledger_event(std::string_view word) noexcept;

struct LedgerRow {
  LedgerEvent event{};
  std::string subject;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  std::uint64_t occurrences = 0;  // notes; of a folded row: rows
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  std::string detail;              // the first one's; of a gap: the numbers that are missing
  std::vector<TopicCount> topics;  // where the event counts them: the largest
  bool folded = false;             // stands for older rows of its event
};

class Ledger {
 public:
  static constexpr std::size_t kMaxRows = 200;  // of each event
  static constexpr std::int64_t kQuietNs = 10'000'000'000;
  static constexpr std::size_t kMaxSubjectBytes = 512;
  static constexpr std::size_t kMaxDetailBytes = 256;

  struct Note {
    LedgerEvent event;
    std::string_view subject;
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
    std::uint64_t count = 1;
    std::uint64_t bytes = 0;
    std::string_view detail;
  };
  // An answer other than null takes the topics of what is noted, until the next note. Null where the event counts none,
  // or no memory is left.
  TopTopics* note(const Note& note) noexcept;
  // Those numbers of a publisher are missing.
  void note_gap(std::string_view publisher, std::uint64_t first, std::uint64_t last, std::int64_t first_ns,
                std::int64_t last_ns) noexcept;
  // One of them came late: its row counts and lists it no more, and is none when that was the last.
  void take_back(std::string_view publisher, std::uint64_t number) noexcept;
  // Of each event the folded row first, then the oldest.
  [[nodiscard]] std::vector<LedgerRow> rows() const;

 private:
  struct Episode {
    LedgerRow row;
    std::unique_ptr<TopTopics> topics;
    std::unique_ptr<NumberRanges> numbers;  // of a gap
  };
  using Episodes = std::list<Episode>;
  struct Group {
    Episodes episodes;
    std::unordered_map<std::string_view, Episodes::iterator> newest;  // by subject, which is the row's
    LedgerRow folded;
  };

  Episode* episode_of(const Note& note) noexcept;
  static void begin(Group& group, const Note& note, std::string_view subject);
  static void fold(LedgerRow& folded, const LedgerRow& row) noexcept;

  std::array<Group, kLedgerEvents> groups_;
};

}  // namespace honeyframe
