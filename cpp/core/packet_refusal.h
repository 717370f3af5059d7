#pragma once

// PacketRefusal: why bytes of the broker's were not handed to Paho. Made by the guards on Paho's receive thread,
// without allocating; turned into words where somebody asks. A plain value.

#include <cstdint>
#include <string>
#include <string_view>

namespace honeyframe {

enum class PacketFault : std::uint8_t {
  none,
  // The fixed header. `found` and `limit` are what the texts show.
  not_from_a_broker,  // a type that only clients send, or nobody
  not_in_this_version,
  not_asked_for,  // AUTH
  alias_not_allowed,
  before_connack,
  second_connack,
  flags,
  qos_3,
  length_of_five_bytes,
  length_padded,
  too_large,
  wrong_length,
  too_short,
  // What is within.
  topic_length,
  packet_id_zero,
  acknowledge_flags,
  property_length,
  property_length_padded,
  property_unknown,
  property_misplaced,
  property_twice,
  property_cut,
  property_value,
  left_over,
  codes,
  // WebSocket frames.
  frame_masked,
  frame_reserved_bits,
  frame_opcode,
  frame_text,
  frame_control_split,
  frame_control_long,
  frame_without_beginning,
  frame_interrupts_message,
  frame_length_padded,
  frame_too_large,  // keep last: faults are counted up to here
};

// The enumerator's own name.
[[nodiscard]] std::string_view to_string(PacketFault fault) noexcept;
// "PUBLISH" for 3.
[[nodiscard]] std::string_view packet_name(std::uint8_t type) noexcept;

struct PacketRefusal {
  PacketFault fault = PacketFault::none;
  std::uint8_t type = 0;      // of the packet, 0 to 15
  std::uint8_t property = 0;  // its identifier, where the fault is one's
  std::uint64_t found = 0;
  std::uint64_t limit = 0;

  [[nodiscard]] explicit operator bool() const noexcept { return fault != PacketFault::none; }
  // "the broker sent a malformed PUBLISH: property length 300 exceeds the packet's 12 bytes". Allocates.
  [[nodiscard]] std::string text() const;
  // What to do. Allocates.
  [[nodiscard]] std::string hint() const;
};

}  // namespace honeyframe
