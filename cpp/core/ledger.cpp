#include "ledger.h"

#include <algorithm>
#include <new>
#include <utility>

namespace honeyframe {
namespace {

constexpr std::array<std::string_view, kLedgerEvents> kWords{"dropped",
                                                             "rejected",
                                                             "duplicates",
                                                             "quarantined",
                                                             "misfit",
                                                             "column_added",
                                                             "column_widened",
                                                             "max_columns",
                                                             "name_collision",
                                                             "event_time_unit",
                                                             "number_from_string",
                                                             "na_string",
                                                             "sequence_gap",
                                                             "sequence_repeated",
                                                             "sequence_out_of_order",
                                                             "sequence_restart"};

bool counts_topics(LedgerEvent event) noexcept {
  return event == LedgerEvent::dropped || event == LedgerEvent::rejected || event == LedgerEvent::duplicates ||
         event == LedgerEvent::quarantined;
}

void extend(LedgerRow& row, const Ledger::Note& note) noexcept {
  row.first_ns = row.occurrences == 0 ? note.first_ns : std::min(row.first_ns, note.first_ns);
  row.last_ns = row.occurrences == 0 ? note.last_ns : std::max(row.last_ns, note.last_ns);
  ++row.occurrences;
  row.count += note.count;
  row.bytes += note.bytes;
}

}  // namespace

std::string_view to_string(LedgerEvent event) noexcept {
  return kWords[static_cast<std::size_t>(event)];
}

std::optional<LedgerEvent> ledger_event(std::string_view word) noexcept {
  const auto found = std::find(kWords.begin(), kWords.end(), word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<LedgerEvent>(found - kWords.begin());
}

TopTopics* Ledger::note(const Note& note) noexcept {
  const Episode* const episode = episode_of(note);
  return episode == nullptr ? nullptr : episode->topics.get();
}

void Ledger::note_gap(std::string_view publisher, std::uint64_t first, std::uint64_t last, std::int64_t first_ns,
                      std::int64_t last_ns) noexcept {
  const Episode* const episode =
      episode_of({LedgerEvent::sequence_gap, publisher, first_ns, last_ns, last - first + 1, 0, {}});
  if (episode != nullptr) episode->numbers->add(first, last);
}

void Ledger::take_back(std::string_view publisher, std::uint64_t number) noexcept {
  Group& group = groups_[static_cast<std::size_t>(LedgerEvent::sequence_gap)];
  const std::string_view subject = cut_text(publisher, kMaxSubjectBytes);
  LedgerRow* row = group.folded.count > 0 ? &group.folded : nullptr;  // where no row has it
  const auto look = [&](auto&& takes_back) {
    for (auto episode = group.episodes.rbegin(); episode != group.episodes.rend(); ++episode) {
      if (episode->row.subject != subject || !takes_back(*episode->numbers)) continue;
      row = &episode->row;
      return true;
    }
    return false;
  };
  static_cast<void>(look([&](NumberRanges& numbers) { return numbers.take_back(number); }) ||
                    look([](NumberRanges& numbers) { return numbers.take_back_unlisted(); }));
  if (row != nullptr) --row->count;
}

// Null where no memory is left.
Ledger::Episode* Ledger::episode_of(const Note& note) noexcept {
  Group& group = groups_[static_cast<std::size_t>(note.event)];
  const std::string_view subject = cut_text(note.subject, kMaxSubjectBytes);
  try {
    auto found = group.newest.find(subject);
    if (found == group.newest.end() || note.first_ns - found->second->row.last_ns > kQuietNs) {
      begin(group, note, subject);
      found = group.newest.find(subject);
    }
    Episode& episode = *found->second;
    extend(episode.row, note);
    return &episode;
  } catch (const std::bad_alloc&) {
    LedgerRow row;
    row.event = note.event;
    extend(row, note);
    fold(group.folded, row);
    return nullptr;
  }
}

// Leaves everything as it was where it throws.
void Ledger::begin(Group& group, const Note& note, std::string_view subject) {
  Episodes one(1);
  Episode& episode = one.front();
  episode.row.event = note.event;
  episode.row.subject = subject;
  episode.row.detail = cut_text(note.detail, kMaxDetailBytes);
  if (counts_topics(note.event)) episode.topics = std::make_unique<TopTopics>();
  if (note.event == LedgerEvent::sequence_gap) episode.numbers = std::make_unique<NumberRanges>();
  if (const auto before = group.newest.find(subject); before != group.newest.end()) {
    Episode& ended = *before->second;
    if (ended.topics) ended.row.topics = ended.topics->top();
    ended.topics.reset();
    auto node = group.newest.extract(before);  // its key is the old row's
    node.key() = episode.row.subject;
    node.mapped() = one.begin();
    group.newest.insert(std::move(node));
  } else {
    group.newest.emplace(episode.row.subject, one.begin());
  }
  group.episodes.splice(group.episodes.end(), one);
  if (group.episodes.size() <= kMaxRows) return;
  const auto oldest = group.episodes.begin();
  if (const auto newest = group.newest.find(oldest->row.subject); newest->second == oldest) group.newest.erase(newest);
  fold(group.folded, oldest->row);
  group.episodes.pop_front();
}

void Ledger::fold(LedgerRow& folded, const LedgerRow& row) noexcept {
  folded.event = row.event;
  folded.first_ns = folded.folded ? std::min(folded.first_ns, row.first_ns) : row.first_ns;
  folded.last_ns = folded.folded ? std::max(folded.last_ns, row.last_ns) : row.last_ns;
  folded.folded = true;
  ++folded.occurrences;
  folded.count += row.count;
  folded.bytes += row.bytes;
}

std::vector<LedgerRow> Ledger::rows() const {
  std::vector<LedgerRow> rows;
  for (const Group& group : groups_) {
    if (group.folded.folded) rows.push_back(group.folded);
    for (const Episode& episode : group.episodes) {
      if (episode.numbers && episode.row.count == 0) continue;
      rows.push_back(episode.row);
      if (episode.topics) rows.back().topics = episode.topics->top();
      if (episode.numbers) rows.back().detail = episode.numbers->describe();
    }
  }
  return rows;
}

}  // namespace honeyframe
