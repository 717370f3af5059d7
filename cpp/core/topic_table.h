#pragma once

// TopicTable: what there is on a broker, a row a topic: how much, how often, what came last. Filled from the blocks of
// a message queue on the consumer's side, where there is time to look whether a payload is JSON; the receive thread
// knows nothing of it.
//
// Bounded by topics and by bytes. A topic that finds no place is counted, with its messages; one that has a place keeps
// it. Last payloads may take half of the bytes, so that they never push topics out; where those are used up they are
// cut shorter. One thread at a time: TopicWatch's lock guards it.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "json_check.h"
#include "message_block.h"
#include "status.h"
#include "topic_cadence.h"

namespace honeyframe {

struct TopicLimits {
  static constexpr std::size_t kMinBytes = 1u << 20;
  static constexpr std::size_t kMaxTopics = 100'000'000;

  std::size_t max_topics = 100'000;
  std::size_t max_bytes = 384u << 20;
  std::size_t max_payload_bytes = 256;  // of each last payload, so many are kept

  // Errors: invalid_argument, naming the limit, what it was and what it may be.
  [[nodiscard]] Status validate() const;
};

struct TopicTotals {
  std::uint64_t topics = 0;  // that have a place
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;  // of payloads
  // Among them, exactly: what found no place.
  std::uint64_t unplaced_messages = 0;
  std::uint64_t unplaced_bytes = 0;
  std::uint64_t unplaced_topics = 0;     // exact up to TopicTable::kMostUnplaced, then the least that there were
  std::uint64_t shortened_payloads = 0;  // of topics whose last payload there were no bytes for, or not enough
  std::uint64_t held_bytes = 0;
};

enum class JsonVerdict : std::uint8_t {
  unknown,  // only empty payloads so far
  json,     // every payload was
  not_json  // at least one was not
};

struct SeenTopic {
  std::string_view topic;
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  TopicCadence cadence;             // of those that are not retained
  std::unique_ptr<char[]> payload;  // the last one's first bytes
  std::uint32_t payload_size = 0;   // of the last one, whole
  std::uint32_t payload_kept = 0;
  std::uint32_t payload_capacity = 0;
  std::uint32_t hash = 0;
  std::uint8_t qos = 0;  // of the last message
  std::uint8_t max_qos = 0;
  bool retained = false;   // one has come that the broker had kept
  bool shortened = false;  // less of the last payload is kept than the limit says: there were no bytes for it
  JsonVerdict json = JsonVerdict::unknown;

  [[nodiscard]] std::string_view last_payload() const noexcept { return {payload.get(), payload_kept}; }
};

class TopicTable {
 public:
  // So many distinct topics without a place are told apart (16 MiB).
  static constexpr std::size_t kMostUnplaced = std::size_t{1} << 20;

  // Limits that validate() refuses are raised to the smallest it accepts.
  explicit TopicTable(TopicLimits limits);
  // Gives memory that was much back to the system, too.
  ~TopicTable();
  TopicTable(const TopicTable&) = delete;
  TopicTable& operator=(const TopicTable&) = delete;

  // The messages [begin, end) of `block`. Never fails: what there is no memory for has no place.
  void add(const MessageBlock& block, std::size_t begin, std::size_t end) noexcept;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  // In the order of their first messages.
  [[nodiscard]] const SeenTopic& operator[](std::size_t index) const noexcept {
    return chunks_[index / kChunk][index % kChunk];
  }
  [[nodiscard]] TopicTotals totals() const noexcept;
  // What it occupies, estimated from above: never above max_bytes, but for what tells topics without a place apart,
  // and four bytes for each topic of the queue's dictionary.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_ + unplaced_slots_.capacity() * sizeof(std::uint64_t);
  }

 private:
  static constexpr std::size_t kChunk = 1024;
  static constexpr std::size_t kTextChunk = 64u << 10;
  static constexpr std::uint32_t kNotAsked = 0xFFFFFFFF;
  static constexpr std::uint32_t kNoPlace = 0xFFFFFFFE;

  [[nodiscard]] std::uint32_t row_of(const MessageBlock& block, const StoredMessage& message);
  [[nodiscard]] std::uint32_t find_or_add(std::string_view topic);
  [[nodiscard]] std::uint32_t add_topic(std::string_view topic, std::uint32_t hash);
  [[nodiscard]] std::size_t cost_of(std::string_view topic) const noexcept;
  void grow_slots();
  [[nodiscard]] std::string_view keep_text(std::string_view topic);
  void note(SeenTopic& row, const StoredMessage& message, std::string_view payload);
  void keep_payload(SeenTopic& row, std::string_view payload);
  void note_unplaced(std::string_view topic);
  [[nodiscard]] SeenTopic& at(std::size_t index) noexcept { return chunks_[index / kChunk][index % kChunk]; }
  [[nodiscard]] std::size_t kept_size(std::string_view payload) const noexcept;

  const TopicLimits limits_;
  std::vector<std::unique_ptr<SeenTopic[]>> chunks_;  // rows never move
  std::size_t size_ = 0;
  std::vector<std::uint32_t> slots_;                 // row + 1 by hash, 0 where free; open addressing
  std::vector<std::unique_ptr<char[]>> texts_;       // chunks that topics share
  std::vector<std::unique_ptr<char[]>> long_texts_;  // a topic each
  std::size_t text_left_ = 0;                        // in the last of texts_
  std::size_t bytes_ = 0;
  std::size_t payload_bytes_ = 0;  // of bytes_
  // The rows of a dictionary's topics: most messages cost no look-up.
  std::vector<std::uint32_t> rows_of_ids_;
  std::uint64_t generation_ = 0;
  std::vector<std::uint64_t> unplaced_slots_;  // hashes, 0 where free
  TopicTotals totals_;
  JsonCheck json_;
};

}  // namespace honeyframe
