// PahoStream's side towards OpenSSL.

#include <openssl/err.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdint>
#include <mutex>

#include "paho_stream.h"

namespace honeyframe {
namespace {

// Within one large packet, records are read on up to this: others wait meanwhile.
constexpr std::size_t kMaxAtOnce = 256UL * 1024;

int stream_index() noexcept {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return index;
}

bool would_block(const SSL* tls, int result) {
  const int error = SSL_get_error(tls, result);
  return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

// What SSL_get_ex_data() said last: Paho asks five times a packet. An SSL's address may become another's.
struct LastFound {
  const SSL* tls = nullptr;
  PahoStream* stream = nullptr;
  std::uint64_t generation = 0;
};
thread_local LastFound last_found;
std::atomic<std::uint64_t> tls_generation{1};  // one more with each SSL that begins or ends

}  // namespace

PahoStream* PahoStream::of(const SSL* tls) noexcept {
  if (tls == nullptr) return nullptr;
  const auto generation = tls_generation.load(std::memory_order_acquire);
  if (last_found.tls != tls || last_found.generation != generation) {
    last_found = {tls, static_cast<PahoStream*>(SSL_get_ex_data(tls, stream_index())), generation};
  }
  return last_found.stream;
}

bool PahoStream::start_tls(SSL* tls) noexcept {
  if (SSL_set_ex_data(tls, stream_index(), this) != 1) return false;
  tls_generation.fetch_add(1, std::memory_order_acq_rel);
  // Many small records in one system call; from the end of the handshake on, see fill_tls().
  SSL_set_default_read_buffer_len(tls, kCapacity);
  SSL_set_mode(tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);  // of answers that wait for room, with more behind them
  const std::lock_guard lock(lock_);
  forget_answers();
  tls_ = tls;
  begin_ = end_ = 0;
  clear_end();
  clear_guard();
  traffic_.begin_tls();
  set_readable();
  return true;
}

int PahoStream::connect_tls(SSL* tls) noexcept {
  const std::lock_guard lock(lock_);
  ERR_clear_error();
  const int result = SSL_connect(tls);
  traffic_.look_at(tls);
  // Paho may begin before the socket has connected, and does not wait for room to write: the poll does, as while
  // connecting.
  set_connecting(result != 1 && SSL_get_error(tls, result) == SSL_ERROR_WANT_WRITE);
  return result;
}

// One SSL_read(), checked.
int PahoStream::fill_tls(SSL* tls, char* to, std::size_t size) noexcept {
  if (cut_) return tell_cut();
  const int got = receive_tls(tls, to, size);
  if (got <= 0) return got;
  const auto good = let_through(to, static_cast<std::size_t>(got));
  return good > 0 ? static_cast<int>(good) : tell_cut();
}

// Remembers whether OpenSSL has more, and that the connection has ended.
int PahoStream::receive_tls(SSL* tls, char* to, std::size_t size) noexcept {
  if (!reads_ahead_) {
    reads_ahead_ = true;
    SSL_set_read_ahead(tls, 1);
  }
  ERR_clear_error();
  const int got = SSL_read(tls, to, static_cast<int>(std::min<std::size_t>(size, INT_MAX)));
  traffic_.look_at(tls);
  // What it holds may be less than a record: then it has said so by wanting to read.
  tls_has_more_ = got > 0 && SSL_has_pending(tls) == 1;
  if (got > 0) note_read_time();
  if (got <= 0 && write_failed_ && would_block(tls, got)) {
    ERR_raise(ERR_LIB_SYS, write_error_);  // what SSL_get_error() looks at first
    ended_ = true;
  } else if (got <= 0) {
    ended_ = !would_block(tls, got);
  }
  return got;
}

// The end that we made, as SSL_read() tells one of the system's: SSL_get_error() looks into the queue first.
int PahoStream::tell_cut() noexcept {
  ERR_clear_error();
  ERR_raise(ERR_LIB_SYS, error_);
  return -1;
}

int PahoStream::read_tls(SSL* tls, void* to, int size) noexcept {
  const std::lock_guard lock(lock_);
  const auto wanted = static_cast<std::size_t>(std::max(size, 0));
  if (frames_ != nullptr) return read_frames_tls(tls, to, wanted);
  auto* const out = static_cast<char*>(to);
  auto copied = take(out, wanted);
  int got = 0;
  // After the end, SSL_read() says it once more, with what SSL_get_error() needs.
  while (copied < wanted && (copied == 0 || !ended_)) {
    const auto rest = wanted - copied;
    if (rest >= kCapacity || !have_buffer()) {
      got = fill_tls(tls, out + copied, rest);
      if (got > 0) copied += static_cast<std::size_t>(got);
    } else {
      got = fill_tls(tls, buffer_, kCapacity);
      begin_ = 0;
      end_ = got > 0 ? static_cast<std::size_t>(got) : 0;
      copied += take(out + copied, rest);
    }
    if (got <= 0 || copied > kMaxAtOnce) break;
  }
  set_readable();
  return copied > 0 ? static_cast<int>(copied) : got;
}

int PahoStream::write_tls(SSL* tls, const void* from, int size) noexcept {
  const std::lock_guard lock(lock_);
  if (write_failed_ || cut_) return size;  // it is not asked again: its error would be of another kind
  const iovec packet{const_cast<void*>(from), static_cast<std::size_t>(std::max(size, 0))};  // iovec lacks const
  if (!spoken_.load(std::memory_order_acquire)) look_at_write(&packet, 1);
  if (const Held held = hold(&packet, 1, packet.iov_len); held == Held::yes) {
    return size;
  } else if (held == Held::later) {  // the write of the answers has said so: SSL_get_error() will
    wrote(0, false);
    return -1;
  }
  ERR_clear_error();
  const int sent = SSL_write(tls, from, size);
  const int error = errno;
  traffic_.look_at(tls);
  if (sent > 0) count_sent(&packet, 1, static_cast<std::size_t>(sent));
  // To read first, for a new handshake, is nothing that Paho can do: it takes that for the end, as any other error.
  const bool failed = sent <= 0 && SSL_get_error(tls, sent) != SSL_ERROR_WANT_WRITE;
  if (failed) fail_write(error == 0 ? EPIPE : error);
  wrote(sent > 0 ? static_cast<std::size_t>(sent) : 0, sent > 0 || failed);
  paho_owes_ = sent <= 0 && !failed;
  if (!paho_owes_) send_answers();
  return failed ? size : sent;
}

int PahoStream::shutdown_tls(SSL* tls) noexcept {
  const std::lock_guard lock(lock_);
  ERR_clear_error();
  const int result = SSL_shutdown(tls);
  traffic_.look_at(tls);
  return result;
}

void PahoStream::free_tls(SSL* tls) noexcept {
  const std::lock_guard lock(lock_);
  traffic_.look_at(tls);
  SSL_free(tls);
  forget_answers();
  tls_generation.fetch_add(1, std::memory_order_acq_rel);
  begin_ = end_ = 0;
  clear_end();
  clear_guard();
  set_readable();
}

}  // namespace honeyframe
