#include "topic_order.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace honeyframe {
namespace {

constexpr std::size_t kKeyBytes = sizeof(std::uint64_t);

struct Entry {
  std::uint64_t key;
  std::uint32_t place;
};

// The end of a topic comes first, then '/', then all others as they are. No topic holds a NUL.
std::uint64_t rank(char c) noexcept {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '/' ? 1U : byte < '/' ? byte + 1U : byte;
}

std::uint64_t key_at(std::string_view topic, std::size_t begin) noexcept {
  std::uint64_t key = 0;
  for (std::size_t i = begin; i < begin + kKeyBytes; ++i) key = key << 8U | (i < topic.size() ? rank(topic[i]) : 0U);
  return key;
}

}  // namespace

void sort_topics(const std::vector<std::string_view>& topics, std::vector<std::uint32_t>& order) {
  struct Range {
    std::size_t begin;
    std::size_t end;
    std::size_t at;  // so many bytes are alike
  };
  std::vector<Entry> entries(topics.size());
  for (std::size_t i = 0; i < entries.size(); ++i) entries[i].place = static_cast<std::uint32_t>(i);
  std::vector<Range> open{{0, entries.size(), 0}};
  while (!open.empty()) {
    const Range range = open.back();
    open.pop_back();
    const auto first = entries.begin() + static_cast<std::ptrdiff_t>(range.begin);
    const auto last = entries.begin() + static_cast<std::ptrdiff_t>(range.end);
    for (auto entry = first; entry != last; ++entry) entry->key = key_at(topics[entry->place], range.at);
    std::sort(first, last, [](const Entry& one, const Entry& other) { return one.key < other.key; });
    for (std::size_t begin = range.begin; begin < range.end;) {
      std::size_t end = begin + 1;
      while (end < range.end && entries[end].key == entries[begin].key) ++end;
      const bool goes_on = (entries[begin].key & 0xFFU) != 0;  // else the same topic twice, which nobody has
      if (end - begin > 1 && goes_on) open.push_back({begin, end, range.at + kKeyBytes});
      begin = end;
    }
  }
  order.resize(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) order[i] = entries[i].place;
}

}  // namespace honeyframe
