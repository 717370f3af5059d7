#include "paho_stream.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <mutex>
#include <new>

namespace honeyframe {
namespace {

constexpr std::size_t kChunk = 64;
constexpr std::size_t kChunks = 16'384;  // 1,048,576 descriptors
// With less than this written since, there is still room: a socket counts as writable with a third of its buffer free.
constexpr std::size_t kSmallWrites = 2'048;

std::array<std::atomic<PahoStream*>, kChunks> chunks;

thread_local std::int64_t read_time = 0;

}  // namespace

PahoStream* PahoStream::of(int descriptor) noexcept {
  const auto number = static_cast<std::size_t>(descriptor);
  if (descriptor < 0 || number >= kChunk * kChunks) return nullptr;
  auto& slot = chunks[number / kChunk];
  auto* chunk = slot.load(std::memory_order_acquire);
  if (chunk == nullptr) {
    auto* const made = new (std::nothrow) PahoStream[kChunk];  // leaked: a poll may look at it at any time
    if (made == nullptr) return nullptr;
    if (slot.compare_exchange_strong(chunk, made, std::memory_order_acq_rel)) {
      chunk = made;
    } else {
      delete[] made;
    }
  }
  return chunk + number % kChunk;
}

void PahoStream::forget() noexcept {
  const std::lock_guard lock(lock_);
  std::free(buffer_);
  buffer_ = nullptr;
  begin_ = end_ = written_ = 0;
  end_traffic();
  clear_end();
  clear_guard();
  host_.clear();
  port_ = 0;
  set_readable();
  connecting_ = false;
  room_ = false;
  unwritten_ = false;
  forget_answers();
}

void PahoStream::clear_end() noexcept {
  tls_has_more_ = reads_ahead_ = ended_ = cut_ = false;
  write_failed_ = false;
  error_ = write_error_ = 0;
}

void PahoStream::set_readable() noexcept {
  const bool has_some = begin_ < end_ || tls_has_more_ || (frames_ != nullptr && frames_have_more());
  readable_.store(has_some || ended_ || write_failed_, std::memory_order_release);
}

std::size_t PahoStream::kept() const noexcept {
  const std::lock_guard lock(lock_);
  return end_ - begin_;
}

std::size_t PahoStream::take(void* to, std::size_t size) noexcept {
  const auto bytes = std::min(size, end_ - begin_);
  if (bytes == 0) return 0;
  std::memcpy(to, buffer_ + begin_, bytes);
  begin_ += bytes;
  return bytes;
}

std::int64_t PahoStream::read_time_ns() noexcept {
  return read_time;
}

void PahoStream::note_read_time() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  read_time = static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

bool PahoStream::have_buffer() noexcept {
  if (buffer_ == nullptr) buffer_ = static_cast<char*>(std::malloc(kCapacity));
  return buffer_ != nullptr;
}

// recv() of at least one byte, checked; remembers how the connection ended.
ssize_t PahoStream::fill(int descriptor, char* to, std::size_t size) noexcept {
  ssize_t got = 0;
  do {
    got = recv(descriptor, to, size, 0);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    note_read_time();
    traffic_.received(static_cast<std::size_t>(got));
  }
  if (write_failed_ && got < 0) errno = write_error_;
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) {
    ended_ = true;
    error_ = got == 0 ? 0 : errno;
  }
  if (got <= 0 || frames_ != nullptr) return got;
  const auto good = let_through(to, static_cast<std::size_t>(got));
  errno = error_;
  return good > 0 ? static_cast<ssize_t>(good) : -1;
}

ssize_t PahoStream::read(int descriptor, void* to, std::size_t size) noexcept {
  const std::lock_guard lock(lock_);
  if (frames_ != nullptr) return read_frames(descriptor, to, size);
  auto copied = take(to, size);
  ssize_t got = 0;
  if (copied < size && !ended_) {
    auto* const rest = static_cast<char*>(to) + copied;
    const auto wanted = size - copied;
    if (wanted >= kCapacity || !have_buffer()) {
      got = fill(descriptor, rest, wanted);
      if (got > 0) copied += static_cast<std::size_t>(got);
    } else {
      got = fill(descriptor, buffer_, kCapacity);
      begin_ = 0;
      end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
      copied += take(rest, wanted);
    }
  } else if (copied < size && copied == 0) {
    errno = error_;
    got = error_ == 0 ? 0 : -1;
  }
  set_readable();
  return copied > 0 || size == 0 ? static_cast<ssize_t>(copied) : got;
}

ssize_t PahoStream::write(int descriptor, const iovec* pieces, int count) noexcept {
  std::size_t total = 0;
  for (int i = 0; i < count; ++i) total += pieces[i].iov_len;
  const std::lock_guard lock(lock_);
  descriptor_ = descriptor;
  if (!spoken_.load(std::memory_order_acquire)) look_at_write(pieces, count);
  // Neither the other half of something, nor a DISCONNECT, which would call off the will.
  if (write_failed_ || cut_) return static_cast<ssize_t>(total);
  if (const Held held = hold(pieces, count, total); held == Held::yes) {
    return static_cast<ssize_t>(total);
  } else if (held == Held::later) {
    wrote(0, false);
    errno = EAGAIN;
    return -1;
  }
  const ssize_t sent = send(pieces, count);
  const int error = errno;
  if (sent > 0) count_sent(pieces, count, static_cast<std::size_t>(sent));
  const bool later = sent < 0 && (error == EAGAIN || error == EWOULDBLOCK);
  const bool failed = sent < 0 && !later;
  if (failed) fail_write(error);
  const bool all = failed || static_cast<std::size_t>(sent) == total;
  wrote(sent > 0 ? static_cast<std::size_t>(sent) : 0, all);
  paho_owes_ = !all;
  if (all) send_answers();
  errno = error;
  return failed ? static_cast<ssize_t>(total) : sent;
}

// sendmsg(), without a signal.
ssize_t PahoStream::send(const iovec* pieces, int count) const noexcept {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces);  // only read
  message.msg_iovlen = static_cast<std::size_t>(count);
  ssize_t sent = 0;
  do {
    sent = sendmsg(descriptor_, &message, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent;
}

void PahoStream::fail_write(int error) noexcept {
  write_failed_ = true;
  write_error_ = error;
  set_readable();
}

void PahoStream::wrote(std::size_t bytes, bool all) noexcept {
  unwritten_.store(!all, std::memory_order_release);
  written_ += bytes;
  if (!all || written_ > kSmallWrites) room_.store(false, std::memory_order_release);
}

void PahoStream::found_room() noexcept {
  const std::lock_guard lock(lock_);
  written_ = 0;
  unwritten_.store(false, std::memory_order_release);  // Paho goes on writing now, and tells again where it cannot
  room_.store(true, std::memory_order_release);
}

}  // namespace honeyframe
