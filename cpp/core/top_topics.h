#pragma once

// TopTopics: which topics a loss concerns most, in bounded memory (the space-saving algorithm: Metwally, Agrawal, El
// Abbadi, 2005). Up to kPlaces topics are counted exactly; beyond that whoever has more than a kPlaces-th of all is
// still among them, and a count tells the least that there were. Allocates nothing. One thread.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace honeyframe {

struct TopicCount {
  std::string topic;  // cut at TopTopics::kTextBytes
  std::uint64_t count = 0;
};

class TopTopics {
 public:
  static constexpr std::size_t kPlaces = 32;
  static constexpr std::size_t kTold = 5;
  static constexpr std::size_t kTextBytes = 128;

  void add(std::string_view topic, std::uint64_t count) noexcept;
  // The kTold largest, the largest first.
  [[nodiscard]] std::vector<TopicCount> top() const;

 private:
  struct Place {
    std::uint64_t inherited = 0;  // of its count: what may have been another topic's, which had the place before
    std::uint8_t size = 0;
    std::array<char, kTextBytes> text;
  };
  // Apart: they are searched for each message.
  std::array<std::uint64_t, kPlaces> hashes_{};
  std::array<std::uint64_t, kPlaces> counts_{};
  std::array<Place, kPlaces> places_;
  std::size_t used_ = 0;
  std::size_t last_ = 0;
};

// The first `bytes` of `text` at most, cut between characters.
[[nodiscard]] std::string_view cut_text(std::string_view text, std::size_t bytes) noexcept;

}  // namespace honeyframe
