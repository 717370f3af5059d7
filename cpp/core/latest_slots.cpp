#include "latest_slots.h"

#include <utility>

#include "message_block.h"

namespace honeyframe {
namespace {

constexpr std::size_t kAllocationBytes = 24;  // what malloc adds to each, rounding included
// The nodes of the list and of the map, and its buckets while they grow.
constexpr std::size_t kSlotBytes = 2 * sizeof(void*) + kAllocationBytes + 40 + kAllocationBytes + 3 * sizeof(void*);
// A buffer is replaced by a smaller one where it wastes more.
constexpr std::size_t kMaxWaste = 64u << 10;

// A little more than is needed: sizes of numbers as text vary.
constexpr std::size_t roomy(std::size_t size) noexcept {
  return (size + size / 8 + 32) / 16 * 16;
}

constexpr std::size_t text_bytes(std::size_t capacity) noexcept {
  return capacity < sizeof(std::string) / 2 ? 0 : capacity + 1 + kAllocationBytes;
}

}  // namespace

std::size_t LatestSlots::properties_bytes(const MessageView& message) const noexcept {
  if (!keep_properties_ || message.properties == nullptr) return 0;
  return MessageBlock::properties_bytes(*message.properties);
}

std::size_t LatestSlots::cost(const MessageView& message) const noexcept {
  return sizeof(Slot) + kSlotBytes + text_bytes(message.topic.size()) + text_bytes(roomy(message.payload.size())) +
         properties_bytes(message);
}

LatestSlots::Stored LatestSlots::store(const MessageView& message, std::size_t budget) {
  const auto known = topics_.find(message.topic);
  if (known == topics_.end()) return open(message, budget);
  const Slots::iterator slot = known->second;
  if (slot->unread || payload_fits(*slot, message.payload.size())) return supersede(slot, message, budget);
  give_up(slot);  // of use to nobody: so the two buffers need not be there at once
  return open(message, budget);
}

bool LatestSlots::payload_fits(const Slot& slot, std::size_t size) noexcept {
  return size <= slot.payload.capacity() && slot.payload.capacity() - size <= kMaxWaste;
}

LatestSlots::Stored LatestSlots::supersede(Slots::iterator slot, const MessageView& message, std::size_t budget) {
  const bool was_unread = slot->unread;
  if (!was_unread && unread_.size() >= max_messages_) return Stored::no_room;
  const std::size_t capacity =
      payload_fits(*slot, message.payload.size()) ? slot->payload.capacity() : roomy(message.payload.size());
  const std::size_t needed =
      sizeof(Slot) + kSlotBytes + text_bytes(slot->topic.capacity()) + text_bytes(capacity) + properties_bytes(message);
  if (!was_unread) unread_.splice(unread_.end(), read_, slot);  // so that it is not given up for itself
  const auto put_back = [&] {
    if (!was_unread) read_.splice(read_.end(), unread_, slot);
  };
  if (needed > slot->bytes && !shrink(budget < needed - slot->bytes ? 0 : budget - (needed - slot->bytes))) {
    put_back();
    return Stored::no_room;
  }
  const std::size_t before = was_unread ? slot->payload.size() : 0;
  try {
    fill(*slot, message);
  } catch (...) {
    put_back();
    throw;
  }
  superseded_bytes_ += before;
  bytes_ += needed - slot->bytes;
  unread_bytes_ += needed - (was_unread ? slot->bytes : 0);
  slot->bytes = needed;
  slot->unread = true;
  return was_unread ? Stored::superseded : Stored::stored;
}

LatestSlots::Stored LatestSlots::open(const MessageView& message, std::size_t budget) {
  if (unread_.size() >= max_topics_) return Stored::no_slot;
  if (unread_.size() >= max_messages_) return Stored::no_room;
  const std::size_t needed = cost(message);
  while (topics_.size() >= max_topics_) give_up(read_.begin());
  if (budget < needed || !shrink(budget - needed)) return Stored::no_room;
  Slots one(1);
  Slot& slot = one.front();
  slot.topic.reserve(message.topic.size());
  slot.topic = message.topic;
  fill(slot, message);
  topics_.emplace(slot.topic, one.begin());
  slot.bytes = needed;
  slot.unread = true;
  unread_.splice(unread_.end(), one);
  bytes_ += needed;
  unread_bytes_ += needed;
  return Stored::stored;
}

// What needs memory comes first: where there is none, the slot keeps what it has.
void LatestSlots::fill(Slot& slot, const MessageView& message) {
  MessageProperties properties;
  const bool has_properties = keep_properties_ && message.properties != nullptr;
  if (has_properties) properties = *message.properties;
  if (payload_fits(slot, message.payload.size())) {
    slot.payload = message.payload;
  } else {
    std::string fresh;
    fresh.reserve(roomy(message.payload.size()));
    fresh = message.payload;
    slot.payload = std::move(fresh);
  }
  if (has_properties || slot.has_properties) slot.properties = std::move(properties);
  slot.has_properties = has_properties;
  slot.receive_time_ns = message.receive_time_ns;
  slot.qos = message.qos;
  slot.retain = message.retain;
  slot.dup = message.dup;
}

MessageView LatestSlots::front() const noexcept {
  const Slot& slot = unread_.front();
  MessageView message;
  message.topic = slot.topic;
  message.payload = slot.payload;
  message.receive_time_ns = slot.receive_time_ns;
  message.qos = slot.qos;
  message.retain = slot.retain;
  message.dup = slot.dup;
  message.properties = slot.has_properties ? &slot.properties : nullptr;
  return message;
}

void LatestSlots::pop() noexcept {
  const auto slot = unread_.begin();
  slot->unread = false;
  unread_bytes_ -= slot->bytes;
  read_.splice(read_.end(), unread_, slot);
}

bool LatestSlots::shrink(std::size_t budget) noexcept {
  while (bytes_ > budget && !read_.empty()) give_up(read_.begin());
  return bytes_ <= budget;
}

void LatestSlots::give_up(Slots::iterator slot) noexcept {
  bytes_ -= slot->bytes;
  topics_.erase(slot->topic);
  read_.erase(slot);
}

void LatestSlots::clear() noexcept {
  topics_.clear();
  unread_.clear();
  read_.clear();
  bytes_ = unread_bytes_ = 0;
}

}  // namespace honeyframe
