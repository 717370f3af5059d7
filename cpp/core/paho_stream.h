#pragma once

// PahoStream: one connection as Paho reads it. Paho asks for a byte, another byte, then the rest of a packet; the
// stream asks the system (or OpenSSL) for as much as there is, keeps it, and hands out pieces. It also knows, without
// asking the system, whether there is something to read and whether what Paho wrote last has gone, and when the bytes
// came. The answers that the receive thread writes during a read burst (PUBACK, PUBREC, PUBREL, PUBCOMP) it holds back
// until the burst's end, when what they acknowledge is in its spool, and writes them as one. While the session's
// answer_gate is shut, PUBACK and PUBREC wait until it opens; all else passes them (MQTT 5.0, 4.6 orders only PUBACKs
// among themselves, and PUBRECs, and PUBRELs).
//
// Every byte that goes or comes is counted (connection_traffic), TLS's by OpenSSL.
//
// What the broker sends is checked before it is handed out (packet_guard, websocket_frames): from CONNECT on, which
// passes here on its way out. The first packet that is refused is the connection's end; what came before it is read.
//
// One for each descriptor, found by its number, never freed; it forgets everything when the descriptor is opened or
// closed. Paho's receive thread reads and polls, its send thread and the control thread write, open and close:
// thread-safe.

#include <openssl/ssl.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "answer_gate.h"
#include "connection_traffic.h"
#include "held_answers.h"
#include "packet_guard.h"
#include "packet_watch.h"
#include "receive_burst.h"

namespace honeyframe {

class FramedBytes;

// Three times cheaper than std::mutex where nobody else wants it: Paho's own locks see to that, but for opening and
// closing. What is done under it never waits for the network.
class StreamLock {
 public:
  void lock() noexcept {
    while (taken_.exchange(true, std::memory_order_acquire)) std::this_thread::yield();
  }
  void unlock() noexcept { taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> taken_{false};
};

class PahoStream final : public BurstAnswers, public WithheldAnswers {
 public:
  // What is read at once, and kept.
  static constexpr std::size_t kCapacity = 64UL * 1024;

  PahoStream() noexcept;
  ~PahoStream();
  PahoStream(const PahoStream&) = delete;
  PahoStream& operator=(const PahoStream&) = delete;

  // nullptr where the number is no descriptor's, or memory has run out: then everything goes to the system directly.
  [[nodiscard]] static PahoStream* of(int descriptor) noexcept;
  [[nodiscard]] static PahoStream* of(const SSL* tls) noexcept;

  // Nothing is known about the descriptor: it was just opened, or closes now.
  void forget() noexcept;

  // As recv(): what was kept comes first; the end, or an error, after it.
  ssize_t read(int descriptor, void* to, std::size_t size) noexcept;
  // As writev(), but a write never fails: it takes everything, and the read that finds nothing more tells the error.
  // Paho frees a publish of QoS 1 or 2 twice whose write fails.
  ssize_t write(int descriptor, const iovec* pieces, int count) noexcept;

  // Receive thread: `size` bytes of those kept, while more than that are kept; else nothing is done. Most of Paho's
  // reads end here, and need no lock: Paho opens, closes and reads a connection under a lock of its own.
  [[nodiscard]] bool read_kept(void* to, std::size_t size) noexcept {
    if (size == 0 || end_ - begin_ <= size) return false;
    std::memcpy(to, buffer_ + begin_, size);
    begin_ += size;
    return true;
  }

  // Receive thread: when this thread last read from any connection, nanoseconds since 1970. 0 before the first.
  // Bytes that are kept came then or before: another connection may have been read since.
  [[nodiscard]] static std::int64_t read_time_ns() noexcept;

  // TLS begins on this descriptor. What came in the clear before can never pass for something that was encrypted.
  // False where memory has run out: the connection would not find its stream.
  [[nodiscard]] bool start_tls(SSL* tls) noexcept;
  // As the functions of OpenSSL, whose error queue is empty before each.
  int connect_tls(SSL* tls) noexcept;
  int read_tls(SSL* tls, void* to, int size) noexcept;
  // Never fails, as write().
  int write_tls(SSL* tls, const void* from, int size) noexcept;
  int shutdown_tls(SSL* tls) noexcept;
  void free_tls(SSL* tls) noexcept;

  // Without a system call, and without the lock: whether a read gives something now. What only the system has does not
  // count.
  [[nodiscard]] bool is_readable() const noexcept { return readable_.load(std::memory_order_acquire); }
  [[nodiscard]] std::size_t kept() const noexcept;

  // Where Paho connects to: `host` as it asked for its address.
  void set_peer(const std::string& host, std::uint16_t port) noexcept;
  // Connecting: from connect() until Paho has asked how it went.
  [[nodiscard]] bool is_connecting() const noexcept { return connecting_.load(std::memory_order_acquire); }
  void set_connecting(bool connecting) noexcept { connecting_.store(connecting, std::memory_order_release); }

