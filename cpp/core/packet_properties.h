#pragma once

// The properties of MQTT 5.0, table 2-4, as far as a broker sends them: how each is encoded, and where it may stand.
// Constants.

#include <array>
#include <cstdint>

namespace honeyframe {

enum class PropertyKind : std::uint8_t { none, flag, byte, two_bytes, four_bytes, variable, text, pair };

struct PropertyRule {
  PropertyKind kind = PropertyKind::none;
  std::uint16_t packets = 0;  // a bit for each packet type
  bool may_repeat = false;
  bool may_be_zero = true;  // numbers

  [[nodiscard]] constexpr bool belongs_to(unsigned type) const noexcept { return (packets >> type & 1U) != 0; }
};

inline constexpr std::uint8_t kLastProperty = 0x2A;
inline constexpr std::uint8_t kTopicAliasProperty = 0x23;

namespace packet_bits {
inline constexpr std::uint16_t kConnack = 1U << 2;
inline constexpr std::uint16_t kPublish = 1U << 3;
inline constexpr std::uint16_t kDisconnect = 1U << 14;
// PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK.
inline constexpr std::uint16_t kAnswers = 0x0F0U | 1U << 9 | 1U << 11;
}  // namespace packet_bits

// By identifier. Those that only a client sends are none here.
inline constexpr auto kPropertyRules = [] {
  using namespace packet_bits;
  using Kind = PropertyKind;
  std::array<PropertyRule, kLastProperty + 1> rules{};
  rules[0x01] = {Kind::byte, kPublish};
  rules[0x02] = {Kind::four_bytes, kPublish};
  rules[0x03] = {Kind::text, kPublish};
  rules[0x08] = {Kind::text, kPublish};
  rules[0x09] = {Kind::text, kPublish};  // binary data, which is encoded alike
  rules[0x0B] = {Kind::variable, kPublish, true, false};
  rules[0x11] = {Kind::four_bytes, kConnack | kDisconnect};
  rules[0x12] = {Kind::text, kConnack};
  rules[0x13] = {Kind::two_bytes, kConnack};
  rules[0x15] = {Kind::text, kConnack};
  rules[0x16] = {Kind::text, kConnack};
  rules[0x1A] = {Kind::text, kConnack};
  rules[0x1C] = {Kind::text, kConnack | kDisconnect};
  rules[0x1F] = {Kind::text, kConnack | kAnswers | kDisconnect};
  rules[0x21] = {Kind::two_bytes, kConnack, false, false};
  rules[0x22] = {Kind::two_bytes, kConnack};
  rules[kTopicAliasProperty] = {Kind::two_bytes, kPublish};
  rules[0x24] = {Kind::flag, kConnack};
  rules[0x25] = {Kind::flag, kConnack};
  rules[0x26] = {Kind::pair, kConnack | kPublish | kAnswers | kDisconnect, true};
  rules[0x27] = {Kind::four_bytes, kConnack, false, false};
  rules[0x28] = {Kind::flag, kConnack};
  rules[0x29] = {Kind::flag, kConnack};
  rules[0x2A] = {Kind::flag, kConnack};
  return rules;
}();

}  // namespace honeyframe
