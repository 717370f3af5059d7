#include "top_topics.h"

#include <algorithm>
#include <cstring>
#include <functional>

namespace honeyframe {

std::string_view cut_text(std::string_view text, std::size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  const auto continues = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U; };
  while (bytes > 0 && continues(bytes)) --bytes;
  return text.substr(0, bytes);
}

void TopTopics::add(std::string_view topic, std::uint64_t count) noexcept {
  const std::uint64_t hash = std::hash<std::string_view>{}(topic);
  std::size_t at = last_;  // the next message is often of the same topic
  if (at >= used_ || hashes_[at] != hash) {
    const auto end = hashes_.begin() + static_cast<std::ptrdiff_t>(used_);
    at = static_cast<std::size_t>(std::find(hashes_.begin(), end, hash) - hashes_.begin());
  }
  if (at == used_) {
    if (used_ < kPlaces) {
      ++used_;
    } else {
      at = static_cast<std::size_t>(std::min_element(counts_.begin(), counts_.end()) - counts_.begin());
    }
    Place& place = places_[at];
    const std::string_view text = cut_text(topic, kTextBytes);
    std::memcpy(place.text.data(), text.data(), text.size());
    place.size = static_cast<std::uint8_t>(text.size());
    place.inherited = counts_[at];
    hashes_[at] = hash;
  }
  counts_[at] += count;
  last_ = at;
}

std::vector<TopicCount> TopTopics::top() const {
  std::vector<TopicCount> top;
  for (std::size_t i = 0; i < used_; ++i) {
    const Place& place = places_[i];
    top.push_back({std::string(place.text.data(), place.size), counts_[i] - place.inherited});
  }
  std::stable_sort(top.begin(), top.end(),
                   [](const TopicCount& one, const TopicCount& other) { return one.count > other.count; });
  if (top.size() > kTold) top.resize(kTold);
  return top;
}

}  // namespace honeyframe