  // The system said that there is room to write, and little was written since.
  [[nodiscard]] bool has_room() const noexcept { return room_.load(std::memory_order_acquire); }
  // The last write took only a part; Paho has the rest.
  [[nodiscard]] bool has_unwritten() const noexcept { return unwritten_.load(std::memory_order_acquire); }
  void found_room() noexcept;
  // Receive thread. What does not go now goes when there is room.
  void release_answers() noexcept override;
  // Any thread. The receive thread sends them, at once or at the end of the burst that it is in.
  void gate_opened() noexcept override;
  void send_owed() noexcept;
  // Whether the packet acknowledges one of the broker's.
  [[nodiscard]] static bool is_answer(const iovec* pieces, int count) noexcept;
  // Answers that were released have not gone yet: nothing more is read meanwhile.
  [[nodiscard]] bool owes_answers() const noexcept { return owes_answers_.load(std::memory_order_acquire); }
  // There is an error for the next read to tell.
  [[nodiscard]] bool has_failed_to_write() const noexcept { return write_failed_.load(std::memory_order_acquire); }

 private:
  std::size_t take(void* to, std::size_t size) noexcept;
  [[nodiscard]] bool have_buffer() noexcept;
  ssize_t fill(int descriptor, char* to, std::size_t size) noexcept;
  int fill_tls(SSL* tls, char* to, std::size_t size) noexcept;
  void wrote(std::size_t bytes, bool all) noexcept;
  // First bytes (MQTT 5.0, 2.1.1) of what acknowledges a message of the broker's.
  static constexpr unsigned char kPuback = 0x40;
  static constexpr unsigned char kPubrec = 0x50;
  enum class Held : unsigned char { no, yes, later };  // written now; counts as written; is asked for once more
  [[nodiscard]] Held hold(const iovec* pieces, int count, std::size_t size) noexcept;
  [[nodiscard]] bool must_wait(unsigned char first_byte) noexcept;
  void withhold(const iovec* pieces, int count, std::size_t size) noexcept;
  [[nodiscard]] bool is_gate_shut() const noexcept;
  void take_back_withheld() noexcept;
  void detach_from_gate() noexcept;
  void prepare_disconnect() noexcept;
  void append(const iovec* pieces, int count, std::size_t size) noexcept;
  void send_answers() noexcept;
  void note_owed() noexcept;
  [[nodiscard]] ssize_t send(const iovec* pieces, int count) const noexcept;
  void forget_answers() noexcept;
  void fail_write(int error) noexcept;
  static void note_read_time() noexcept;
  void clear_end() noexcept;
  void set_readable() noexcept;

  // paho_stream_guard.cpp: all with the lock.
  void clear_guard() noexcept;
  [[nodiscard]] bool frames_have_more() const noexcept;
  void end_frames() noexcept;
  void look_at_write(const iovec* pieces, int count) noexcept;
  void begin_frames() noexcept;
  void begin_packets(const iovec* pieces, int count) noexcept;
  [[nodiscard]] std::size_t let_through(const char* bytes, std::size_t size) noexcept;
  void refuse(const PacketRefusal& refusal) noexcept;
  void cut(int error) noexcept;
  // Fills the buffer from frames, with `receive(to, size)` where those that are here do not suffice; as recv().
  template <typename Receive>
  ssize_t fill_from_frames(Receive receive) noexcept;
  ssize_t read_frames(int descriptor, void* to, std::size_t size) noexcept;
  int read_frames_tls(SSL* tls, void* to, std::size_t size) noexcept;
  int receive_tls(SSL* tls, char* to, std::size_t size) noexcept;
  int tell_cut() noexcept;
  // The first `size` bytes have left; with TLS inside its records.
  void count_sent(const iovec* pieces, int count, std::size_t size) noexcept;
  void end_traffic() noexcept;

  mutable StreamLock lock_;  // guards what follows, and every use of the SSL object
  char* buffer_ = nullptr;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool tls_has_more_ = false;  // OpenSSL holds bytes that it read ahead
  bool reads_ahead_ = false;   // OpenSSL was told to
  bool ended_ = false;         // the connection has ended, with error_ or (0) in order
  bool cut_ = false;           // by us: what comes is not read any more
  int error_ = 0;
  int write_error_ = 0;
  std::size_t written_ = 0;  // since the system was asked for room
  HeldAnswers answers_;
  HeldAnswers withheld_;       // behind them, while the gate is shut
  int descriptor_ = -1;        // to send them
  SSL* tls_ = nullptr;         // the same
  bool will_release_ = false;  // the receive thread, at the end of its burst
  bool paho_owes_ = false;     // the rest of what it wrote last, which must come before anything else
  bool disconnects_ = false;   // DISCONNECT has been written
  std::atomic<bool> owes_answers_{false};
  PacketGuard guard_;
  std::unique_ptr<FramedBytes> frames_;  // where WebSocket frames come
  ConnectionTraffic traffic_;
  std::shared_ptr<PacketWatch> watch_;
  std::string host_;
  std::uint16_t port_ = 0;
  std::atomic<bool> spoken_{false};  // CONNECT has been written
  std::atomic<bool> readable_{false};
  std::atomic<bool> connecting_{false};
  std::atomic<bool> room_{false};
  std::atomic<bool> unwritten_{false};
  std::atomic<bool> write_failed_{false};  // with write_error_: what comes is still read, then this is its end
};

}  // namespace honeyframe
