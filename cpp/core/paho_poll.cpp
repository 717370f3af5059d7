#include "paho_poll.h"

#include <sys/eventfd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "paho_packet_memory.h"
#include "paho_stream.h"
#include "receive_burst.h"

namespace honeyframe {
namespace {

constexpr useconds_t kIdleSleep = 100'000;  // Paho's, after a poll that found nothing to do
constexpr int kIdleSleepMs = 100;
// Sockets of which nothing is known are looked at after so many packets of the others, or when the coarse clock moves
// (1 to 4 ms).
constexpr int kPacketsBetweenLooks = 32;

enum class LastPoll {
  none,        // not since the last sleep
  found_none,  // waited, and nothing came
  connected,   // a socket has connected; Paho is to be asked again at once
  found_some,
};

// What the receive thread remembers from one call to the next.
struct Receiver {
  LastPoll last = LastPoll::none;
  bool has_connected = false;  // the writing poll has seen a connecting socket writable
  bool is_receiver = false;
  int packets = 0;  // since all were looked at
  unsigned burst = 0;
  std::int64_t looked_at = 0;
  nfds_t size = 0;  // of the last reading poll, whose descriptors begin wait_set
};

// What the system is asked: Paho's descriptors, and the one that wakes.
class WaitSet {
 public:
  WaitSet() = default;
  ~WaitSet() { std::free(entries_); }
  WaitSet(const WaitSet&) = delete;
  WaitSet& operator=(const WaitSet&) = delete;

  // nullptr where memory has run out.
  [[nodiscard]] pollfd* of_size(nfds_t size) noexcept {
    if (capacity_ < size) {
      auto* const grown = static_cast<pollfd*>(std::realloc(entries_, size * sizeof(pollfd)));
      if (grown == nullptr) return nullptr;
      entries_ = grown;
      capacity_ = size;
    }
    return entries_;
  }

