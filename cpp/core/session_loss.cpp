// SessionCore, from the loss of a connection to the next one, or to the end.

#include <algorithm>
#include <utility>

#include "reason_codes.h"
#include "refusals.h"
#include "session_core.h"

namespace honeyframe {
namespace {

// The longest that close() waits for acknowledgements.
constexpr std::chrono::milliseconds kDrain{1'000};

}  // namespace

void SessionCore::on_server_disconnect(int reason_code, const std::string& reason_string) {
  if (state_ != SessionState::connected) return;
  goodbye_ = BrokerGoodbye{reason_code, reason_string};
  static_cast<void>(client_->disconnect(next_request()));  // for Paho's releases that leave the socket open
  lost();
}

void SessionCore::on_connection_lost() {
  if (state_ == SessionState::connected) lost();
}

Status SessionCore::cause_of_loss() const {
  if (goodbye_) return status_for_disconnect(goodbye_->code, goodbye_->reason);
  return Status(ErrorCode::connection_lost, "the connection to " + options_.uri.display() + " was lost");
}

// What the connection was ended for, below Paho, counted and told; ok where it was not.
Status SessionCore::take_refused_packet() {
  const auto refusal = client_ == nullptr ? std::nullopt : client_->take_refused_packet();
  if (!refusal) return {};
  auto status = Status(ErrorCode::packet_refused, refusal->text()).with_hint(refusal->hint());
  {
    const std::lock_guard lock(mutex_);
    ++info_.refused_packets;
  }
  note(SessionEvent::Kind::packet_refused, status, status.message());
  return status;
}

void SessionCore::lost() {
  ControlThread::instance().cancel(retry_timer_);
  const auto refused_packet = take_refused_packet();
  if (!closing_.empty()) return finish_close();
  if (Clock::now() - connected_at_ >= kGoodConnection) retry_delay_.reset();
  const bool we_ended_it = !refused_packet.ok() && !goodbye_;
  auto cause = we_ended_it ? refused_packet : cause_of_loss();
  note(SessionEvent::Kind::connection_lost, cause, cause.message());
  set_state(SessionState::reconnecting);
  {
    const std::lock_guard lock(mutex_);
    info_.last_error = cause;
  }

  const int code = goodbye_ ? goodbye_->code : 0;
  Publisher::Loss publishing;
  Subscriber::Loss subscribing;
  publishing.cause = cause;
  // Before MQTT 5, Paho 1.3.12 repeats messages that it has given up, and whose payload it has freed: never with rows.
  const bool has_rows = publisher_.has_rows();
  publishing.kept_by_paho = is_persistent() && !(has_rows && protocol_ != ProtocolVersion::v5_0);
  publishing.names_no_reason = protocol_ != ProtocolVersion::v5_0 && !we_ended_it;
  subscribing.names_no_reason = publishing.names_no_reason;
  subscribing.closing_is_denying = protocol_ == ProtocolVersion::v3_1 && !we_ended_it;
  // HiveMQ refuses a publish twice: in PUBACK, then in DISCONNECT. What else was on its way is not to blame then.
  const bool repeats = goodbye_ && publisher_.refused_lately(code);
  if (is_about_publish(code) && !repeats && publisher_.has_suspects())
    publishing.refusal = publisher_.refusal(code, goodbye_->reason);
  if (is_about_subscribe(code) && subscriber_.awaits_answer()) subscribing.refusal = cause;
  const bool explained = publishing.refusal || subscribing.refusal || repeats;

  auto denied = publisher_.lost(publishing);
  if (auto also = subscriber_.lost(subscribing); also && !denied) denied = std::move(also);
  // What was refused must not be sent again, and Paho repeats what it holds for a session that is kept: our own copy of
  // the others is sent over a new handle. Rows that Paho had not written yet it would send on the next connection,
  // whose caller has been told that they were lost.
  if (publishing.refusal || (has_rows && !publishing.kept_by_paho)) client_.reset();
  if (denied) return stop(std::move(*denied), SessionEvent::Kind::closed);
  if (!options_.reconnect) return stop(std::move(cause), SessionEvent::Kind::closed);
  switch (explained ? RetryAdvice::soon : retry_advice(cause)) {
    case RetryAdvice::soon:
      return retry_in(retry_delay_.next(), cause);
    case RetryAdvice::slowly:
      return retry_in(options_.refused_retry_delay, cause);
    case RetryAdvice::never: {
      const bool taken_over = cause.code() == ErrorCode::session_taken_over;
      return stop(std::move(cause), taken_over ? SessionEvent::Kind::taken_over : SessionEvent::Kind::closed);
    }
  }
}

// For an attempt that has to be broken off. What Paho kept for a resumed session goes with it.
void SessionCore::release_client() {
  static_cast<void>(publisher_.lost({}));
  client_.reset();
}

void SessionCore::stop(Status status, SessionEvent::Kind kind) {
  auto& control = ControlThread::instance();
  for (auto* timer : {&attempt_timer_, &silence_timer_, &retry_timer_, &close_timer_, &tick_timer_, &hold_timer_})
    control.cancel(*timer);
  attempt_ = 0;
  if (probe_cancelled_ != nullptr) probe_cancelled_->store(true);
  const auto self = shared_from_this();  // the client may be the last to hold us
  const auto reason = status.ok() ? Status(ErrorCode::closed, "the session is closed") : status;
  subscriber_.fail_all(reason);
  publisher_.fail_all(reason);
  table_.close_queues();  // a push that waits for room holds the receive thread, and that would hold the next line
  client_.reset();        // DISCONNECT, where there is a connection
  table_.close_all();     // last: what arrives until then is acknowledged, and a spool keeps it
  connecting_mark_.reset();
  websocket_slot_.reset();
  {
    const std::lock_guard lock(mutex_);
    info_.last_error = status;  // none where it ends by its owner's wish, whatever there was before
  }
  stop_holding();
  // Before the state: who sees that may stop asking for events.
  note(kind, status, status.ok() ? "closed" : status.message());
  set_state(SessionState::closed);
  events_.close();
  if (connecting_ != nullptr) std::exchange(connecting_, nullptr)->complete(reason);
  for (const auto& operation : std::exchange(closing_, {})) operation->complete({});
}

void SessionCore::close(OperationPtr operation, std::chrono::milliseconds timeout) {
  if (state_ == SessionState::closed) return operation->complete({});
  closing_.push_back(std::move(operation));
  if (closing_.size() > 1) return;
  publisher_.wind_up_rows(Status(ErrorCode::closed, "the session was closed"));
  if (state_ != SessionState::connected || publisher_.idle()) return finish_close();
  close_timer_ = ControlThread::instance().run_after(std::min(timeout / 2, kDrain),
                                                     task([](SessionCore& self) { self.finish_close(); }));
}

void SessionCore::finish_close() {
  stop({}, SessionEvent::Kind::closed);
}

}  // namespace honeyframe
