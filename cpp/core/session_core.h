#pragma once

// SessionCore: the state machine behind a Session (drawn in session.h). Lives on the control thread; the public handle
// posts to it. It is kept alive by the tasks and timers that name it and, while it has a Paho client, by that client.
//
// Members without a lock belong to the control thread. mutex_ guards what info() and take_deferred_error() hand to
// other threads.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "connect_options.h"
#include "control_thread.h"
#include "event_log.h"
#include "paho_client.h"
#include "paho_imports.h"
#include "publisher.h"
#include "retry_delay.h"
#include "session.h"
#include "subscriber.h"
#include "subscription_table.h"

namespace honeyframe {

class SessionCore final : public PahoListener, public std::enable_shared_from_this<SessionCore> {
 public:
  // A connection that lasted this long was a good one: the next loss starts with the shortest delay again.
  static constexpr std::chrono::seconds kGoodConnection{10};

  // `websocket_slot` is released once the session is closed.
  SessionCore(ConnectOptions options, std::shared_ptr<void> websocket_slot);

  // Any thread.
  [[nodiscard]] const ConnectOptions& options() const noexcept { return options_; }
  [[nodiscard]] SessionInfo info() const;
  [[nodiscard]] Status take_deferred_error();
  [[nodiscard]] EventLog& events() noexcept { return events_; }
  [[nodiscard]] SubscriptionTable& table() noexcept { return table_; }

  // Control thread.
  void connect(OperationPtr operation);
  void subscribe(std::uint64_t subscription, OperationPtr operation);
  void unsubscribe(std::uint64_t subscription, OperationPtr operation);
  void detach(std::uint64_t subscription, OperationPtr operation);
  void publish(PublishRequest message, OperationPtr operation);
  void publish_rows(std::shared_ptr<RowPublisher> rows);
  void rows_changed() { tick(); }
  void close(OperationPtr operation, std::chrono::milliseconds timeout);

  // PahoListener.
  void on_message(const MessageView& message, std::span<const std::uint32_t> identifiers) noexcept override;
  [[nodiscard]] bool keeps_properties() const noexcept override { return table_.keeps_properties(); }
  void on_connected(std::uint32_t request, const Connack& connack) override;
  void on_connect_failed(std::uint32_t request, int code) override;
  void on_connection_lost() override;
  void on_server_disconnect(int reason_code, const std::string& reason_string) override;
  void on_reply(std::uint32_t request, const PahoReply& reply) override;
  void on_published(std::span<const std::uint32_t> requests) override;
  [[nodiscard]] std::shared_ptr<Traffic> traffic() const noexcept override { return traffic_; }
  [[nodiscard]] std::shared_ptr<AnswerGate> answer_gate() const noexcept override { return table_.answer_gate(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct BrokerGoodbye {  // DISCONNECT
    int code;
    std::string reason;
  };

  // session_connect.cpp: from connect() to CONNACK.
  void begin_attempt();
  void on_resolved(std::uint32_t attempt, const Status& status);
  void ask_to_connect(std::uint32_t attempt);
  void on_probed(std::uint32_t attempt, int code, const Status& status);
  void on_attempt_timeout(std::uint32_t attempt);
  void on_silence(std::uint32_t attempt);
  void end_attempt();
  [[nodiscard]] bool can_fall_back() const;
  [[nodiscard]] bool fall_back(const std::string& why);
  void attempt_failed(Status status);
  void retry_in(std::chrono::milliseconds delay, const Status& why);
  [[nodiscard]] bool wants_clean_start() const;
  [[nodiscard]] ConnectOptions options_for_attempt() const;
  [[nodiscard]] bool is_persistent() const;

  // session_loss.cpp: from a connection to the next, or to the end.
  void lost();
  [[nodiscard]] Status cause_of_loss() const;
  [[nodiscard]] Status take_refused_packet();
  void stop(Status status, SessionEvent::Kind kind);
  void finish_close();
  void release_client();

  void note(SessionEvent::Kind kind, Status status, std::string detail) {
    events_.add(kind, std::move(status), std::move(detail));
  }
  void tell_unmatched() noexcept;
  void limit_holding();
  void stop_holding();
  void refused(SessionEvent::Kind kind, const Status& status, bool deferred);
  void set_state(SessionState state);
  void tick();
  [[nodiscard]] Status closed_status() const;
  [[nodiscard]] std::uint32_t next_request() noexcept { return ++last_request_ & ~kGatheredRequest; }
  // A task that keeps the core alive.
  template <typename Call>
  [[nodiscard]] ControlThread::Task task(Call call) {
    return [self = shared_from_this(), call = std::move(call)] { call(*self); };
  }

  const ConnectOptions options_;
  const std::shared_ptr<Traffic> traffic_ = std::make_shared<Traffic>();
  std::shared_ptr<void> websocket_slot_;
  SubscriptionTable table_;
  EventLog events_;
  std::uint32_t last_request_ = 0;
  Subscriber subscriber_;
  Publisher publisher_;
  RetryDelay retry_delay_;

  SessionState state_ = SessionState::created;
  std::unique_ptr<PahoClient> client_;
  ProtocolVersion protocol_;
  std::uint32_t attempt_ = 0;  // the request under which the current attempt runs; 0: none
  std::shared_ptr<std::atomic<bool>> probe_cancelled_;
  std::optional<ConnectingMark> connecting_mark_;
  OperationPtr connecting_;            // connect()'s, until it is answered
  std::vector<OperationPtr> closing_;  // close()'s: more than one caller may
  std::optional<BrokerGoodbye> goodbye_;
  bool ever_connected_ = false;
  std::optional<std::uint32_t> server_keepalive_;  // of the last CONNACK
  bool identify_ = false;                          // this connection's subscriptions have identifiers
  bool session_is_foreign_ =
      false;  // resumed at the first connect: another process's identifiers may come with its messages
  bool has_subscribed_ = false;
  bool holding_limited_ = false;
  Clock::time_point connected_at_{};
  ControlThread::TimerId attempt_timer_{};
  ControlThread::TimerId silence_timer_{};
  ControlThread::TimerId retry_timer_{};
  ControlThread::TimerId close_timer_{};
  ControlThread::TimerId tick_timer_{};
  ControlThread::TimerId hold_timer_{};

  mutable std::mutex mutex_;
  SessionInfo info_;       // guarded by mutex_
  Status deferred_error_;  // guarded by mutex_
};

}  // namespace honeyframe
