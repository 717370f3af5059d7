#pragma once

// PacketWatch: what a session and the connection below Paho tell one another, which know nothing of each other else:
// the session says how large a packet may be and when acknowledgements must wait (answer_gate), the connection what it
// refused, which messages came again, and how many bytes it moved. The connection finds its session's by what it sees
// pass: the client id in CONNECT, and the host and port that Paho connected to.
//
// Made by PahoClient, and found as long as it lives. Thread-safe.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "answer_gate.h"
#include "packet_refusal.h"
#include "sent_again.h"
#include "traffic.h"

namespace honeyframe {

// Where no session is known: what ConnectOptions has by default.
inline constexpr std::uint32_t kDefaultMaximumPacket = 16U << 20;

class PacketWatch {
 public:
  [[nodiscard]] static std::shared_ptr<PacketWatch> make(std::string client_id, std::string host, std::uint16_t port,
                                                         std::uint32_t maximum_packet,
                                                         std::shared_ptr<Traffic> traffic = nullptr,
                                                         std::shared_ptr<AnswerGate> gate = nullptr);
  // Of several the newest; of another address, where there is none of this one. May be null.
  [[nodiscard]] static std::shared_ptr<PacketWatch> find(std::string_view client_id, std::string_view host,
                                                         std::uint16_t port) noexcept;
  // Of a connection that ended before CONNECT: the newest that is for this address. May be null.
  [[nodiscard]] static std::shared_ptr<PacketWatch> find_address(std::string_view host, std::uint16_t port) noexcept;
  ~PacketWatch();
  PacketWatch(const PacketWatch&) = delete;
  PacketWatch& operator=(const PacketWatch&) = delete;

  [[nodiscard]] std::uint32_t maximum_packet() const noexcept { return maximum_packet_; }
  // Where the connection's bytes are counted. May be null.
  [[nodiscard]] const std::shared_ptr<Traffic>& traffic() const noexcept { return traffic_; }
  // May be null.
  [[nodiscard]] const std::shared_ptr<AnswerGate>& gate() const noexcept { return gate_; }
  void refuse(const PacketRefusal& refusal) noexcept;
  // The last one, once.
  [[nodiscard]] std::optional<PacketRefusal> take() noexcept;
  [[nodiscard]] SentAgain& sent_again() noexcept { return sent_again_; }

 private:
  PacketWatch(std::string client_id, std::string host, std::uint16_t port, std::uint32_t maximum_packet,
              std::shared_ptr<Traffic> traffic, std::shared_ptr<AnswerGate> gate);

  const std::string client_id_;
  const std::string host_;
  const std::uint16_t port_;
  const std::uint32_t maximum_packet_;
  SentAgain sent_again_;
  const std::shared_ptr<Traffic> traffic_;
  const std::shared_ptr<AnswerGate> gate_;
  std::mutex mutex_;
  std::optional<PacketRefusal> refusal_;  // guarded by mutex_
};

}  // namespace honeyframe
