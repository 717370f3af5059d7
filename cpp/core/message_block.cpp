#include "message_block.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <limits>

namespace honeyframe {

namespace {

std::uint64_t next_generation() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

constexpr std::size_t kAllocationBytes = 24;  // what malloc adds to each, rounding included

std::size_t heap_bytes(const std::string& text) noexcept {
  return text.size() < sizeof(std::string) / 2 ? 0 : text.size() + kAllocationBytes;
}

// Where an id lives: the chunk, and the place in it.
struct Place {
  std::size_t chunk;
  std::size_t index;
};

Place place_of(std::uint32_t id, std::size_t first_chunk) noexcept {
  const std::size_t shifted = std::size_t{id} + first_chunk;
  const auto chunk = static_cast<std::size_t>(std::bit_width(shifted) - std::bit_width(first_chunk));
  return {chunk, shifted - (first_chunk << chunk)};
}

}  // namespace

TopicDictionary::TopicDictionary() : generation_(next_generation()) {}

std::size_t TopicDictionary::cost(std::string_view topic) noexcept {
  constexpr std::size_t kNodeBytes = 144;  // the map's node and bucket, the table's entry, the allocator's headers
  return topic.size() + kNodeBytes;
}

std::size_t TopicDictionary::empty_bytes() noexcept {
  return sizeof(TopicDictionary) + kFirstChunk * sizeof(std::string_view) + 4 * kAllocationBytes;
}

std::optional<std::uint32_t> TopicDictionary::find(std::string_view topic) {
  if (last_topic_.data() != nullptr && last_topic_ == topic) return last_id_;
  const auto found = ids_.find(topic);
  if (found == ids_.end()) return std::nullopt;
  last_topic_ = found->first;
  return last_id_ = found->second;
}

std::uint32_t TopicDictionary::intern(std::string_view topic) {
  if (const auto known = find(topic)) return *known;
  const auto id = static_cast<std::uint32_t>(ids_.size());
  const Place place = place_of(id, kFirstChunk);
  if (!chunks_[place.chunk]) chunks_[place.chunk] = std::make_unique<std::string_view[]>(kFirstChunk << place.chunk);
  const auto inserted = ids_.emplace(topic, id).first;
  chunks_[place.chunk][place.index] = inserted->first;  // a node's key never moves
  bytes_ += cost(topic);
  last_topic_ = inserted->first;
  last_id_ = id;
  return id;
}

std::string_view TopicDictionary::topic(std::uint32_t id) const noexcept {
  const Place place = place_of(id, kFirstChunk);
  return chunks_[place.chunk][place.index];
}

MessageBlock::MessageBlock(std::size_t arena_bytes, std::shared_ptr<TopicDictionary> topics, std::size_t max_messages)
    : arena_(new char[arena_bytes]),  // not zeroed: append() zeroes each padding
      arena_capacity_(arena_bytes),
      max_messages_(max_messages != 0 ? max_messages : std::max<std::size_t>(1, arena_bytes / kPayloadPadding)),
      topics_(std::move(topics)) {
  messages_.reserve(max_messages_);
}

bool MessageBlock::fits(std::size_t payload_size) const noexcept {
  constexpr std::size_t kMaxOffset = std::numeric_limits<std::uint32_t>::max();
  if (messages_.size() >= max_messages_ || payload_size > kMaxOffset || arena_used_ > kMaxOffset) return false;
  return payload_size + kPayloadPadding <= arena_capacity_ - arena_used_;
}

bool MessageBlock::append(const MessageView& message, std::uint32_t topic_id, bool keep_properties) {
  if (!fits(message.payload.size())) return false;
  StoredMessage stored{};
  stored.receive_time_ns = message.receive_time_ns;
  stored.payload_offset = static_cast<std::uint32_t>(arena_used_);
  stored.payload_size = static_cast<std::uint32_t>(message.payload.size());
  stored.topic_id = topic_id;
  stored.properties_index = kNoProperties;
  stored.qos = message.qos;
  stored.retain = message.retain;
  stored.dup = message.dup;
  if (keep_properties && message.properties != nullptr) {
    stored.properties_index = static_cast<std::uint32_t>(properties_.size());
    properties_.push_back(*message.properties);
    properties_bytes_ += properties_bytes(*message.properties);
  }
  char* const target = arena_.get() + arena_used_;
  if (!message.payload.empty()) std::memcpy(target, message.payload.data(), message.payload.size());
  std::memset(target + message.payload.size(), 0, kPayloadPadding);
  arena_used_ += message.payload.size() + kPayloadPadding;
  payload_bytes_ += message.payload.size();
  messages_.push_back(stored);
  return true;
}

void MessageBlock::reset(std::shared_ptr<TopicDictionary> topics) noexcept {
  arena_used_ = 0;
  payload_bytes_ = 0;
  properties_bytes_ = 0;
  first_sequence_ = 0;
  messages_.clear();
  properties_ = {};
  topics_ = std::move(topics);
}

std::size_t MessageBlock::capacity_bytes() const noexcept {
  return capacity_bytes(arena_capacity_, max_messages_) + properties_bytes_;
}

std::size_t MessageBlock::capacity_bytes(std::size_t arena_bytes, std::size_t max_messages) noexcept {
  return sizeof(MessageBlock) + arena_bytes + max_messages * sizeof(StoredMessage) + 3 * kAllocationBytes;
}

std::size_t MessageBlock::properties_bytes(const MessageProperties& properties) noexcept {
  std::size_t bytes = 2 * sizeof(MessageProperties);  // twice: a vector grows ahead of its need
  bytes += heap_bytes(properties.content_type) + heap_bytes(properties.response_topic);
  bytes += heap_bytes(properties.correlation_data) + kAllocationBytes;
  for (const auto& [name, value] : properties.user_properties) {
    bytes += sizeof(std::pair<std::string, std::string>) + heap_bytes(name) + heap_bytes(value);
  }
  return bytes;
}

std::string_view MessageBlock::payload(const StoredMessage& message) const noexcept {
  return {arena_.get() + message.payload_offset, message.payload_size};
}

std::string_view MessageBlock::topic(const StoredMessage& message) const noexcept {
  return topics_->topic(message.topic_id);
}

const MessageProperties* MessageBlock::properties(const StoredMessage& message) const noexcept {
  return message.properties_index == kNoProperties ? nullptr : &properties_[message.properties_index];
}

}  // namespace honeyframe
