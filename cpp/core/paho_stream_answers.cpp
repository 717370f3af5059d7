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
constexpr unsigned char kPubrel = 0x62;
constexpr unsigned char kPubcomp = 0x70;
constexpr unsigned char kDisconnect = 0xE0;
constexpr unsigned char kPublish = 0x30;  // its upper half; the lower one has flags

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
PahoStream::Held PahoStream::hold(const iovec* pieces, int count, std::size_t size) noexcept {
  if (paho_owes_) return Held::no;  // the rest of a packet
  const unsigned char byte = first_byte(pieces, count);
  const bool ends_with_burst = is_answer(pieces, count) && ReceiveBurst::is_promised();
  if (ends_with_burst && !will_release_) will_release_ = ReceiveBurst::release_later(*this);
  if (must_wait(byte)) {
    withhold(pieces, count, size);
    return Held::yes;
  }
  if (ends_with_burst && will_release_) {
    append(pieces, count, size);
    return Held::yes;
  }
  if (byte == kDisconnect) prepare_disconnect();
  send_answers();
  if (write_failed_) return Held::yes;
  const bool waits = answers_.due() > 0;  // between the halves of an answer nothing else may go
  // Paho keeps a PUBLISH until there is room, and closes a connection that does not take anything else.
  if (waits && (byte & 0xF0U) == kPublish) return Held::later;
  if (waits) {
    append(pieces, count, size);
    if (!will_release_) answers_.release();
  }
  disconnects_ = disconnects_ || byte == kDisconnect;
  return waits ? Held::yes : Held::no;
}

// No packet may follow it (MQTT 5.0, 3.14.4). What is in no queue, or not committed yet, is not acknowledged, and comes
// again.
void PahoStream::prepare_disconnect() noexcept {
  withheld_.clear();
  if (ReceiveBurst::has_commits()) {
    answers_.drop_held();
  } else {
    answers_.release();
  }
}

void PahoStream::append(const iovec* pieces, int count, std::size_t size) noexcept {
  if (!disconnects_ && !answers_.add(pieces, count, size)) fail_write(ENOMEM);
}

void PahoStream::send_owed() noexcept {
  const std::lock_guard lock(lock_);
  send_answers();
}

void PahoStream::release_answers() noexcept {
  const std::lock_guard lock(lock_);
  will_release_ = false;
  if (!is_gate_shut()) take_back_withheld();
  answers_.release();
  send_answers();
}

// As many of those that may leave as there is room for.
void PahoStream::send_answers() noexcept {
  while (answers_.due() > 0 && !paho_owes_ && !write_failed_) {
    ssize_t sent = 0;
    bool later = false;
    const iovec all{const_cast<char*>(answers_.data()), answers_.due()};  // iovec lacks const
    if (tls_ != nullptr) {
      ERR_clear_error();
      sent = SSL_write(tls_, answers_.data(), static_cast<int>(std::min<std::size_t>(answers_.due(), INT_MAX)));
      later = sent <= 0 && SSL_get_error(tls_, static_cast<int>(sent)) == SSL_ERROR_WANT_WRITE;
    } else {
      sent = send(&all, 1);
      later = sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
    }
    if (tls_ != nullptr) traffic_.look_at(tls_);
    if (sent > 0) {
      count_sent(&all, 1, static_cast<std::size_t>(sent));
      answers_.sent(static_cast<std::size_t>(sent));
      written_ += static_cast<std::size_t>(sent);
      continue;
    }
    if (!later) fail_write(errno == 0 ? EPIPE : errno);
    break;
  }
  note_owed();
}

void PahoStream::note_owed() noexcept {
  // While Paho owes, its own rest asks for the room, and its end calls send_answers().
  const bool owes = answers_.due() > 0 && !paho_owes_ && !write_failed_;
  owes_answers_.store(owes, std::memory_order_release);
  if (owes) room_.store(false, std::memory_order_release);
}

void PahoStream::forget_answers() noexcept {
  answers_.clear();
  withheld_.clear();
  descriptor_ = -1;
  tls_ = nullptr;
  will_release_ = paho_owes_ = disconnects_ = false;
  owes_answers_ = false;
}

}  // namespace honeyframe
