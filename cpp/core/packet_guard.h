#pragma once

// PacketGuard: looks at what a broker sends before Paho does, whose parser trusts the lengths that it reads. It is
// given the bytes of one connection in their order, in any pieces, keeps none of them and allocates nothing. Paho
// parses a packet once it has the last byte: so it is enough that no packet's last byte goes on unchecked, and that no
// header does, whose length Paho allocates.
//
// Checked: the fixed header, the size, every length within, packet identifiers, and MQTT 5 properties by type, place
// and number. Not looked at: what texts say (the queue rejects and counts topics that are none), reason codes,
// payloads. Stricter than MQTT only where this client did not ask: AUTH, topic aliases, more than one code in SUBACK or
// UNSUBACK.
//
// One for each connection, owned by its stream, which guards it.

#include <cstddef>
#include <cstdint>

#include "packet_refusal.h"
#include "sent_again.h"

namespace honeyframe {

// The protocol level in CONNECT.
inline constexpr std::uint8_t kLevel31 = 3;
inline constexpr std::uint8_t kLevel311 = 4;
inline constexpr std::uint8_t kLevel5 = 5;

class PacketGuard {
 public:
  // CONNECT has been written: what comes is its answer. `maximum_packet` in bytes, with the fixed header. `sent_again`,
  // which may be null, outlives the guard.
  void begin(std::uint8_t level, std::uint32_t maximum_packet, SentAgain* sent_again = nullptr) noexcept;
  // Nothing is checked before begin(), and nothing passes.
  [[nodiscard]] bool has_begun() const noexcept { return level_ != 0; }

  // How many of these bytes may go on: all, or those before the packet that is refused (none where it began earlier).
  // After a refusal nothing does.
  [[nodiscard]] std::size_t check(const char* bytes, std::size_t size) noexcept;
  [[nodiscard]] const PacketRefusal& refusal() const noexcept { return refusal_; }
  // No packet has begun and not ended.
  [[nodiscard]] bool is_between_packets() const noexcept { return step_ == Step::header; }

 private:
  enum class Step : std::uint8_t {
    header,
    length,
    acknowledge_flags,
    code,
    topic_length,
    topic,
    packet_id,
    property_length,
    property,
    property_number,
    property_variable,
    text_length,
    text,
    rest,  // a payload, or codes
  };

  const std::uint8_t* pass_publishes(const std::uint8_t* at, const std::uint8_t* end,
                                     const std::uint8_t*& packet) noexcept;
  void take(std::uint8_t byte) noexcept;
  const std::uint8_t* skip(const std::uint8_t* at, const std::uint8_t* end) noexcept;
  void begin_packet(std::uint8_t header) noexcept;
  void take_length(std::uint8_t byte) noexcept;
  void begin_body() noexcept;
  void take_number(std::uint8_t byte) noexcept;
  void number_ends() noexcept;
  void topic_ends() noexcept;
  void packet_id_ends() noexcept;
  void code_ends() noexcept;
  void take_property_length(std::uint8_t byte) noexcept;
  void begin_property(std::uint8_t identifier) noexcept;
  void take_variable(std::uint8_t byte) noexcept;
  void check_value() noexcept;
  void begin_text() noexcept;
  void text_ends() noexcept;
  void property_ends() noexcept;
  void properties_end() noexcept;
  void begin_number(Step step, std::uint8_t bytes) noexcept;
  void begin_skip(Step step, std::uint32_t bytes) noexcept;
  void begin_properties() noexcept;
  void begin_rest() noexcept;
  void end_packet() noexcept { step_ = Step::header; }
  void refuse(PacketFault fault, std::uint64_t found = 0, std::uint64_t limit = 0) noexcept;
  void refuse_property(PacketFault fault, std::uint64_t found = 0, std::uint64_t limit = 0) noexcept;
  [[nodiscard]] bool is_v5() const noexcept { return level_ >= kLevel5; }
  [[nodiscard]] unsigned qos() const noexcept { return header_ >> 1 & 3U; }
  [[nodiscard]] bool in_properties() const noexcept { return step_ >= Step::property && step_ <= Step::text; }

  std::uint8_t level_ = 0;
  Step step_ = Step::header;
  std::uint8_t header_ = 0;
  std::uint8_t type_ = 0;
  bool connected_ = false;        // CONNACK has been seen
  std::uint8_t number_left_ = 0;  // bytes of the number
  std::uint8_t number_size_ = 0;  // bytes of a variable one so far
  std::uint8_t property_ = 0;
  bool second_text_ = false;  // of a pair: one more comes
  std::uint32_t number_ = 0;
  std::uint32_t skip_ = 0;             // bytes of a text, a payload
  std::uint32_t left_ = 0;             // of the packet
  std::uint32_t properties_left_ = 0;  // of the properties
  std::uint32_t maximum_ = 0;
  std::uint64_t seen_ = 0;  // properties, a bit for each identifier
  SentAgain* sent_again_ = nullptr;
  PacketRefusal refusal_;
};

}  // namespace honeyframe
