#include "topic_table.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <cstring>
#include <functional>
#include <new>
#include <string>

namespace honeyframe {
namespace {

constexpr std::size_t kAllocationBytes = 16;  // what malloc adds
constexpr std::size_t kPayloadStep = 32;
constexpr std::size_t kMuch = 32u << 20;
constexpr std::size_t kFirstSlots = 1024;
constexpr std::size_t kLongText = 4096;  // has an allocation of its own: the rest of the open chunk stays usable

Status out_of_range(const char* name, std::size_t found, const std::string& allowed) {
  return Status(ErrorCode::invalid_argument,
                std::string(name) + ": found " + std::to_string(found) + ", expected " + allowed);
}

TopicLimits raised(TopicLimits limits) {
  limits.max_topics = std::clamp<std::size_t>(limits.max_topics, 1, TopicLimits::kMaxTopics);
  limits.max_bytes = std::max(limits.max_bytes, TopicLimits::kMinBytes);
  return limits;
}

std::size_t rounded(std::size_t size) noexcept {
  return (size + kPayloadStep - 1) / kPayloadStep * kPayloadStep;
}

}  // namespace

Status TopicLimits::validate() const {
  if (max_topics < 1 || max_topics > kMaxTopics) {
    return out_of_range("max_topics", max_topics, "1 to " + std::to_string(kMaxTopics));
  }
  if (max_bytes < kMinBytes) return out_of_range("max_bytes", max_bytes, std::to_string(kMinBytes) + " or more");
  return {};
}

TopicTable::TopicTable(TopicLimits limits) : limits_(raised(limits)), slots_(kFirstSlots, 0) {
  bytes_ = sizeof *this + slots_.size() * sizeof(std::uint32_t);
}

TopicTable::~TopicTable() {
  const std::size_t held = bytes_;
  chunks_.clear();
  texts_.clear();
#ifdef __GLIBC__
  if (held > kMuch) ::malloc_trim(0);  // a million small pieces: none of their pages would go by itself
#else
  (void)held;
#endif
}

void TopicTable::add(const MessageBlock& block, std::size_t begin, std::size_t end) noexcept {
  for (std::size_t i = begin; i < end; ++i) {
    const StoredMessage& message = block[i];
    ++totals_.messages;
    totals_.bytes += message.payload_size;
    std::uint32_t row = kNoPlace;
    try {
      row = row_of(block, message);
      if (row != kNoPlace) note(at(row), message, block.payload(message));
    } catch (const std::bad_alloc&) {  // of a payload's copy, or of a topic's place
      if (row != kNoPlace) continue;
    }
    if (row != kNoPlace) continue;
    ++totals_.unplaced_messages;
    totals_.unplaced_bytes += message.payload_size;
  }
}

std::uint32_t TopicTable::row_of(const MessageBlock& block, const StoredMessage& message) {
  if (block.topics().generation() != generation_) {
    rows_of_ids_.clear();
    generation_ = block.topics().generation();
  }
  if (message.topic_id >= rows_of_ids_.size()) {
    rows_of_ids_.resize(std::max<std::size_t>(message.topic_id + 1, rows_of_ids_.size() * 2), kNotAsked);
  }
  std::uint32_t& row = rows_of_ids_[message.topic_id];
  if (row == kNotAsked) row = find_or_add(block.topic(message));
  return row;
}

std::uint32_t TopicTable::find_or_add(std::string_view topic) {
  const auto hash = static_cast<std::uint32_t>(std::hash<std::string_view>{}(topic));
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
    const std::uint32_t row = slots_[slot] - 1;
    if (at(row).hash == hash && at(row).topic == topic) return row;
  }
  const std::uint32_t row = add_topic(topic, hash);
  if (row == kNoPlace) note_unplaced(topic);
  return row;
}

// What add_topic() would allocate for it.
std::size_t TopicTable::cost_of(std::string_view topic) const noexcept {
  std::size_t cost = 0;
  if (size_ == chunks_.size() * kChunk) cost += kChunk * sizeof(SeenTopic) + kAllocationBytes + 2 * sizeof(void*);
  if (topic.size() > kLongText) {
    cost += topic.size() + kAllocationBytes + 2 * sizeof(void*);
  } else if (topic.size() > text_left_) {
    cost += kTextChunk + kAllocationBytes + 2 * sizeof(void*);
  }
  if ((size_ + 1) * 4 > slots_.size() * 3) cost += slots_.size() * sizeof(std::uint32_t);  // and as much, briefly
  return cost;
}

std::uint32_t TopicTable::add_topic(std::string_view topic, std::uint32_t hash) {
  const std::size_t cost = cost_of(topic);
  if (size_ >= limits_.max_topics || bytes_ + cost > limits_.max_bytes) return kNoPlace;
  if ((size_ + 1) * 4 > slots_.size() * 3) grow_slots();
  if (size_ == chunks_.size() * kChunk) {
    auto chunk = std::make_unique<SeenTopic[]>(kChunk);
    chunks_.push_back(std::move(chunk));
    bytes_ += kChunk * sizeof(SeenTopic) + kAllocationBytes + 2 * sizeof(void*);
  }
  SeenTopic& row = at(size_);
  row.topic = keep_text(topic);
  row.hash = hash;
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  while (slots_[slot] != 0) slot = (slot + 1) & mask;
  slots_[slot] = static_cast<std::uint32_t>(++size_);
  return static_cast<std::uint32_t>(size_ - 1);
}

