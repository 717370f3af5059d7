#include "session_core.h"

#include <new>
#include <utility>

namespace honeyframe {
namespace {

// How often Paho's full buffer is tried again, and messages it gave up are looked at.
constexpr std::chrono::milliseconds kTick{10};

}  // namespace

SessionCore::SessionCore(ConnectOptions options, std::shared_ptr<void> websocket_slot)
    : options_(std::move(options)),
      websocket_slot_(std::move(websocket_slot)),
      subscriber_(
          table_, [this] { return next_request(); },
          [this](const Status& status) { refused(SessionEvent::Kind::subscribe_refused, status, false); },
          [this](std::size_t filters) {
            note(SessionEvent::Kind::resubscribed, {}, std::to_string(filters) + " filters");
          },
          [this](std::string detail) { note(SessionEvent::Kind::qos_lowered, {}, std::move(detail)); }),
      publisher_([this] { return next_request(); },
                 [this](const Status& status, bool deferred) {
                   refused(SessionEvent::Kind::publish_refused, status, deferred);
                 }),
      retry_delay_(options_.reconnect_min_delay, options_.reconnect_max_delay),
      protocol_(options_.protocol == ProtocolVersion::automatic ? ProtocolVersion::v5_0 : options_.protocol) {
  table_.on_unmatched([this] { tell_unmatched(); });
  if (!options_.clean_start) table_.hold_messages();  // the backlog comes right after CONNACK
  info_.uri = options_.uri.display();
  info_.client_id = options_.client_id;
  info_.protocol = options_.protocol;
}

SessionInfo SessionCore::info() const {
  const auto routing = table_.counters();
  const std::lock_guard lock(mutex_);
  auto info = info_;
  info.arrived = routing.arrived;
  info.routed = routing.routed;
  info.unmatched = routing.unmatched;
  info.held = routing.held;
  info.arrived_bytes = routing.arrived_bytes;
  info.published = publisher_.published();
  info.events_lost = events_.lost();
  info.traffic = traffic_->bytes();
  info.traffic_is_exact = counts_every_byte();
  return info;
}

Status SessionCore::take_deferred_error() {
  const std::lock_guard lock(mutex_);
  return std::exchange(deferred_error_, Status());
}

void SessionCore::set_state(SessionState state) {
  state_ = state;
  const std::lock_guard lock(mutex_);
  info_.state = state;
}

void SessionCore::refused(SessionEvent::Kind kind, const Status& status, bool deferred) {
  note(kind, status, status.message());
  if (!deferred) return;
  const std::lock_guard lock(mutex_);
  deferred_error_ = status;
}

Status SessionCore::closed_status() const {
  const std::lock_guard lock(mutex_);
  return info_.last_error.ok() ? Status(ErrorCode::closed, "the session is closed") : info_.last_error;
}

void SessionCore::subscribe(std::uint64_t subscription, OperationPtr operation) {
  if (state_ == SessionState::closed || !closing_.empty()) {
    static_cast<void>(table_.remove(subscription));
    return operation->complete(closed_status());
  }
  subscriber_.subscribe(subscription, std::move(operation));
  has_subscribed_ = true;
  limit_holding();
}

// Streams are opened one after the other: what none of them wants by then is given up.
void SessionCore::limit_holding() {
  if (options_.clean_start || !has_subscribed_ || !ever_connected_ || std::exchange(holding_limited_, true)) return;
  hold_timer_ =
      ControlThread::instance().run_after(options_.hold_backlog, task([](SessionCore& self) { self.stop_holding(); }));
}

void SessionCore::stop_holding() {
  const auto held = table_.stop_holding();
  if (held == 0) return;
  note(SessionEvent::Kind::unmatched, {},
       std::to_string(held) + " messages of the session from before were held, and no subscription wanted them");
}

void SessionCore::unsubscribe(std::uint64_t subscription, OperationPtr operation) {
  subscriber_.unsubscribe(subscription, std::move(operation));
}

void SessionCore::detach(std::uint64_t subscription, OperationPtr operation) {
  subscriber_.detach(subscription);
  operation->complete({});
}

void SessionCore::publish(PublishRequest message, OperationPtr operation) {
  if (state_ == SessionState::closed || !closing_.empty()) return operation->complete(closed_status());
  publisher_.publish(std::move(message), std::move(operation));
  tick();
}

void SessionCore::publish_rows(std::shared_ptr<RowPublisher> rows) {
  if (state_ == SessionState::closed || !closing_.empty()) return rows->end(closed_status());
  publisher_.publish_rows(std::move(rows));
  tick();
}

void SessionCore::on_message(const MessageView& message, std::span<const std::uint32_t> identifiers) noexcept {
  table_.route(message, identifiers);
}

// Paho's receive thread, once a session.
void SessionCore::tell_unmatched() noexcept {
  try {
    ControlThread::instance().post(task([](SessionCore& self) {
      if (!self.session_is_foreign_) return;  // after an unsubscribe, as a rule
      self.note(SessionEvent::Kind::unmatched, {},
                "the broker's session has filters from before that nothing here subscribes to: their messages are "
                "acknowledged and counted as unmatched");
    }));
  } catch (const std::bad_alloc&) {
    // The counter stands.
  }
}

void SessionCore::on_reply(std::uint32_t request, const PahoReply& reply) {
  if (!subscriber_.on_reply(request, reply)) static_cast<void>(publisher_.on_reply(request, reply));
  if (!closing_.empty() && publisher_.idle()) return finish_close();
  tick();
}

void SessionCore::on_published(std::span<const std::uint32_t> requests) {
  publisher_.on_published(requests);
  if (!closing_.empty() && publisher_.idle()) return finish_close();
  tick();
}

void SessionCore::tick() {
  ControlThread::instance().cancel(tick_timer_);
  if (!publisher_.tick()) return;
  tick_timer_ = ControlThread::instance().run_after(kTick, task([](SessionCore& self) { self.tick(); }));
}

}  // namespace honeyframe
