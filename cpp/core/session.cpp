#include "session.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <random>
#include <string_view>
#include <utility>

#include "control_thread.h"
#include "publish_check.h"
#include "session_core.h"
#include "topic_filter.h"

namespace honeyframe {
namespace {

// The sessions of the process, for close_all_sessions(). Never destroyed.
struct Registry {
  std::mutex mutex;
  std::vector<std::weak_ptr<SessionCore>> cores;  // guarded by mutex

  static Registry& instance() {
    static auto* const leaked = new Registry;
    return *leaked;
  }
  void add(const std::shared_ptr<SessionCore>& core) {
    const std::lock_guard lock(mutex);
    std::erase_if(cores, [](const auto& entry) { return entry.expired(); });
    cores.push_back(core);
  }
  std::vector<std::shared_ptr<SessionCore>> alive() {
    std::vector<std::shared_ptr<SessionCore>> found;
    const std::lock_guard lock(mutex);
    for (const auto& entry : cores) {
      if (auto core = entry.lock()) found.push_back(std::move(core));
    }
    return found;
  }
};

Status forked_status() {
  return Status(ErrorCode::forked,
                "this session belongs to the parent process: its threads and its connection do not exist in a forked "
                "child")
      .with_hint("start processes with the \"spawn\" or \"forkserver\" method, or connect in the child alone");
}

OperationPtr completed(Status status) {
  auto operation = std::make_shared<Operation>();
  operation->complete(std::move(status));
  return operation;
}

std::string random_client_id() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::random_device random;
  std::string id = "honeyframe-";
  for (int i = 0; i < 16; ++i) id += kDigits[random() % 16];
  return id;
}

// Null where another live session has it.
std::shared_ptr<void> take_websocket_slot() {
  static std::atomic<bool> taken{false};
  if (taken.exchange(true)) return nullptr;
  return {&taken, [](void*) { taken.store(false); }};
}

Status validate(const SubscribeRequest& request) {
  if (request.filters.empty()) return Status(ErrorCode::invalid_argument, "there is no topic filter to subscribe to");
  for (const auto& filter : request.filters) {
    if (auto status = validate_topic_filter(filter); !status.ok()) return status;
  }
  if (request.qos < 0 || request.qos > 2) {
    return Status(ErrorCode::invalid_argument, "qos must be 0, 1 or 2; found " + std::to_string(request.qos));
  }
  return {};
}

// While a push waits for room nothing else is received, no ping is answered, and the broker gives up after 1.5 times
// the keepalive.
Status check_blocking(const ConnectOptions& options, const SubscriptionTable& table, const MessageQueue& queue) {
  const auto& limits = queue.limits();
  if (limits.policy != OverflowPolicy::block || options.keepalive.count() == 0) return {};
  const auto longest = table.longest_block() + limits.block_timeout;
  if (longest <= std::chrono::milliseconds(options.keepalive) / 2) return {};
  return Status(ErrorCode::invalid_argument,
                "the streams of this session that block could stop it from receiving for " +
                    std::to_string(longest.count()) + " ms, more than half of the keepalive of " +
                    std::to_string(options.keepalive.count()) + " s")
      .with_hint("give them a shorter block_timeout, or the session a longer keepalive");
}

// Before MQTT 5 Paho answers PUBLISH with PUBREC before anybody has seen the message: what is then lost in a crash
// comes from nowhere again. A broker may also send with QoS 2 what another stream's filter asks for.
Status check_spooled(const SessionCore& core, const SubscriptionTable& table, const SubscribeRequest& request,
                     const MessageQueue& queue) {
  const auto protocol = core.info().protocol;
  if (protocol != ProtocolVersion::v3_1 && protocol != ProtocolVersion::v3_1_1) return {};
  const bool spooled = queue.is_spooled() || table.is_spooled();
  if (!spooled || std::max(request.qos, table.highest_qos()) < 2) return {};
  return Status(ErrorCode::invalid_argument,
                "spooled delivery with QoS 2 needs MQTT 5, and this session speaks MQTT " +
                    std::string(to_string(protocol)) +
                    ": there a message of QoS 2 is acknowledged before it can be written to a spool")
      .with_hint("ask for qos=1, in every stream of this session, or connect with protocol=\"5.0\"");
}

// What callers hold. Forwards to the core on the control thread, and closes it when the last reference goes.
class SessionHandle final : public Session {
 public:
  explicit SessionHandle(std::shared_ptr<SessionCore> core) : core_(std::move(core)) {}

