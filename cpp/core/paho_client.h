#pragma once

// PahoClient: owns one MQTTAsync handle, and is the only code that knows Paho's structs.
//
// Every member function is for the control thread. Paho calls back on its own threads; the callbacks copy what they
// were given and post it to the control thread, which finds the client by its number: an answer for a client that is
// gone is dropped there, so no callback ever holds a pointer to one. Messages alone are handed over on the receive
// thread, through a small record that is never freed and forgets its receiver when the client goes.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "answer_gate.h"
#include "connect_options.h"
#include "message.h"
#include "packet_watch.h"
#include "session.h"
#include "subscription_table.h"
#include "traffic.h"
#include "traffic_estimate.h"

namespace honeyframe {

// What CONNACK said.
struct Connack {
  bool session_present = false;
  std::optional<std::uint32_t> receive_maximum;
  std::optional<std::uint32_t> maximum_packet_size;
  std::optional<std::uint32_t> session_expiry;
  std::optional<std::uint32_t> keepalive;
  std::optional<std::uint32_t> maximum_qos;
  bool retain_available = true;
  bool subscription_identifiers_available = true;
  std::optional<std::uint32_t> topic_alias_maximum;
  bool wildcard_subscriptions_available = true;
  bool shared_subscriptions_available = true;
};

// A request whose number has this bit is a publish whose good answer goes to on_published(), with others.
inline constexpr std::uint32_t kGatheredRequest = 0x8000'0000;

// Paho's answer to a request.
struct PahoReply {
  bool ok = false;
  int code = 0;  // ok: the granted QoS of a SUBACK, else 0. Not ok: the broker's (from 0x80 on) or Paho's (negative)
  std::string reason_string;  // MQTT 5
};

class PahoListener {
 public:
  virtual ~PahoListener() = default;
  // Paho's receive thread; returns soon, allocates nothing.
  virtual void on_message(const MessageView& message,
                          std::span<const std::uint32_t> subscription_identifiers) noexcept = 0;
  // Paho's receive thread: whether on_message() wants MessageView::properties.
  [[nodiscard]] virtual bool keeps_properties() const noexcept = 0;
  // Control thread, all below.
  virtual void on_connected(std::uint32_t request, const Connack& connack) = 0;
  // code > 0: what CONNACK said; else Paho's.
  virtual void on_connect_failed(std::uint32_t request, int code) = 0;
  virtual void on_connection_lost() = 0;
  // MQTT 5: the broker's DISCONNECT. The connection is still to be closed.
  virtual void on_server_disconnect(int reason_code, const std::string& reason_string) = 0;
  virtual void on_reply(std::uint32_t request, const PahoReply& reply) = 0;
  // Good answers to gathered requests.
  virtual void on_published(std::span<const std::uint32_t> requests) = 0;
  // Any thread: where the bytes are counted. May be null.
  [[nodiscard]] virtual std::shared_ptr<Traffic> traffic() const noexcept { return nullptr; }
  // Any thread: when acknowledgements must wait. May be null.
  [[nodiscard]] virtual std::shared_ptr<AnswerGate> answer_gate() const noexcept { return nullptr; }
};

// MQTTVERSION_3_1 and its sisters.
[[nodiscard]] int paho_version(ProtocolVersion protocol) noexcept;
// Whether Traffic is counted below Paho; else it is estimated from the messages.
[[nodiscard]] bool counts_every_byte() noexcept;
// `what` was not even tried.
[[nodiscard]] Status paho_error(const char* what, int code);

class PahoClient {
 public:
  // `protocol` is not automatic. Errors: internal, proxy_failed.
  static Result<std::unique_ptr<PahoClient>> create(const ConnectOptions& options, ProtocolVersion protocol,
                                                    std::shared_ptr<PahoListener> listener);
  // Closes the connection (with DISCONNECT, where there is one). Waits for a callback that is running.
  ~PahoClient();
  PahoClient(const PahoClient&) = delete;
  PahoClient& operator=(const PahoClient&) = delete;

  // The requests: answered by the listener under their number, unless the status is not ok.
  // False in the Result: Paho is not done with the last connection yet.
  [[nodiscard]] Result<bool> connect(const ConnectOptions& options, bool clean_start, std::uint32_t request);
  // One filter a packet: on 3.x Paho does not say how many codes a SUBACK of several had. `identify`: with its
  // identifier (MQTT 5).
  [[nodiscard]] Status subscribe(const FilterRequest& filter, bool identify, std::uint32_t request);
  [[nodiscard]] Status unsubscribe(const std::string& filter, std::uint32_t request);
  // False in the Result: Paho's buffer is full for now.
  [[nodiscard]] Result<bool> publish(const PublishRequest& message, std::uint32_t request);
  [[nodiscard]] Status disconnect(std::uint32_t request);

  [[nodiscard]] bool is_connected() const;
  // What the connection was ended for, once: where Paho is lean, each packet of the broker's is checked.
  [[nodiscard]] std::optional<PacketRefusal> take_refused_packet() noexcept { return watch_->take(); }
  [[nodiscard]] ProtocolVersion protocol() const noexcept { return protocol_; }

  struct CallbackRecord;

 private:
  PahoClient(const ConnectOptions& options, ProtocolVersion protocol, std::shared_ptr<PahoListener> listener);
  [[nodiscard]] void* context_of(std::uint32_t request) const noexcept;
  void estimate_publish(const PublishRequest& message, int properties) const noexcept;
  [[nodiscard]] bool is_v5() const noexcept { return protocol_ == ProtocolVersion::v5_0; }

  const ProtocolVersion protocol_;
  const std::uint32_t number_;
  const std::shared_ptr<Traffic> traffic_;
  const TrafficEstimate estimate_;
  const std::shared_ptr<PacketWatch> watch_;
  CallbackRecord* const record_;
  void* handle_ = nullptr;  // MQTTAsync
};

}  // namespace honeyframe