void TopicTable::grow_slots() {
  std::vector<std::uint32_t> grown(slots_.size() * 2, 0);
  const std::size_t mask = grown.size() - 1;
  for (std::size_t row = 0; row < size_; ++row) {
    std::size_t slot = at(row).hash & mask;
    while (grown[slot] != 0) slot = (slot + 1) & mask;
    grown[slot] = static_cast<std::uint32_t>(row + 1);
  }
  bytes_ += (grown.size() - slots_.size()) * sizeof(std::uint32_t);
  slots_ = std::move(grown);
}

std::string_view TopicTable::keep_text(std::string_view topic) {
  char* to = nullptr;
  if (topic.size() > kLongText) {
    long_texts_.push_back(std::make_unique_for_overwrite<char[]>(topic.size()));
    to = long_texts_.back().get();
    bytes_ += topic.size() + kAllocationBytes + 2 * sizeof(void*);
  } else {
    if (topic.size() > text_left_) {
      texts_.push_back(std::make_unique_for_overwrite<char[]>(kTextChunk));
      text_left_ = kTextChunk;
      bytes_ += kTextChunk + kAllocationBytes + 2 * sizeof(void*);
    }
    to = texts_.back().get() + (kTextChunk - text_left_);
    text_left_ -= topic.size();
  }
  std::memcpy(to, topic.data(), topic.size());
  return {to, topic.size()};
}

void TopicTable::note(SeenTopic& row, const StoredMessage& message, std::string_view payload) {
  if (row.messages == 0) row.first_ns = message.receive_time_ns;
  ++row.messages;
  row.bytes += payload.size();
  row.last_ns = message.receive_time_ns;
  row.qos = message.qos;
  row.max_qos = std::max(row.max_qos, message.qos);
  if (message.retain) {
    row.retained = true;
  } else {
    row.cadence.note(message.receive_time_ns);
  }
  if (!payload.empty() && row.json != JsonVerdict::not_json) {
    row.json = json_.is_json(payload) ? JsonVerdict::json : JsonVerdict::not_json;
  }
  keep_payload(row, payload);
}

// Cut between characters: at most three bytes of one are given up. What is no UTF-8 is cut anywhere.
std::size_t TopicTable::kept_size(std::string_view payload) const noexcept {
  std::size_t size = std::min(payload.size(), limits_.max_payload_bytes);
  if (size == payload.size()) return size;
  std::size_t back = 0;
  while (back < 3 && back < size && (static_cast<unsigned char>(payload[size - back]) & 0xC0U) == 0x80U) ++back;
  return (static_cast<unsigned char>(payload[size - back]) & 0xC0U) == 0x80U ? size : size - back;
}

void TopicTable::keep_payload(SeenTopic& row, std::string_view payload) {
  std::size_t size = kept_size(payload);
  bool shortened = false;
  if (size > row.payload_capacity) {
    const std::size_t capacity = rounded(size);
    const std::size_t old = row.payload_capacity == 0 ? 0 : row.payload_capacity + kAllocationBytes;
    const std::size_t more = capacity + kAllocationBytes - old;
    if (payload_bytes_ + more <= limits_.max_bytes / 2 && bytes_ + more <= limits_.max_bytes) {
      row.payload.reset();  // first: what is new need not find room beside what is old
      row.payload_capacity = 0;
      row.payload_kept = 0;
      bytes_ -= old;
      payload_bytes_ -= old;
      row.payload = std::make_unique_for_overwrite<char[]>(capacity);
      row.payload_capacity = static_cast<std::uint32_t>(capacity);
      bytes_ += capacity + kAllocationBytes;
      payload_bytes_ += capacity + kAllocationBytes;
    } else {
      size = row.payload_capacity;
      shortened = true;
    }
  }
  if (shortened != row.shortened) shortened ? ++totals_.shortened_payloads : --totals_.shortened_payloads;
  row.shortened = shortened;
  if (size > 0) std::memcpy(row.payload.get(), payload.data(), size);
  row.payload_kept = static_cast<std::uint32_t>(size);
  row.payload_size = static_cast<std::uint32_t>(payload.size());
}

void TopicTable::note_unplaced(std::string_view topic) {
  if (totals_.unplaced_topics >= kMostUnplaced) return;
  std::uint64_t hash = std::hash<std::string_view>{}(topic);
  if (hash == 0) hash = 1;
  const auto place = [](std::vector<std::uint64_t>& slots, std::uint64_t wanted) {
    const std::size_t mask = slots.size() - 1;
    std::size_t slot = wanted & mask;
    while (slots[slot] != 0 && slots[slot] != wanted) slot = (slot + 1) & mask;
    const bool is_new = slots[slot] == 0;
    slots[slot] = wanted;
    return is_new;
  };
  if ((totals_.unplaced_topics + 1) * 2 > unplaced_slots_.size()) {
    std::vector<std::uint64_t> grown(std::max<std::size_t>(1024, unplaced_slots_.size() * 2), 0);
    for (const std::uint64_t old : unplaced_slots_) {
      if (old != 0) (void)place(grown, old);
    }
    unplaced_slots_ = std::move(grown);
  }
  if (place(unplaced_slots_, hash)) ++totals_.unplaced_topics;
}

TopicTotals TopicTable::totals() const noexcept {
  TopicTotals totals = totals_;
  totals.topics = size_;
  totals.held_bytes = bytes();
  return totals;
}

}  // namespace honeyframe
