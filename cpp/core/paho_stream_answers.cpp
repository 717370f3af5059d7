// PahoStream's answers: held back during a read burst, and written as one at its end.

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <mutex>

#include "paho_stream.h"

namespace honeyframe {
namespace {

// A packet's first byte (MQTT 5.0, 2.1.1).
constexpr unsigned char kPuback = 0x40;
constexpr unsigned char kPubrec = 0x50;
constexpr unsigned char kPubrel = 0x62;
constexpr unsigned char kPubcomp = 0x70;
constexpr unsigned char kDisconnect = 0xE0;

unsigned char first_byte(const iovec* pieces, int count) noexcept {
  for (int i = 0; i < count; ++i) {
    if (pieces[i].iov_len > 0) return *static_cast<const unsigned char*>(pieces[i].iov_base);
  }
  return 0;
}

}  // namespace

bool PahoStream::is_answer(const iovec* pieces, int count) noexcept {
  const unsigned char byte = first_byte(pieces, count);
  return byte == kPuback || byte == kPubrec || byte == kPubrel || byte == kPubcomp;
}

// Whether the packet waits with the answers, and counts as written. Paho writes a packet with one call.
bool PahoStream::hold(const iovec* pieces, int count, std::size_t size) noexcept {
  if (paho_owes_ || write_failed_) return false;  // the rest of a packet; nowhere to go
  if (is_answer(pieces, count) && ReceiveBurst::is_promised()) {
    if (!will_release_) will_release_ = ReceiveBurst::release_later(*this);
    if (will_release_) return append(pieces, count, size);
  }
  if (answers_.empty()) return false;
  // No packet may follow DISCONNECT. What is not committed yet is not acknowledged, and comes again.
  if (first_byte(pieces, count) == kDisconnect && !ReceiveBurst::has_commits()) answers_.release();
  send_answers();
  if (answers_.due() == 0) return false;
  append(pieces, count, size);  // between the halves of an answer nothing else may go
  if (!will_release_) answers_.release();
  return true;
}

bool PahoStream::append(const iovec* pieces, int count, std::size_t size) noexcept {
  if (!answers_.add(pieces, count, size)) fail_write(ENOMEM);
  return true;
}

void PahoStream::send_owed() noexcept {
  const std::lock_guard lock(lock_);
  send_answers();
}

void PahoStream::release_answers() noexcept {
  const std::lock_guard lock(lock_);
  will_release_ = false;
  answers_.release();
  send_answers();
}

// As many of those that may leave as there is room for.
void PahoStream::send_answers() noexcept {
  while (answers_.due() > 0 && !paho_owes_ && !write_failed_) {
    ssize_t sent = 0;
    bool later = false;
    if (tls_ != nullptr) {
      ERR_clear_error();
      sent = SSL_write(tls_, answers_.data(), static_cast<int>(std::min<std::size_t>(answers_.due(), INT_MAX)));
      later = sent <= 0 && SSL_get_error(tls_, static_cast<int>(sent)) == SSL_ERROR_WANT_WRITE;
    } else {
      // iovec lacks const.
      const iovec all{const_cast<char*>(answers_.data()), answers_.due()};
      sent = send(&all, 1);
      later = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
    if (sent > 0) {
      answers_.sent(static_cast<std::size_t>(sent));
      written_ += static_cast<std::size_t>(sent);
      continue;
    }
    if (!later) fail_write(errno == 0 ? EPIPE : errno);
    break;
  }
  const bool owes = answers_.due() > 0 && !write_failed_;
  owes_answers_.store(owes, std::memory_order_release);
  if (owes) room_.store(false, std::memory_order_release);
}

void PahoStream::forget_answers() noexcept {
  answers_.clear();
  descriptor_ = -1;
  tls_ = nullptr;
  will_release_ = paho_owes_ = false;
  owes_answers_ = false;
}

}  // namespace honeyframe