  ~SessionHandle() override {
    if (in_forked_child()) {  // nothing here is ours to close, and its locks may be held for ever
      new std::shared_ptr<SessionCore>(std::move(core_));
      return;
    }
    post([](SessionCore& core) { core.close(std::make_shared<Operation>(), std::chrono::milliseconds(2'000)); });
  }

  OperationPtr connect() override {
    return request([](SessionCore& core, OperationPtr operation) { core.connect(std::move(operation)); });
  }

  OperationPtr subscribe(SubscribeRequest wish, std::shared_ptr<MessageQueue> queue,
                         std::uint64_t& subscription_id) override {
    subscription_id = 0;
    if (in_forked_child()) return completed(forked_status());
    if (auto status = validate(wish); !status.ok()) return completed(std::move(status));
    if (queue == nullptr) return completed(Status(ErrorCode::invalid_argument, "a subscription needs a queue"));
    const std::lock_guard one_at_a_time(subscribe_mutex_);  // what is checked holds until it is in the table
    if (auto status = check_blocking(core_->options(), core_->table(), *queue); !status.ok())
      return completed(std::move(status));
    if (auto status = check_spooled(*core_, core_->table(), wish, *queue); !status.ok())
      return completed(std::move(status));
    // Before SUBSCRIBE leaves: messages may overtake SUBACK.
    const auto added = core_->table().add(wish, std::move(queue));
    if (!added.ok()) return completed(added.status());
    subscription_id = added.value();
    return request(
        [id = added.value()](SessionCore& core, OperationPtr operation) { core.subscribe(id, std::move(operation)); });
  }

  OperationPtr unsubscribe(std::uint64_t subscription_id) override {
    return request([subscription_id](SessionCore& core, OperationPtr operation) {
      core.unsubscribe(subscription_id, std::move(operation));
    });
  }

  OperationPtr detach(std::uint64_t subscription_id) override {
    return request([subscription_id](SessionCore& core, OperationPtr operation) {
      core.detach(subscription_id, std::move(operation));
    });
  }

  OperationPtr publish(PublishRequest message) override {
    if (in_forked_child()) return completed(forked_status());
    if (auto status = validate(message); !status.ok()) return completed(std::move(status));
    return request([message = std::move(message)](SessionCore& core, OperationPtr operation) mutable {
      core.publish(std::move(message), std::move(operation));
    });
  }

  Result<std::shared_ptr<RowPublisher>> publish_rows(RowPublishRequest request) override {
    if (in_forked_child()) return forked_status();
    if (auto status = RowPublisher::validate(request); !status.ok()) return status;
    auto topic = RowMessages::topic_of(request.rows);
    auto rows = std::make_shared<RowPublisher>(std::move(request), std::move(topic).value(), [core = core_] {
      ControlThread::instance().post([core] { core->rows_changed(); });
    });
    post([rows](SessionCore& core) { core.publish_rows(rows); });
    return rows;
  }

  Status take_deferred_error() override { return in_forked_child() ? forked_status() : core_->take_deferred_error(); }

  OperationPtr close(std::chrono::milliseconds timeout) override {
    return request([timeout](SessionCore& core, OperationPtr operation) { core.close(std::move(operation), timeout); });
  }

  SessionInfo info() const override {
    if (!in_forked_child()) return core_->info();
    SessionInfo info;
    info.state = SessionState::closed;
    info.last_error = forked_status();
    return info;
  }
  std::vector<SessionEvent> take_events() override {
    return in_forked_child() ? std::vector<SessionEvent>() : core_->events().take();
  }
  bool wait_event(std::chrono::milliseconds wait) override { return !in_forked_child() && core_->events().wait(wait); }

 private:
  template <typename Call>
  void post(Call call) {
    ControlThread::instance().post([core = core_, call = std::move(call)]() mutable { call(*core); });
  }
  template <typename Call>
  OperationPtr request(Call call) {
    if (in_forked_child()) return completed(forked_status());
    auto operation = std::make_shared<Operation>();
    post([operation, call = std::move(call)](SessionCore& core) mutable { call(core, operation); });
    return operation;
  }

  std::shared_ptr<SessionCore> core_;
  std::mutex subscribe_mutex_;
};

}  // namespace

Result<std::shared_ptr<Session>> Session::create(ConnectOptions options) {
  if (in_forked_child()) return forked_status();
  if (auto status = options.validate(); !status.ok()) return status;
  std::shared_ptr<void> slot;
  if (options.uri.uses_websocket()) {
    slot = take_websocket_slot();
    if (slot == nullptr) {
      return Status(ErrorCode::websocket_in_use, "another WebSocket session is open in this process; there can be one")
          .with_hint("close it first, or use mqtts://, of which there can be many");
    }
  }
  if (options.client_id.empty()) options.client_id = random_client_id();
  auto core = std::make_shared<SessionCore>(std::move(options), std::move(slot));
  Registry::instance().add(core);
  return std::shared_ptr<Session>(std::make_shared<SessionHandle>(std::move(core)));
}

void close_all_sessions(std::chrono::milliseconds timeout) {
  if (in_forked_child()) return;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  std::vector<OperationPtr> closing;
  const auto cores = Registry::instance().alive();
  // First all queues: a push that waits for room holds its receive thread, and with it Paho's lock and every close.
  for (const auto& core : cores) core->table().close_queues();
  for (const auto& core : cores) {
    auto operation = closing.emplace_back(std::make_shared<Operation>());
    ControlThread::instance().post([core, operation, timeout] { core->close(operation, timeout); });
  }
  for (const auto& operation : closing) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    static_cast<void>(operation->wait_for(std::max(left, std::chrono::milliseconds(0))));
  }
}

bool in_forked_child() noexcept {
  return ControlThread::in_forked_child();
}

std::string_view to_string(SessionState state) noexcept {
  switch (state) {
    case SessionState::created:
      return "created";
    case SessionState::connecting:
      return "connecting";
    case SessionState::connected:
      return "connected";
    case SessionState::reconnecting:
      return "reconnecting";
    case SessionState::closed:
      return "closed";
  }
  return "unknown";
}

std::string_view to_string(SessionEvent::Kind kind) noexcept {
  using Kind = SessionEvent::Kind;
  switch (kind) {
    case Kind::connected:
      return "connected";
    case Kind::packet_refused:
      return "packet_refused";
    case Kind::connection_lost:
      return "connection_lost";
    case Kind::retrying:
      return "retrying";
    case Kind::gap:
      return "gap";
    case Kind::resubscribed:
      return "resubscribed";
    case Kind::subscribe_refused:
      return "subscribe_refused";
    case Kind::publish_refused:
      return "publish_refused";
    case Kind::refused:
      return "refused";
    case Kind::taken_over:
      return "taken_over";
    case Kind::closed:
      return "closed";
    case Kind::protocol_fallback:
      return "protocol_fallback";
    case Kind::qos_lowered:
      return "qos_lowered";
    case Kind::unmatched:
      return "unmatched";
  }
  return "unknown";
}

}  // namespace honeyframe
