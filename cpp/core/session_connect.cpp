// SessionCore, from connect() to CONNACK.

#include <utility>

#include "blocking_work.h"
#include "connect_probe.h"
#include "reason_codes.h"
#include "session_core.h"

namespace honeyframe {
namespace {

// How long finding the cause of a failure may take.
constexpr std::chrono::milliseconds kProbe{5'000};
// A live connection of Paho's where there should be none is looked at again after this time.
constexpr std::chrono::milliseconds kSettle{100};

std::string version_text(ProtocolVersion protocol) {
  switch (protocol) {
    case ProtocolVersion::automatic:
      return "MQTT";
    case ProtocolVersion::v3_1:
      return "MQTT 3.1";
    case ProtocolVersion::v3_1_1:
      return "MQTT 3.1.1";
    case ProtocolVersion::v5_0:
      return "MQTT 5.0";
  }
  return "MQTT";
}

// The host and port that are looked up: the proxy's, where there is one.
std::pair<std::string, std::uint16_t> host_to_resolve(const ConnectOptions& options) {
  if (!options.http_proxy.empty()) {
    if (const auto proxy = ProxyUri::parse(options.http_proxy.reveal()); proxy.ok())
      return {proxy.value().host, proxy.value().port};
  }
  return {options.uri.host, options.uri.port};
}

std::string in_seconds(std::chrono::milliseconds delay) {
  const auto tenths = (delay.count() + 50) / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

bool SessionCore::is_persistent() const {
  return protocol_ == ProtocolVersion::v5_0 ? options_.session_expiry.count() > 0 : !options_.clean_start;
}

// Once connected, a session that the broker keeps is resumed, whatever the first connect asked for.
bool SessionCore::wants_clean_start() const {
  if (protocol_ != ProtocolVersion::v5_0) return options_.clean_start;
  return ever_connected_ ? !is_persistent() : options_.clean_start;
}

// Before 1.3.14 Paho does not read the keepalive that the broker sets in CONNACK, and is dropped by it when all is
// quiet: ask for that one.
ConnectOptions SessionCore::options_for_attempt() const {
  auto options = options_;
  const std::chrono::seconds wanted(server_keepalive_.value_or(0));
  if (wanted.count() > 0 && (options.keepalive.count() == 0 || wanted < options.keepalive)) options.keepalive = wanted;
  return options;
}

void SessionCore::connect(OperationPtr operation) {
  switch (state_) {
    case SessionState::created:
      connecting_ = std::move(operation);
      set_state(SessionState::connecting);
      return begin_attempt();
    case SessionState::connected:
      return operation->complete({});
    case SessionState::connecting:
    case SessionState::reconnecting:
      return operation->complete(Status(ErrorCode::invalid_argument, "the session is connecting already"));
    case SessionState::closed:
      return operation->complete(closed_status());
  }
}

void SessionCore::begin_attempt() {
  if (client_ != nullptr && client_->is_connected()) {  // Paho has not let go of the last connection yet
    static_cast<void>(client_->disconnect(next_request()));
    retry_timer_ = ControlThread::instance().run_after(kSettle, task([](SessionCore& self) { self.begin_attempt(); }));
    return;
  }
  attempt_ = next_request();
  goodbye_.reset();
  attempt_timer_ = ControlThread::instance().run_after(
      options_.connect_timeout, task([attempt = attempt_](SessionCore& self) { self.on_attempt_timeout(attempt); }));
  if (can_fall_back()) {
    silence_timer_ = ControlThread::instance().run_after(
        options_.connect_timeout / 2, task([attempt = attempt_](SessionCore& self) { self.on_silence(attempt); }));
  }
  auto [host, port] = host_to_resolve(options_);
  run_blocking(
      [host = std::move(host), port = port] { return resolve_host(host, port); },
      [self = shared_from_this(), attempt = attempt_](const Status& status) { self->on_resolved(attempt, status); });
}

void SessionCore::on_resolved(std::uint32_t attempt, const Status& status) {
  if (attempt != attempt_) return;
  if (!status.ok()) return attempt_failed(status);
  if (client_ == nullptr) {
    auto created = PahoClient::create(options_, protocol_, shared_from_this());
    if (!created.ok()) return attempt_failed(created.status());
    client_ = std::move(created).value();
  }
  connecting_mark_.emplace();
  ask_to_connect(attempt);
}

void SessionCore::ask_to_connect(std::uint32_t attempt) {
  if (attempt != attempt_) return;
  const auto asked = client_->connect(options_for_attempt(), wants_clean_start(), attempt);
  if (!asked.ok()) return attempt_failed(asked.status());
  if (asked.value()) return;
  // A DISCONNECT is still on its way. The attempt's own timer ends this.
  retry_timer_ = ControlThread::instance().run_after(
      kSettle, task([attempt](SessionCore& self) { self.ask_to_connect(attempt); }));
}

void SessionCore::on_connected(std::uint32_t request, const Connack& connack) {
  if (request != attempt_) return;
  end_attempt();
  const bool first = !std::exchange(ever_connected_, true);
  if (first) session_is_foreign_ = connack.session_present;
  if (first && !connack.session_present) static_cast<void>(table_.stop_holding());
  limit_holding();
  identify_ = protocol_ == ProtocolVersion::v5_0 && connack.subscription_identifiers_available && !session_is_foreign_;
  table_.use_identifiers(identify_);
  server_keepalive_ = connack.keepalive;
  connected_at_ = Clock::now();
  set_state(SessionState::connected);
  {
    const std::lock_guard lock(mutex_);
    info_.protocol = protocol_;
    info_.session_present = connack.session_present;
    ++info_.connects;
    info_.server_receive_maximum = connack.receive_maximum;
    info_.server_maximum_packet_size = connack.maximum_packet_size;
    info_.server_session_expiry = connack.session_expiry;
    info_.server_keepalive = connack.keepalive;
    info_.server_maximum_qos = connack.maximum_qos;
    info_.server_topic_alias_maximum = connack.topic_alias_maximum;
    const bool says = protocol_ == ProtocolVersion::v5_0;
    const auto said = [says](bool available) { return says ? std::optional(available) : std::nullopt; };
    info_.server_retain_available = said(connack.retain_available);
    info_.server_wildcard_available = said(connack.wildcard_subscriptions_available);
    info_.server_subscription_identifiers_available = said(connack.subscription_identifiers_available);
    info_.server_shared_available = said(connack.shared_subscriptions_available);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    info_.connected_time_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
  }
  note(SessionEvent::Kind::connected, {},
       version_text(protocol_) + (connack.session_present ? ", session present" : ", new session"));
  if (!first && !connack.session_present) {
    note(SessionEvent::Kind::gap, {},
         "the broker kept no session: what was sent between the loss and the new subscription is missing");
  }
  subscriber_.connected(*client_, identify_, !first && !connack.session_present);
  publisher_.connected(*client_, connack);
  tick();
  if (connecting_ != nullptr) std::exchange(connecting_, nullptr)->complete({});
}

void SessionCore::on_connect_failed(std::uint32_t request, int code) {
  if (request != attempt_) return;
  connecting_mark_.reset();
  if (code > 0) {
    if ((code == 0x01 || code == 0x84) && fall_back("CONNACK: unsupported protocol version")) return;
    return attempt_failed(status_for_connack(protocol_, code));
  }
  if (auto refused = take_refused_packet(); !refused.ok()) {
    if (fall_back(refused.message())) return;
    return attempt_failed(std::move(refused));
  }
  // Paho says -1 for a refused port, a bad certificate and a broker that hangs up alike.
  probe_cancelled_ = std::make_shared<std::atomic<bool>>(false);
  run_blocking([options = options_, cancelled = probe_cancelled_] { return probe(options, kProbe, *cancelled); },
               [self = shared_from_this(), attempt = attempt_, code](const Status& status) {
                 self->on_probed(attempt, code, status);
               });
}

void SessionCore::on_probed(std::uint32_t attempt, int code, const Status& status) {
  if (attempt != attempt_) return;
  if (!status.ok()) return attempt_failed(status);
  // The way to the broker is fine, so it was the broker that hung up: as those do that know no MQTT 5 and say so by
  // closing.
  if (fall_back("the broker closed the connection without CONNACK")) return;
  attempt_failed(Status(ErrorCode::disconnected_by_broker, options_.uri.display() +
                                                               " closed the connection without answering CONNECT (" +
                                                               version_text(protocol_) + ")")
                     .with_native_code(code)
                     .with_hint("is this an MQTT broker's port, without TLS where the address says so (mqtts:// is "
                                "with), and does it speak this version? protocol=\"3.1.1\" "
                                "asks for the older one"));
}

// Some brokers that know no MQTT 5 do not even hang up: amqtt reads its properties for something else, and waits.
void SessionCore::on_silence(std::uint32_t attempt) {
  if (attempt != attempt_ || probe_cancelled_ != nullptr) return;
  probe_cancelled_ = std::make_shared<std::atomic<bool>>(false);
  run_blocking([options = options_, cancelled = probe_cancelled_] { return probe(options, kProbe, *cancelled); },
               [self = shared_from_this(), attempt](const Status& status) {
                 // Else the timeout will say what there is to say.
                 if (attempt != self->attempt_ || !status.ok()) return;
                 static_cast<void>(
                     self->fall_back("no answer to CONNECT within " + in_seconds(self->options_.connect_timeout / 2)));
               });
}

bool SessionCore::can_fall_back() const {
  return options_.protocol == ProtocolVersion::automatic && protocol_ == ProtocolVersion::v5_0 && !ever_connected_;
}

bool SessionCore::fall_back(const std::string& why) {
  if (!can_fall_back()) return false;
  end_attempt();
  protocol_ = ProtocolVersion::v3_1_1;
  note(SessionEvent::Kind::protocol_fallback, {}, why + "; trying MQTT 3.1.1");
  client_.reset();  // the version is the handle's
  begin_attempt();
  return true;
}

void SessionCore::on_attempt_timeout(std::uint32_t attempt) {
  if (attempt != attempt_) return;
  release_client();  // the only way to stop what Paho has begun
  attempt_failed(
      Status(ErrorCode::connect_timeout,
             options_.uri.display() + " did not answer within " + in_seconds(options_.connect_timeout))
          .with_hint("check host and port (HiveMQ Cloud: 8883, or 8884 for wss), and that no firewall is in between"));
}

// Whatever is still on its way for it will be told by its number that it comes too late.
void SessionCore::end_attempt() {
  attempt_ = 0;
  connecting_mark_.reset();
  ControlThread::instance().cancel(attempt_timer_);
  ControlThread::instance().cancel(silence_timer_);
  if (probe_cancelled_ != nullptr) std::exchange(probe_cancelled_, nullptr)->store(true);
}

void SessionCore::attempt_failed(Status status) {
  end_attempt();
  if (!ever_connected_) return stop(std::move(status), SessionEvent::Kind::closed);
  {
    const std::lock_guard lock(mutex_);
    info_.last_error = status;
  }
  const auto advice = retry_advice(status);
  if (advice != RetryAdvice::soon) note(SessionEvent::Kind::refused, status, status.message());
  switch (advice) {
    case RetryAdvice::soon:
      return retry_in(retry_delay_.next(), status);
    case RetryAdvice::slowly:
      return retry_in(options_.refused_retry_delay, status);
    case RetryAdvice::never:
      return stop(std::move(status), SessionEvent::Kind::closed);
  }
}

void SessionCore::retry_in(std::chrono::milliseconds delay, const Status& why) {
  set_state(SessionState::reconnecting);
  note(SessionEvent::Kind::retrying, why, "in " + in_seconds(delay) + ": " + why.message());
  retry_timer_ = ControlThread::instance().run_after(delay, task([](SessionCore& self) { self.begin_attempt(); }));
}

}  // namespace honeyframe