 private:
  pollfd* entries_ = nullptr;
  nfds_t capacity_ = 0;
};

thread_local Receiver receiver;
thread_local WaitSet wait_set;
std::atomic<bool> receiver_is_known{false};

int wake_descriptor() noexcept {
  static const int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  return descriptor;
}

void swallow_wakes() noexcept {
  std::uint64_t count = 0;
  static_cast<void>(::read(wake_descriptor(), &count, sizeof count));
}

std::int64_t coarse_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

// poll() without those whose answer is known: it ignores negative descriptors.
void hide(pollfd& entry) noexcept {
  entry.fd = ~entry.fd;
}
bool is_hidden(const pollfd& entry) noexcept {
  return entry.fd < 0;
}

// There is room: true where all answers that may leave have gone.
bool pays_answers(PahoStream& stream) noexcept {
  if (stream.owes_answers()) stream.send_owed();
  return !stream.owes_answers();
}

int poll_writable(pollfd* descriptors, nfds_t count) noexcept {
  nfds_t unknown = 0;
  for (nfds_t i = 0; i < count; ++i) {
    const auto* const stream = PahoStream::of(descriptors[i].fd);
    if (stream != nullptr && stream->has_room() && !stream->has_unwritten() && !stream->is_connecting() &&
        !stream->owes_answers()) {
      hide(descriptors[i]);
    } else {
      ++unknown;
    }
  }
  int answer = unknown == 0 ? 0 : poll(descriptors, count, 0);
  if (answer < 0) answer = 0;  // unknown stays so until the next packet
  for (nfds_t i = 0; i < count; ++i) {
    auto& entry = descriptors[i];
    if (is_hidden(entry)) {
      hide(entry);
      entry.revents = POLLOUT;
      ++answer;
      continue;
    }
    if ((entry.revents & POLLOUT) == 0) continue;
    if (auto* const stream = PahoStream::of(entry.fd); stream != nullptr) {
      if (stream->is_connecting()) {
        receiver.has_connected = true;
      } else if (!pays_answers(*stream)) {
        entry.revents = 0;  // Paho reads from no socket that takes nothing from it
        --answer;
      } else {
        stream->found_room();
      }
    }
  }
  return answer;
}

bool look_is_due() noexcept {
  if (++receiver.packets < kPacketsBetweenLooks) {
    const auto now = coarse_now();
    if (now == receiver.looked_at) return false;
    receiver.looked_at = now;
  }
  receiver.packets = 0;
  return true;
}

// Packets of one burst after which consumers are woken.
constexpr int kPacketsBetweenWakes = 512;  // a few tenths of a millisecond; a wake-up costs as much as ten packets

// Some streams have bytes: no waiting. `readable` of them.
int poll_streams(pollfd* descriptors, nfds_t count, nfds_t readable) noexcept {
  if (++receiver.burst % kPacketsBetweenWakes == 0) ReceiveBurst::end();
  const bool look = readable < count && look_is_due();
  for (nfds_t i = 0; i < count; ++i) {
    descriptors[i].revents = 0;
    const auto* const stream = PahoStream::of(descriptors[i].fd);
    if (stream != nullptr && stream->is_readable()) hide(descriptors[i]);
  }
  int answer = look ? poll(descriptors, count, 0) : 0;
  if (answer < 0) answer = 0;
  for (nfds_t i = 0; i < count; ++i) {
    if (!is_hidden(descriptors[i])) continue;
    hide(descriptors[i]);
    descriptors[i].revents = POLLIN;
    ++answer;
  }
  receiver.last = LastPoll::found_some;
  return answer;
}

// Nothing is known to be readable: the system is asked, and beside it what else would be worth waking for.
int wait_for_any(pollfd* descriptors, nfds_t count, int timeout_ms) noexcept {
  ReceiveBurst::end();
  auto* const set = wait_set.of_size(count + 1);
  if (set == nullptr) return poll(descriptors, count, timeout_ms);
  for (nfds_t i = 0; i < count; ++i) {
    set[i] = descriptors[i];
    const auto* const stream = PahoStream::of(set[i].fd);
    if (stream == nullptr) continue;
    if (stream->is_connecting() || stream->has_unwritten() || stream->owes_answers()) set[i].events |= POLLOUT;
  }
  set[count] = {wake_descriptor(), POLLIN, 0};
  int answer = poll(set, count + 1, receiver.has_connected ? 0 : timeout_ms);
  if (answer < 0) return answer;
  if (set[count].revents != 0) {
    swallow_wakes();
    --answer;
  }
  for (nfds_t i = 0; i < count; ++i) {
    auto found = set[i].revents;
    if ((found & POLLOUT) != 0) {
      if (auto* const stream = PahoStream::of(set[i].fd); stream != nullptr) static_cast<void>(pays_answers(*stream));
    }
    if ((descriptors[i].events & POLLOUT) == 0) found = static_cast<short>(found & ~POLLOUT);
    if (found == 0 && set[i].revents != 0) --answer;
    descriptors[i].revents = found;
  }
  receiver.last = receiver.has_connected ? LastPoll::connected
                  : answer > 0           ? LastPoll::found_some
                                         : LastPoll::found_none;
  receiver.has_connected = false;
  receiver.packets = 0;
  return answer;
}

int poll_readable(pollfd* descriptors, nfds_t count, int timeout_ms) noexcept {
  release_packet_memory();
  if (!receiver.is_receiver) {
    receiver.is_receiver = true;
    ReceiveBurst::promise();
    receiver_is_known.store(true, std::memory_order_relaxed);
  }
  // A copy: Paho frees its list before it sleeps, where the last socket has gone.
  auto* const set = wait_set.of_size(count + 1);
  receiver.size = set == nullptr ? 0 : count;
  if (set != nullptr) std::memcpy(set, descriptors, count * sizeof(pollfd));
  nfds_t readable = 0;
  for (nfds_t i = 0; i < count; ++i) {
    const auto* const stream = PahoStream::of(descriptors[i].fd);
    if (stream != nullptr && stream->is_readable()) ++readable;
  }
  if (readable > 0) return poll_streams(descriptors, count, readable);
  return wait_for_any(descriptors, count, timeout_ms);
}

void wait_for_wake(int timeout_ms, bool swallow) noexcept {
  pollfd wake{wake_descriptor(), POLLIN, 0};
  if (poll(&wake, 1, timeout_ms) > 0 && swallow) swallow_wakes();
}

// Paho found what can be read, and left it: it takes nothing from a socket that takes nothing from it. Until one does.
void wait_for_room() noexcept {
  ReceiveBurst::end();
  const auto count = receiver.size;
  auto* const set = wait_set.of_size(count + 1);
  if (set == nullptr) return wait_for_wake(kIdleSleepMs, true);
  for (nfds_t i = 0; i < count; ++i) {
    const auto* const stream = PahoStream::of(set[i].fd);
    const bool blocked = stream != nullptr && (stream->has_unwritten() || !stream->has_room());
    set[i].events = blocked ? POLLOUT : POLLIN;
  }
  set[count] = {wake_descriptor(), POLLIN, 0};
  if (poll(set, count + 1, kIdleSleepMs) > 0 && set[count].revents != 0) swallow_wakes();
}

}  // namespace

void wake_paho() noexcept {
  const std::uint64_t one = 1;
  const int error = errno;
  static_cast<void>(::write(wake_descriptor(), &one, sizeof one));
  errno = error;
}

int poll_for_paho(pollfd* descriptors, nfds_t count, int timeout_ms) noexcept {
  if (count == 0) {
    ReceiveBurst::end();
    return poll(descriptors, count, timeout_ms);
  }
  if ((descriptors[0].events & POLLOUT) != 0) return poll_writable(descriptors, count);
  return poll_readable(descriptors, count, timeout_ms);
}

int sleep_for_paho(useconds_t microseconds) noexcept {
  ReceiveBurst::end();
  const bool may_be_receiver = receiver.is_receiver || !receiver_is_known.load(std::memory_order_relaxed);
  if (microseconds != kIdleSleep || !may_be_receiver) return usleep(microseconds);
  const auto last = receiver.last;
  receiver.last = LastPoll::none;
  switch (last) {
    case LastPoll::none:  // there is no socket at all
      wait_for_wake(kIdleSleepMs, receiver.is_receiver);
      break;
    case LastPoll::found_none:
      break;
    case LastPoll::connected:  // Paho has yet to enter it in its list
      return usleep(1'000);
    case LastPoll::found_some:
      wait_for_room();
      break;
  }
  return 0;
}

}  // namespace honeyframe
