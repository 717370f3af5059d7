#pragma once

// Publisher: a session's outgoing messages, from publish() to the broker's word on them. Control thread only, but for
// published().
//
//   outbox (waits for a connection, or for room in the broker's receive maximum) -> in flight -> acknowledged | refused
//   | lost
//
// It also finds out what a closed connection says about permissions: MQTT 5 brokers say which publish they refuse; 3.x
// brokers only close. So a topic that was on its way at two closes running was probably denied, and is not tried a
// third time.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "control_thread.h"
#include "paho_client.h"
#include "row_sender.h"
#include "session.h"

namespace honeyframe {

class Publisher {
 public:
  // A broker that denies a publish closes at once: older ones are not suspected.
  static constexpr std::chrono::seconds kDenialWindow{5};
  static constexpr std::size_t kMaxWaiting = 10'000;
  static constexpr std::size_t kMaxWaitingBytes = 64u << 20;

  using NextRequest = std::function<std::uint32_t()>;
  // Tells the session of a refusal: an event, and where no operation carries it, the next call's error.
  using Refused = std::function<void(const Status& status, bool deferred)>;

  Publisher(NextRequest next_request, Refused refused)
      : next_request_(std::move(next_request)), refused_(std::move(refused)) {}

  void publish(PublishRequest message, OperationPtr operation);
  void publish_rows(std::shared_ptr<RowPublisher> rows);
  // No rows any more but those in flight.
  void wind_up_rows(const Status& status) { rows_.wind_up(status); }
  // Sends what waits. `client` stays valid until lost() or fail_all().
  void connected(PahoClient& client, const Connack& connack);
  // False where the request is not ours.
  bool on_reply(std::uint32_t request, const PahoReply& reply);
  void on_published(std::span<const std::uint32_t> requests);
  // Sends on when Paho's buffer was full, and settles what Paho gave up without losing the connection. Returns whether
  // to come again.
  bool tick();

  struct Loss {
    Status cause = Status(ErrorCode::connection_lost, "the connection was lost");
    bool kept_by_paho = false;      // a persistent session: Paho repeats what was in flight
    std::optional<Status> refusal;  // the broker's DISCONNECT, where it is about a publish
    bool names_no_reason = false;   // a 3.x broker closed
  };
  // The connection is gone. A status: stop, for a publish was probably denied (publish_probably_denied).
  [[nodiscard]] std::optional<Status> lost(const Loss& loss);
  void fail_all(const Status& status);

  // Whether a publish is on its way, or was within the last seconds: what a DISCONNECT then says may be about it.
  [[nodiscard]] bool has_suspects() const { return !suspects().empty(); }
  // Whether PUBACK or PUBREC carried this code within the last seconds: a DISCONNECT with it repeats that.
  [[nodiscard]] bool refused_lately(int code) const;
  [[nodiscard]] Status refusal(int code, const std::string& reason) const;
  // Rows are in flight, or were until Paho gave them up.
  [[nodiscard]] bool has_rows() const noexcept { return rows_.needs_tick(); }
  // Nothing is waiting or unacknowledged.
  [[nodiscard]] bool idle() const { return outbox_.empty() && in_flight_.empty() && rows_.idle(); }
  [[nodiscard]] std::uint64_t published() const noexcept { return published_.load(std::memory_order_relaxed); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Outgoing {
    PublishRequest message;
    OperationPtr operation;
    Clock::time_point sent{};
    bool repeated = false;
    bool given_up_by_paho = false;
  };
  struct Sent {  // of QoS 0, which nobody acknowledges
    Clock::time_point first;
    Clock::time_point last;
  };

  struct Refusal {
    int code;
    Clock::time_point time;
  };

  [[nodiscard]] Status check_limits(const PublishRequest& message) const;
  void pump();
  void pump_messages();
  void pump_rows();
  void remember_without_ack(const std::string& topic, Clock::time_point sent);
  void refuse(Outgoing& outgoing, int code, const std::string& reason);
  void settle_lost(Outgoing& outgoing);
  [[nodiscard]] std::unordered_set<std::string> suspects() const;

  NextRequest next_request_;
  Refused refused_;
  PahoClient* client_ = nullptr;
  Connack connack_;
  std::deque<Outgoing> outbox_;
  std::size_t outbox_bytes_ = 0;
  std::unordered_map<std::uint32_t, Outgoing> in_flight_;
  std::size_t unacknowledged_ = 0;  // of in_flight_, those of QoS 1 and 2
  std::size_t given_up_ = 0;        // of in_flight_, those that Paho gave up
  std::unordered_map<std::string, Sent> sent_without_ack_;
  std::unordered_set<std::string> suspected_at_last_close_;
  std::optional<Refusal> last_refusal_;
  bool rows_again_ = false;  // Paho's buffer was full for them
  std::atomic<std::uint64_t> published_{0};
  RowSender rows_{published_};
};

}  // namespace honeyframe
