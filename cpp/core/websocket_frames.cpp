#include "websocket_frames.h"

#include <algorithm>
#include <cstring>
#include <string_view>

namespace honeyframe {
namespace {

constexpr unsigned kContinuation = 0;
constexpr unsigned kText = 1;
constexpr unsigned kBinary = 2;
constexpr unsigned kClose = 8;
constexpr unsigned kPing = 9;
constexpr unsigned kPong = 10;
constexpr std::uint8_t kFinal = 0x80;

constexpr std::string_view kAccepted = "HTTP/1.1 101";
constexpr std::string_view kEmptyLine = "\r\n\r\n";

// Of a final binary frame without a mask, then the packet's own.
constexpr std::size_t kLongestHeaders = 10 + 5;

std::size_t write_frame_header(char* to, std::uint64_t size) noexcept {
  to[0] = static_cast<char>(kFinal | kBinary);
  if (size < 126) {
    to[1] = static_cast<char>(size);
    return 2;
  }
  const std::size_t bytes = size < 65'536 ? 2 : 8;
  to[1] = static_cast<char>(bytes == 2 ? 126 : 127);
  for (std::size_t i = 0; i < bytes; ++i) to[2 + i] = static_cast<char>(size >> 8 * (bytes - 1 - i));
  return 2 + bytes;
}

}  // namespace

void WebSocketFrames::begin(std::uint8_t level, std::uint32_t maximum_packet, SentAgain* sent_again) noexcept {
  guard_.begin(level, maximum_packet, sent_again);
  maximum_ = maximum_packet;
}

void WebSocketFrames::refuse(PacketFault fault, std::uint64_t found, std::uint64_t limit) noexcept {
  refusal_ = {.fault = fault, .type = 0, .property = 0, .found = found, .limit = limit};
  end_ = End::refused;
}

WebSocketFrames::Moved WebSocketFrames::move(const char* from, std::size_t size, char* to, std::size_t room) noexcept {
  Way way{from, from + size, to, to + room};
  has_more_ = false;
  bool goes_on = true;
  while (goes_on && end_ == End::none) {
    if (ping_waits_ && is_between_packets()) {
      goes_on = give_ping(way);
    } else if (way.available() == 0) {
      break;
    } else {
      switch (part_) {
        case Part::answer:
          goes_on = move_answer(way);
          break;
        case Part::header:
          goes_on = move_header(way);
          break;
        case Part::control:
          goes_on = move_control(way);
          break;
        case Part::data:
          goes_on = move_data(way);
          break;
      }
    }
  }
  return {.taken = static_cast<std::size_t>(way.at - from), .given = static_cast<std::size_t>(way.to - to)};
}

// It stays where it is until it is whole: Paho wants it in one read, and nothing behind it.
bool WebSocketFrames::move_answer(Way& way) noexcept {
  const std::string_view bytes(way.at, way.available());
  const auto known = std::min(bytes.size(), kAccepted.size());
  const auto empty_line = bytes.find(kEmptyLine);
  const auto size = empty_line == std::string_view::npos ? bytes.size() : empty_line + kEmptyLine.size();
  if (bytes.substr(0, known) != kAccepted.substr(0, known) || size > kLongestAnswer) {
    end_ = End::not_upgraded;
    return false;
  }
  if (empty_line == std::string_view::npos) return false;
  if (way.room() < size) {
    has_more_ = true;
    return false;
  }
  std::memcpy(way.to, way.at, size);
  way.to += size;
  way.at += size;
  part_ = Part::header;
  has_more_ = way.available() > 0;
  return false;
}

bool WebSocketFrames::move_header(Way& way) noexcept {
  header_[header_size_++] = static_cast<std::uint8_t>(*way.at++);
  if (header_size_ < 2) return true;
  const unsigned length = header_[1] & 0x7FU;
  const std::size_t whole = 2U + (length == 126 ? 2U : length == 127 ? 8U : 0U);
  // The first two say most: what is wrong there is not waited for.
  if (header_size_ == 2) {
    if (const auto fault = fault_of_header(); fault != PacketFault::none) {
      refuse(fault, fault == PacketFault::frame_reserved_bits ? header_[0] & 0x70U : header_[0] & 0x0FU);
      return false;
    }
  }
  if (header_size_ == whole) begin_frame();
  return true;
}

PacketFault WebSocketFrames::fault_of_header() const noexcept {
  const unsigned opcode = header_[0] & 0x0FU;
  const bool is_final = (header_[0] & kFinal) != 0;
  if ((header_[0] & 0x70U) != 0) return PacketFault::frame_reserved_bits;
  if ((header_[1] & 0x80U) != 0) return PacketFault::frame_masked;
  switch (opcode) {
    case kClose:
    case kPing:
    case kPong:
      if (!is_final) return PacketFault::frame_control_split;
      return header_[1] > 125 ? PacketFault::frame_control_long : PacketFault::none;
    case kText:
      return PacketFault::frame_text;
    case kBinary:
      return in_message_ ? PacketFault::frame_interrupts_message : PacketFault::none;
    case kContinuation:
      return in_message_ ? PacketFault::none : PacketFault::frame_without_beginning;
    default:
      return PacketFault::frame_opcode;
  }
}

void WebSocketFrames::begin_frame() noexcept {
  const unsigned opcode = header_[0] & 0x0FU;
  frame_left_ = header_[1];
  if (header_size_ > 2) {
    frame_left_ = 0;
    for (std::size_t i = 2; i < header_size_; ++i) frame_left_ = frame_left_ << 8 | header_[i];
    if (frame_left_ < (header_size_ == 4 ? 126U : 65'536U)) return refuse(PacketFault::frame_length_padded);
    const auto most = (guard_.has_begun() ? maximum_ : 0) + kShared;
    if (frame_left_ > most) return refuse(PacketFault::frame_too_large, frame_left_, most);
  }
  if (opcode >= kClose) {
    part_ = Part::control;
    if (opcode == kPing) {  // of two that wait the last is answered
      ping_[0] = static_cast<char>(header_[0]);
      ping_[1] = static_cast<char>(header_[1]);
      ping_size_ = 2;
      ping_waits_ = false;
    }
  } else {
    part_ = Part::data;
    in_message_ = (header_[0] & kFinal) == 0;
  }
  if (frame_left_ == 0) end_frame();
}

void WebSocketFrames::end_frame() noexcept {
  const unsigned opcode = header_[0] & 0x0FU;
  if (opcode == kPing) ping_waits_ = true;
  if (opcode == kClose) end_ = End::closed;
  part_ = Part::header;
  header_size_ = 0;
}

bool WebSocketFrames::move_control(Way& way) noexcept {
  const auto bytes = std::min<std::size_t>(frame_left_, way.available());
  if ((header_[0] & 0x0FU) == kPing) {
    std::memcpy(ping_.data() + ping_size_, way.at, bytes);
    ping_size_ = static_cast<std::uint8_t>(ping_size_ + bytes);
  }
  way.at += bytes;
  frame_left_ -= bytes;
  if (frame_left_ == 0) end_frame();
  return true;
}

bool WebSocketFrames::give_ping(Way& way) noexcept {
  if (way.room() < ping_size_) {
    has_more_ = true;
    return false;
  }
  std::memcpy(way.to, ping_.data(), ping_size_);
  way.to += ping_size_;
  ping_waits_ = false;
  return true;
}

bool WebSocketFrames::move_data(Way& way) noexcept {
  const bool moved = packet_left_ > 0 ? give_packet(way) : take_packet_header(way);
  if (moved && frame_left_ == 0) end_frame();
  return moved;
}

bool WebSocketFrames::take_packet_header(Way& way) noexcept {
  if (way.room() < kLongestHeaders) {
    has_more_ = true;
    return false;
  }
  const auto byte = static_cast<std::uint8_t>(*way.at++);
  packet_header_[packet_header_size_++] = static_cast<char>(byte);
  --frame_left_;
  ++content_;
  const bool is_length = packet_header_size_ > 1;
  if (is_length) packet_left_ = 0;
  if (!is_length || ((byte & 0x80U) != 0 && packet_header_size_ < packet_header_.size())) return true;
  if (guard_.check(packet_header_.data(), packet_header_size_) < packet_header_size_) {
    refuse(PacketFault::before_connack);
    refusal_.type = static_cast<std::uint8_t>(packet_header_[0]) >> 4;
    if (guard_.refusal()) refusal_ = guard_.refusal();
    return false;
  }
  for (std::size_t i = 1; i < packet_header_size_; ++i)
    packet_left_ |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(packet_header_[i]) & 0x7FU) << 7 * (i - 1);
  const auto* const begin = way.to;
  way.to += write_frame_header(way.to, packet_header_size_ + packet_left_);
  std::memcpy(way.to, packet_header_.data(), packet_header_size_);
  way.to += packet_header_size_;
  unfinished_ = packet_left_ > 0 ? static_cast<std::uint64_t>(way.to - begin) : 0;
  packet_header_size_ = 0;
  return true;
}

bool WebSocketFrames::give_packet(Way& way) noexcept {
  const auto bytes =
      std::min({static_cast<std::size_t>(std::min(frame_left_, packet_left_)), way.available(), way.room()});
  if (bytes == 0) {
    has_more_ = true;
    return false;
  }
  content_ += bytes;
  if (guard_.check(way.at, bytes) < bytes) {
    refusal_ = guard_.refusal();
    end_ = End::refused;
    return false;
  }
  std::memcpy(way.to, way.at, bytes);
  way.to += bytes;
  way.at += bytes;
  frame_left_ -= bytes;
  packet_left_ -= bytes;
  unfinished_ = packet_left_ > 0 ? unfinished_ + bytes : 0;
  return true;
}

}  // namespace honeyframe
