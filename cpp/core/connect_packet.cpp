#include "connect_packet.h"

#include <array>
#include <cstddef>
#include <new>
#include <string_view>

namespace honeyframe {
namespace {

constexpr std::uint8_t kConnectHeader = 0x10;

// The bytes of a write, one after the other; unmasked where they are in a frame.
class WrittenBytes {
 public:
  WrittenBytes(const iovec* pieces, int count, bool framed) noexcept : pieces_(pieces), count_(count) {
    if (framed) open_frame();
  }

  // 0 beyond the end.
  std::uint8_t byte() noexcept {
    const auto raw = raw_byte();
    return masked_ ? static_cast<std::uint8_t>(raw ^ mask_[masked_bytes_++ % mask_.size()]) : raw;
  }
  unsigned two_bytes() noexcept {
    const unsigned high = byte();
    return high << 8 | byte();
  }
  std::uint32_t variable() noexcept {
    std::uint32_t number = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const auto next = byte();
      number |= (next & 0x7FU) << shift;
      if ((next & 0x80U) == 0) break;
    }
    return number;
  }
  void skip(std::size_t bytes) noexcept {
    for (; bytes > 0 && !ended_; --bytes) byte();
  }
  // There were fewer than were asked for.
  [[nodiscard]] bool ended() const noexcept { return ended_; }
  // Not so of a pong.
  [[nodiscard]] bool is_binary() const noexcept { return is_binary_; }

 private:
  std::uint8_t raw_byte() noexcept {
    while (piece_ < count_ && at_ == pieces_[piece_].iov_len) {
      ++piece_;
      at_ = 0;
    }
    if (piece_ >= count_) {
      ended_ = true;
      return 0;
    }
    return static_cast<const std::uint8_t*>(pieces_[piece_].iov_base)[at_++];
  }
  void open_frame() noexcept {
    is_binary_ = (raw_byte() & 0x0FU) == 2;
    const unsigned length = raw_byte();
    for (unsigned more = (length & 0x7FU) == 126 ? 2 : (length & 0x7FU) == 127 ? 8 : 0; more > 0; --more) raw_byte();
    if ((length & 0x80U) == 0) return;
    for (auto& part : mask_) part = raw_byte();
    masked_ = true;
  }

  const iovec* const pieces_;
  const int count_;
  int piece_ = 0;
  std::size_t at_ = 0;
  bool ended_ = false;
  bool is_binary_ = true;
  bool masked_ = false;
  std::array<std::uint8_t, 4> mask_{};
  std::size_t masked_bytes_ = 0;
};

}  // namespace

FirstWrite kind_of_write(const iovec* pieces, int count, bool framed) noexcept {
  WrittenBytes bytes(pieces, count, framed);
  const auto first = bytes.byte();
  if (bytes.ended() || !bytes.is_binary()) return FirstWrite::other;
  if (first == kConnectHeader) return FirstWrite::connect;
  const bool is_get = !framed && first == 'G' && bytes.byte() == 'E' && bytes.byte() == 'T' && bytes.byte() == ' ';
  return is_get ? FirstWrite::upgrade : FirstWrite::other;
}

ConnectPacket read_connect(const iovec* pieces, int count, bool framed) noexcept {
  ConnectPacket packet;
  WrittenBytes bytes(pieces, count, framed);
  bytes.byte();
  static_cast<void>(bytes.variable());
  const auto name = bytes.two_bytes();
  std::array<char, 6> letters{};
  if (name != 4 && name != letters.size()) return packet;
  for (unsigned i = 0; i < name; ++i) letters[i] = static_cast<char>(bytes.byte());
  const std::string_view protocol(letters.data(), name);
  const auto level = bytes.byte();
  const bool is_known = (protocol == "MQTT" && (level == 4 || level == 5)) || (protocol == "MQIsdp" && level == 3);
  bytes.skip(3);  // flags, keepalive
  if (level == 5) bytes.skip(bytes.variable());
  const auto size = bytes.two_bytes();
  if (!is_known || bytes.ended()) return packet;
  packet.level = level;
  try {
    packet.client_id.reserve(size);
    for (unsigned i = 0; i < size; ++i) packet.client_id += static_cast<char>(bytes.byte());
  } catch (const std::bad_alloc&) {
    packet.client_id.clear();
  }
  return packet;
}

}  // namespace honeyframe
