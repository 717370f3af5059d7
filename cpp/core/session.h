#pragma once

// Session: one MQTT connection over Paho's MQTTAsync, kept alive by our own reconnect.
//
//             connect()              CONNACK ok
//   created ------------> connecting -----------> connected --close()--> closed
//                            |  ^                     |
//                    refused |  | timer               | lost
//                            v  |                     v
//                          closed   reconnecting <----+     (taken over, denied publish twice, protocol error: closed)
//
// Threads. One control thread a process makes every call into Paho; Paho's receive thread calls back, and does nothing
// but push to queues and post to the control thread. Public members are thread safe and never wait: those that take
// time return an Operation. No member ever needs the caller to hold, or not hold, the GIL.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "connect_options.h"
#include "message_queue.h"
#include "status.h"
#include "traffic.h"

namespace honeyframe {

// The outcome of one request to the control thread: wait for it in slices, so that the caller can look for signals in
// between.
class Operation {
 public:
  // True once done.
  [[nodiscard]] bool wait_for(std::chrono::milliseconds wait);
  [[nodiscard]] bool done() const;
  // Valid once done.
  [[nodiscard]] Status status() const;
  // A code for each filter of a subscribe (granted QoS, or >= 0x80) or the one of a publish; valid once done.
  [[nodiscard]] std::vector<int> reason_codes() const;

  // Control thread. The first call decides, later ones are ignored.
  void complete(Status status, std::vector<int> reason_codes = {});

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
  Status status_;
  std::vector<int> reason_codes_;
};
using OperationPtr = std::shared_ptr<Operation>;

enum class SessionState : std::uint8_t { created, connecting, connected, reconnecting, closed };
[[nodiscard]] std::string_view to_string(SessionState state) noexcept;

// What happened to a session, for logs: drained by take_events(), at most 1,000 are kept (the oldest go, counted).
struct SessionEvent {
  enum class Kind : std::uint8_t {
    connected,       // detail: protocol version, session present
    packet_refused,  // what the broker sent was malformed, or too large: the connection was ended
    connection_lost,
    retrying,  // detail: when and why
    gap,       // the broker kept no session: messages between loss and resubscription are gone
    resubscribed,
    subscribe_refused,
    publish_refused,
    refused,  // a CONNECT after the first was refused, or could not leave (files, threads); tried again once a minute
    taken_over,
    closed,
    protocol_fallback,
    qos_lowered,  // detail: the filter, the QoS that was asked for and the one that was granted
    unmatched,    // a resumed session sends what nothing here subscribes to: messages are acknowledged, and lost
  };
  Kind kind;
  std::int64_t time_ns;
  Status status;       // what went wrong, where something did
  std::string detail;  // one line, no secret
};
[[nodiscard]] std::string_view to_string(SessionEvent::Kind kind) noexcept;

// The broker's word in CONNACK, and ours. Optionals are empty where MQTT 3.x says nothing.
struct SessionInfo {
  SessionState state = SessionState::created;
  std::string uri;  // without credentials
  std::string client_id;
  ProtocolVersion protocol = ProtocolVersion::automatic;  // as spoken
  bool session_present = false;
  std::uint64_t connects = 0;
  std::uint64_t refused_packets = 0;  // each ended a connection; none where Paho is the system's
  Status last_error;
  std::optional<std::uint32_t> server_receive_maximum;
  std::optional<std::uint32_t> server_maximum_packet_size;
  std::optional<std::uint32_t> server_session_expiry;
  std::optional<std::uint32_t> server_keepalive;
  std::optional<std::uint32_t> server_maximum_qos;
  std::optional<std::uint32_t> server_topic_alias_maximum;
  std::optional<bool> server_retain_available;
  std::optional<bool> server_wildcard_available;
  std::optional<bool> server_subscription_identifiers_available;
  std::optional<bool> server_shared_available;
  // Arrived = routed + unmatched + held, in messages.
  std::uint64_t arrived = 0;
  std::uint64_t routed = 0;
  std::uint64_t unmatched = 0;
  std::uint64_t held = 0;           // of a resumed session, for a subscription that may yet come: at most some seconds
  std::uint64_t arrived_bytes = 0;  // payload and topic
  std::uint64_t published = 0;
  std::int64_t connected_time_ns = 0;
  std::uint64_t events_lost = 0;
  TrafficBytes traffic;           // over all connections
  bool traffic_is_exact = false;  // else estimated from the messages: where Paho is the system's
};

enum class RetainHandling : std::uint8_t { send, send_if_new, do_not_send };

struct SubscribeRequest {
  std::vector<std::string> filters;  // validated here once more; $share/ allowed
  int qos = 1;
  RetainHandling retain_handling =
      RetainHandling::send;  // MQTT 5; on 3.x the queue's owner skips retained messages itself
  bool no_local = false;     // MQTT 5; the same for all subscriptions of a filter
};

struct PublishRequest {
  std::string topic;
  std::string payload;
  int qos = 0;
  bool retain = false;
  MessageProperties properties = {};                             // MQTT 5
  std::optional<std::uint32_t> message_expiry_s = std::nullopt;  // MQTT 5
};

class RowPublisher;
struct RowPublishRequest;

class Session {
 public:
  // Options are validated; no socket yet. Errors: invalid_*, websocket_in_use, forked.
  static Result<std::shared_ptr<Session>> create(ConnectOptions options);
  virtual ~Session() = default;

