#pragma once

// A second opinion on a broker's packets, written apart from PacketGuard: it has the whole packet, and reads it from
// front to back. And packets to have an opinion on.

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace honeyframe::testing {

// Whether `packet` is one whole packet that a broker may send behind CONNACK, or CONNACK itself.
[[nodiscard]] bool is_well_formed(std::string_view packet, int level);

// A fixed header before `body`.
[[nodiscard]] std::string framed(int first_byte, std::string_view body);
// A 16-bit length before `text`.
[[nodiscard]] std::string sized(std::string_view text);
// Their length before the properties.
[[nodiscard]] std::string with_length(std::string_view properties);

// Packets that are good, or were.
class PacketSource {
 public:
  explicit PacketSource(std::uint32_t seed) : random_(seed) {}
  [[nodiscard]] std::string good(int level);
  // Something of it changed: bytes, lengths, its end.
  [[nodiscard]] std::string spoiled(int level);
  [[nodiscard]] std::uint32_t below(std::uint32_t limit) { return static_cast<std::uint32_t>(random_() % limit); }

 private:
  [[nodiscard]] std::string properties(int type);
  std::mt19937 random_;
};

}  // namespace honeyframe::testing
