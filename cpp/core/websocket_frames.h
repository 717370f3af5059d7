#pragma once

// WebSocketFrames: the way from a server's WebSocket frames to Paho's. Paho loses count where a message comes in
// pieces, where a ping stands between them, and where an answer and a frame come in one read; and the guard needs
// packets. So the frames are taken apart, the packets checked, and each handed on in a frame of its own, as soon as its
// length is known. Pings wait for the end of a packet, and are answered by Paho; pongs end here; a close is the
// connection's end.
//
// Owned by a connection's stream, which guards it. Allocates nothing.

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "packet_guard.h"

namespace honeyframe {

class WebSocketFrames {
 public:
  // A longer answer to GET ends the connection. Paho itself takes about a kilobyte.
  static constexpr std::size_t kLongestAnswer = 8UL * 1024;
  // What a frame may have beyond one packet's size: packets may share it.
  static constexpr std::uint64_t kShared = 64UL * 1024;

  enum class End : std::uint8_t {
    none,
    refused,       // see refusal()
    closed,        // the server said so
    not_upgraded,  // the answer to GET is no, or no HTTP. Nothing is counted: the session looks itself
  };

  // CONNECT has been written.
  void begin(std::uint8_t level, std::uint32_t maximum_packet, SentAgain* sent_again = nullptr) noexcept;

  struct Moved {
    std::size_t taken = 0;  // of `from`: the rest is given again, with what has come behind it
    std::size_t given = 0;  // to `to`
  };
  // From a server's bytes to Paho's. The answer to GET is taken when it is whole, and given alone.
  [[nodiscard]] Moved move(const char* from, std::size_t size, char* to, std::size_t room) noexcept;

  // After which nothing is taken.
  [[nodiscard]] End end() const noexcept { return end_; }
  [[nodiscard]] const PacketRefusal& refusal() const noexcept { return refusal_; }
  // How many of the bytes given so far belong to a packet that is not whole yet.
  [[nodiscard]] std::uint64_t unfinished() const noexcept { return unfinished_; }
  // How many bytes of data frames' content were taken since the last call: of the packets, not of what frames them.
  [[nodiscard]] std::uint64_t take_content() noexcept { return std::exchange(content_, 0); }
  // The last move() stopped for want of room, or behind the answer: there may be more in what it did not take.
  [[nodiscard]] bool has_more() const noexcept { return has_more_; }

 private:
  enum class Part : std::uint8_t { answer, header, control, data };

  // What is left of both sides, within move().
  struct Way {
    const char* at;
    const char* end;
    char* to;
    char* room_end;
    [[nodiscard]] std::size_t available() const noexcept { return static_cast<std::size_t>(end - at); }
    [[nodiscard]] std::size_t room() const noexcept { return static_cast<std::size_t>(room_end - to); }
  };

  // Each: false where it can do nothing more for now.
  bool move_answer(Way& way) noexcept;
  bool move_header(Way& way) noexcept;
  bool move_control(Way& way) noexcept;
  bool move_data(Way& way) noexcept;
  bool give_ping(Way& way) noexcept;
  bool take_packet_header(Way& way) noexcept;
  bool give_packet(Way& way) noexcept;
  void begin_frame() noexcept;
  [[nodiscard]] PacketFault fault_of_header() const noexcept;
  void refuse(PacketFault fault, std::uint64_t found = 0, std::uint64_t limit = 0) noexcept;
  void end_frame() noexcept;
  [[nodiscard]] bool is_between_packets() const noexcept { return packet_left_ == 0 && packet_header_size_ == 0; }

  PacketGuard guard_;
  std::uint32_t maximum_ = 0;
  Part part_ = Part::answer;
  End end_ = End::none;
  bool has_more_ = false;
  bool in_message_ = false;  // frames of one message are still to come
  bool ping_waits_ = false;
  std::uint8_t header_size_ = 0;
  std::uint8_t ping_size_ = 0;
  std::uint8_t packet_header_size_ = 0;
  std::array<std::uint8_t, 10> header_{};  // of the server's frame
  std::array<char, 127> ping_{};           // as it goes on: a whole frame
  std::array<char, 5> packet_header_{};    // of an MQTT packet
  std::uint64_t frame_left_ = 0;
  std::uint64_t packet_left_ = 0;
  std::uint64_t unfinished_ = 0;
  std::uint64_t content_ = 0;
  PacketRefusal refusal_;
};

}  // namespace honeyframe
