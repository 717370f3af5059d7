#include "quarantine.h"

#include <utility>

namespace honeyframe {
namespace {

std::size_t size_of(const QuarantineEntry& entry) noexcept {
  return sizeof entry + entry.topic.size() + entry.message.size() + entry.payload.size();
}

}  // namespace

std::size_t Quarantine::add(QuarantineEntry entry) {
  const std::size_t size = size_of(entry);
  entries_.push_back(std::move(entry));
  bytes_ += size;
  std::size_t evicted = 0;
  for (; !entries_.empty() && (entries_.size() > max_messages_ || bytes_ > max_bytes_); ++evicted) {
    bytes_ -= size_of(entries_.front());
    entries_.pop_front();
  }
  return evicted;
}

}  // namespace honeyframe