  // Done at CONNACK, or with the reason why there is none. A refusal is final.
  [[nodiscard]] virtual OperationPtr connect() = 0;
  // Messages of `filters` go to `queue` from SUBACK on (and before: those that overtake it). Done when every filter has
  // been granted; subscribe_denied names those that were not, and takes the others back. Where the broker refuses one
  // later, to a new connection, the queue closes with that reason. The id names it for unsubscribe().
  [[nodiscard]] virtual OperationPtr subscribe(SubscribeRequest request, std::shared_ptr<MessageQueue> queue,
                                               std::uint64_t& subscription_id) = 0;
  // Filters are reference-counted: UNSUBSCRIBE leaves when the last subscription goes.
  [[nodiscard]] virtual OperationPtr unsubscribe(std::uint64_t subscription_id) = 0;
  // The same, but the broker is told nothing: what it keeps of the session, it goes on collecting for.
  [[nodiscard]] virtual OperationPtr detach(std::uint64_t subscription_id) = 0;
  // QoS 0: done when handed to Paho; QoS 1: PUBACK; QoS 2: PUBCOMP. publish_denied, publish_probably_denied,
  // packet_too_large, connection_lost.
  [[nodiscard]] virtual OperationPtr publish(PublishRequest request) = 0;
  // Many rows, never more in flight at once than the broker takes: batches are given to the result (row_publisher.h).
  // Errors: invalid_*, forked.
  [[nodiscard]] virtual Result<std::shared_ptr<RowPublisher>> publish_rows(RowPublishRequest request) = 0;
  // A refusal of an earlier QoS 0 publish, once: the next call raises it.
  [[nodiscard]] virtual Status take_deferred_error() = 0;
  // DISCONNECT, then closes every subscription's queue. Idempotent; done within `timeout`.
  [[nodiscard]] virtual OperationPtr close(std::chrono::milliseconds timeout) = 0;

  [[nodiscard]] virtual SessionInfo info() const = 0;
  [[nodiscard]] virtual std::vector<SessionEvent> take_events() = 0;
  // True when an event is there, at once or within `wait`; also returns (false) when closed.
  [[nodiscard]] virtual bool wait_event(std::chrono::milliseconds wait) = 0;
};

// Closes every live session of the process; for interpreter exit. Returns when done or after `timeout`.
void close_all_sessions(std::chrono::milliseconds timeout);
// True in a child of fork() made while sessions existed: every call then answers ErrorCode::forked.
[[nodiscard]] bool in_forked_child() noexcept;

}  // namespace honeyframe
