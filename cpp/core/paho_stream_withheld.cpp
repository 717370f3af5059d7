// PahoStream's answers that are withheld while the session's gate is shut: what they acknowledge is in no queue yet.

#include <cerrno>
#include <mutex>

#include "paho_poll.h"
#include "paho_stream.h"

namespace honeyframe {
namespace {

// For each packet id one (Paho writes 4 to 6 bytes). A broker that sends more than it has ids for breaks the protocol.
constexpr std::size_t kMostWithheld = 65'535UL * 6;

}  // namespace

bool PahoStream::is_gate_shut() const noexcept {
  return watch_ != nullptr && watch_->gate() != nullptr && watch_->gate()->is_shut();
}

// PUBREL and PUBCOMP never do: our own publishes of QoS 2 go on.
bool PahoStream::must_wait(unsigned char first_byte) noexcept {
  if (first_byte != kPuback && first_byte != kPubrec) return false;
  if (is_gate_shut()) return true;
  take_back_withheld();  // in order
  return false;
}

void PahoStream::withhold(const iovec* pieces, int count, std::size_t size) noexcept {
  if (disconnects_) return;
  if (withheld_.size() + size > kMostWithheld) return fail_write(ENOBUFS);
  if (!withheld_.add(pieces, count, size)) fail_write(ENOMEM);
}

// The gate is open: they may leave as any others, behind the spools' writes of a burst that has not ended.
void PahoStream::take_back_withheld() noexcept {
  if (withheld_.empty()) return;
  const iovec all{const_cast<char*>(withheld_.data()), withheld_.size()};  // iovec lacks const
  append(&all, 1, all.iov_len);
  withheld_.clear();
  if (!will_release_) answers_.release();
}

// The receive thread sends them: on any other an SSL_write() might come between Paho's SSL_read() and the question what
// its result means.
void PahoStream::gate_opened() noexcept {
  {
    const std::lock_guard lock(lock_);
    if (is_gate_shut() || withheld_.empty()) return;
    take_back_withheld();
    note_owed();
  }
  wake_paho();
}

void PahoStream::detach_from_gate() noexcept {
  if (watch_ != nullptr && watch_->gate() != nullptr) watch_->gate()->detach(*this);
}

}  // namespace honeyframe
