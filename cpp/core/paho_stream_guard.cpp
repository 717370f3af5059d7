// PahoStream's side towards the guards: what Paho writes first says what is to be expected, and what is read passes
// them.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>

#include "connect_packet.h"
#include "packet_watch.h"
#include "paho_stream.h"
#include "websocket_frames.h"

namespace honeyframe {
namespace {

// So much at once that is nothing for Paho, such as pongs, is sent to keep others waiting.
constexpr std::size_t kMostOfNothing = 1024UL * 1024;

}  // namespace

// What the system has given and the frames not taken yet.
class FramedBytes {
 public:
  WebSocketFrames frames;
  std::size_t held = 0;  // see fill_from_frames()

  // Into `to`; 0 where more bytes are needed, or frames.end() says why.
  std::size_t move(char* to, std::size_t room) noexcept {
    const auto moved = frames.move(bytes_.data() + begin_, end_ - begin_, to, room);
    begin_ += moved.taken;
    return moved.given;
  }
  // Where more may be put, at most `room()`.
  [[nodiscard]] char* free() noexcept {
    if (begin_ > 0) {
      std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    return bytes_.data() + end_;
  }
  [[nodiscard]] std::size_t room() const noexcept { return bytes_.size() - end_; }
  void added(std::size_t bytes) noexcept { end_ += bytes; }

 private:
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::array<char, PahoStream::kCapacity> bytes_;  // NOLINT(cppcoreguidelines-pro-type-member-init): as far as end_
};

PahoStream::PahoStream() noexcept = default;
PahoStream::~PahoStream() = default;

void PahoStream::clear_guard() noexcept {
  guard_ = PacketGuard();
  frames_.reset();
  detach_from_gate();
  watch_.reset();
  spoken_.store(false, std::memory_order_release);
}

bool PahoStream::frames_have_more() const noexcept {
  return frames_->frames.has_more();
}

void PahoStream::set_peer(const std::string& host, std::uint16_t port) noexcept {
  const std::lock_guard lock(lock_);
  try {
    host_ = host;
  } catch (const std::bad_alloc&) {
    host_.clear();
  }
  port_ = port;
}

// Until CONNECT has passed. Paho writes it in one piece, and repeats it from its beginning where there was no room.
void PahoStream::look_at_write(const iovec* pieces, int count) noexcept {
  switch (kind_of_write(pieces, count, frames_ != nullptr)) {
    case FirstWrite::upgrade:
      return begin_frames();
    case FirstWrite::connect:
      return begin_packets(pieces, count);
    case FirstWrite::other:
      return;
  }
}

void PahoStream::begin_frames() noexcept {
  if (frames_ != nullptr) return;
  frames_.reset(new (std::nothrow) FramedBytes);
  if (frames_ == nullptr) return cut(ENOMEM);
  begin_ = end_ = 0;  // a proxy has said more than its answer
}

void PahoStream::begin_packets(const iovec* pieces, int count) noexcept {
  const auto connect = read_connect(pieces, count, frames_ != nullptr);
  if (connect.level == 0) return cut(EPROTO);  // what cannot be read cannot be checked
  detach_from_gate();
  watch_ = PacketWatch::find(connect.client_id, host_, port_);
  if (watch_ != nullptr && watch_->gate() != nullptr && frames_ == nullptr) watch_->gate()->attach(*this);
  traffic_.belongs_to(watch_ == nullptr ? nullptr : watch_->traffic());
  const auto maximum = watch_ == nullptr ? kDefaultMaximumPacket : watch_->maximum_packet();
  SentAgain* const sent_again = watch_ == nullptr ? nullptr : &watch_->sent_again();
  if (frames_ != nullptr) {
    frames_->frames.begin(connect.level, maximum, sent_again);
  } else {
    guard_.begin(connect.level, maximum, sent_again);
    if (end_ > begin_) end_ = begin_ + let_through(buffer_ + begin_, end_ - begin_);  // came before it was asked for
  }
  spoken_.store(true, std::memory_order_release);
}

std::size_t PahoStream::let_through(const char* bytes, std::size_t size) noexcept {
  if (!guard_.has_begun()) return size;  // what a proxy answers
  traffic_.received_mqtt(size);
  const auto good = guard_.check(bytes, size);
  if (good < size) refuse(guard_.refusal());
  return good;
}

void PahoStream::count_sent(const iovec* pieces, int count, std::size_t size) noexcept {
  if (tls_ == nullptr) traffic_.sent(size);
  if (!spoken_.load(std::memory_order_acquire)) return;
  if (frames_ != nullptr) {
    traffic_.sent_frames(pieces, count, size);
  } else {
    traffic_.sent_mqtt(size);
  }
}

// A connection that came to no CONNECT is counted for whoever wants to be connected there.
void PahoStream::end_traffic() noexcept {
  if (!traffic_.is_empty()) {
    const auto watch = PacketWatch::find_address(host_, port_);
    traffic_.belongs_to(watch == nullptr ? nullptr : watch->traffic());
  }
  traffic_.clear();
}

void PahoStream::refuse(const PacketRefusal& refusal) noexcept {
  if (!cut_ && watch_ != nullptr) watch_->refuse(refusal);
  cut(EPROTO);
}

void PahoStream::cut(int error) noexcept {
  cut_ = ended_ = true;
  tls_has_more_ = false;
  error_ = error;
  set_readable();
}

// Packets are given when they are whole, if the buffer can hold them: Paho keeps half a frame for the whole process,
// and would take it for the beginning of what the next connection brings.
template <typename Receive>
ssize_t PahoStream::fill_from_frames(Receive receive) noexcept {
  if (!have_buffer()) cut(ENOMEM);
  auto& held = frames_->held;  // behind end_: of a packet that is not whole
  if (held > 0 && end_ > 0) std::memmove(buffer_, buffer_ + end_, held);
  begin_ = end_ = 0;
  for (std::size_t received = 0; !cut_;) {
    const auto all = held + frames_->move(buffer_ + held, kCapacity - held);
    traffic_.received_mqtt(frames_->frames.take_content());
    const auto unfinished = frames_->frames.unfinished();
    // More than there is: its beginning has been given already.
    held = unfinished < all || (unfinished == all && all < kCapacity) ? static_cast<std::size_t>(unfinished) : 0;
    end_ = all - held;
    end_frames();
    if (end_ > 0) return static_cast<ssize_t>(end_);
    if (cut_) break;
    auto* const to = frames_->free();
    const auto got = receive(to, frames_->room());
    if (got <= 0) return got;
    frames_->added(static_cast<std::size_t>(got));
    received += static_cast<std::size_t>(got);
    if (received > kMostOfNothing) cut(EPROTO);
  }
  errno = error_;
  return -1;
}

// Where the frames have come to one.
void PahoStream::end_frames() noexcept {
  switch (frames_->frames.end()) {
    case WebSocketFrames::End::none:
      return;
    case WebSocketFrames::End::refused:
      return refuse(frames_->frames.refusal());
    case WebSocketFrames::End::closed:
      return cut(ECONNRESET);
    case WebSocketFrames::End::not_upgraded:
      return cut(EPROTO);
  }
}

// Short where it need not be: Paho takes the answer to GET for all that a read gives. And an error is told as an end:
// Paho's WebSocket code takes an error for something that is still to come, and would ask for ever.
ssize_t PahoStream::read_frames(int descriptor, void* to, std::size_t size) noexcept {
  ssize_t got = 0;
  if (begin_ == end_ && size > 0 && !ended_) {
    got = fill_from_frames([&](char* into, std::size_t room) { return fill(descriptor, into, room); });
  }
  if (ended_) got = 0;
  const auto copied = take(to, size);
  set_readable();
  return copied > 0 || size == 0 ? static_cast<ssize_t>(copied) : got;
}

int PahoStream::read_frames_tls(SSL* tls, void* to, std::size_t size) noexcept {
  ssize_t got = 0;
  if (begin_ == end_ && size > 0 && !ended_) {
    got = fill_from_frames([&](char* into, std::size_t room) -> ssize_t { return receive_tls(tls, into, room); });
  }
  if (ended_) got = 0;
  const auto copied = take(to, size);
  set_readable();
  return copied > 0 ? static_cast<int>(copied) : static_cast<int>(got);
}

}  // namespace honeyframe
