#include "paho_callbacks.h"

#include <array>
#include <cstring>
#include <ctime>
#include <deque>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

#include "control_thread.h"
#include "gathered_answers.h"
#include "paho_properties.h"
#include "paho_stream.h"

namespace honeyframe {
namespace {

static_assert(sizeof(void*) == 8, "a callback's context carries the client's and the request's number");

// Control thread: the clients that are there, by number.
std::unordered_map<std::uint32_t, std::shared_ptr<PahoListener>>& live_clients() {
  static auto* const leaked = new std::unordered_map<std::uint32_t, std::shared_ptr<PahoListener>>;
  return *leaked;
}

// Posts `call(listener)` for the client with this number, if it still exists then.
template <typename Call>
void post_to(std::uint32_t client, Call call) {
  ControlThread::instance().post([client, call = std::move(call)] {
    const auto found = live_clients().find(client);
    if (found == live_clients().end()) return;
    const auto listener = found->second;  // the call may end the client, and with it the listener
    call(*listener);
  });
}

// What the broker says in words is worth having, but no allocation of that length is worth the process.
std::string reason_or_nothing(const MQTTProperties& properties) noexcept {
  try {
    return reason_string_of(properties);
  } catch (const std::bad_alloc&) {
    return {};
  }
}

std::uint32_t client_of(void* context) {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(context) >> 32);
}
std::uint32_t request_of(void* context) {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(context));
}

// Where Paho is lean: of the read that brought its last bytes. One question to the clock serves all messages of it.
std::int64_t receive_time_ns() noexcept {
#if HONEYFRAME_PAHO_LEAN
  if (const auto read = PahoStream::read_time_ns(); read != 0) return read;
#endif
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

void connected(void* context, const Connack& connack) {
  post_to(client_of(context),
          [request = request_of(context), connack](PahoListener& to) { to.on_connected(request, connack); });
}

void connect_failed(void* context, int code) {
  post_to(client_of(context),
          [request = request_of(context), code](PahoListener& to) { to.on_connect_failed(request, code); });
}

void reply(void* context, PahoReply reply) {
  post_to(client_of(context),
          [request = request_of(context), reply = std::move(reply)](PahoListener& to) { to.on_reply(request, reply); });
}

void post_gathered(std::uint32_t client) {
  post_to(client, [client](PahoListener& to) {
    std::vector<std::uint32_t> requests;
    GatheredAnswers::instance().take(client, requests);
    if (!requests.empty()) to.on_published(requests);
  });
}

void published_one(void* context) {
  if (GatheredAnswers::instance().add(client_of(context), request_of(context))) post_gathered(client_of(context));
}

void deliver(PahoClient::CallbackRecord& record, const char* topic, int topic_length, const MQTTAsync_message& message,
             std::int64_t received) noexcept {
  PahoListener& listener = *record.listener;
  MessageView view;
  view.topic =
      topic_length > 0 ? std::string_view(topic, static_cast<std::size_t>(topic_length)) : std::string_view(topic);
  view.payload = {static_cast<const char*>(message.payload), static_cast<std::size_t>(message.payloadlen)};
  view.receive_time_ns = received;
  view.qos = static_cast<std::uint8_t>(message.qos);
  view.retain = message.retained != 0;
  view.packet_id = static_cast<std::uint16_t>(message.msgid);
  view.dup = message.dup != 0 || (message.qos == 2 && record.watch->sent_again().knows(view.packet_id));
  std::array<std::uint32_t, 64> identifiers;  // NOLINT(cppcoreguidelines-pro-type-member-init): `count` of them are set
  std::size_t count = 0;
  for_each_property(message.properties, [&](int id, const auto& value) {
    if (id == kSubscriptionIdentifier && count < identifiers.size()) identifiers[count++] = value.integer4;
  });
  MessageProperties properties;
  if (message.properties.count > 0 && listener.keeps_properties()) {
    try {
      properties = read_properties(message.properties);
      view.properties = &properties;
    } catch (const std::bad_alloc&) {
      // Without them: the message itself counts for more.
    }
  }
  listener.on_message(view, std::span(identifiers.data(), count));
}

void estimate_arrival(const PahoClient::CallbackRecord& record, const char* topic, int topic_length,
                      const MQTTAsync_message& message) noexcept {
  if (record.traffic == nullptr || !record.estimate) return;
  const auto topic_size = topic_length > 0 ? static_cast<std::size_t>(topic_length) : std::strlen(topic);
  const auto size = record.estimate->publish_size(topic_size, static_cast<std::size_t>(message.payloadlen), message.qos,
                                                  static_cast<std::size_t>(message.properties.length));
  record.traffic->add(record.estimate->arrived(size, message.qos));
}

}  // namespace

PahoClient::CallbackRecord* PahoCallbacks::remember(std::uint32_t client, std::shared_ptr<PahoListener> listener,
                                                    std::shared_ptr<PacketWatch> watch,
                                                    std::shared_ptr<Traffic> traffic, TrafficEstimate estimate) {
  static auto* const leaked = new std::deque<PahoClient::CallbackRecord>;
  auto& record = leaked->emplace_back();
  record.client = client;
  record.listener = listener;
  record.watch = std::move(watch);
  record.traffic = std::move(traffic);
  record.estimate = estimate;
  live_clients().emplace(client, std::move(listener));
  GatheredAnswers::instance().know(client);
  return &record;
}

void PahoCallbacks::forget(PahoClient::CallbackRecord& record) {
  live_clients().erase(record.client);
  GatheredAnswers::instance().forget(record.client);
  const std::lock_guard lock(record.mutex);
  record.listener = nullptr;
  record.watch = nullptr;
  record.traffic = nullptr;
}

void* PahoCallbacks::context_of(std::uint32_t client, std::uint32_t request) noexcept {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(client) << 32 | request);
}

int PahoCallbacks::message_arrived(void* context, char* topic, int topic_length, MQTTAsync_message* message) noexcept {
  const auto received = receive_time_ns();
  auto& record = *static_cast<PahoClient::CallbackRecord*>(context);
  {
    const std::lock_guard lock(record.mutex);
    if (!counts_every_byte()) estimate_arrival(record, topic, topic_length, *message);
    if (record.listener != nullptr) deliver(record, topic, topic_length, *message, received);
  }
  MQTTAsync_freeMessage(&message);
  MQTTAsync_free(topic);
  return 1;  // always: 0 would acknowledge it all the same and keep it in an unbounded list
}

void PahoCallbacks::connection_lost(void* context, char*) noexcept {
  post_to(static_cast<PahoClient::CallbackRecord*>(context)->client, [](PahoListener& to) { to.on_connection_lost(); });
}

void PahoCallbacks::server_disconnect(void* context, MQTTProperties* properties, enum MQTTReasonCodes code) noexcept {
  auto reason = properties == nullptr ? std::string() : reason_or_nothing(*properties);
  post_to(static_cast<PahoClient::CallbackRecord*>(context)->client,
          [code, reason = std::move(reason)](PahoListener& to) { to.on_server_disconnect(code, reason); });
}

void PahoCallbacks::connect_success(void* context, MQTTAsync_successData* data) noexcept {
  Connack connack;
  connack.session_present = data->alt.connect.sessionPresent != 0;
  connected(context, connack);
}

void PahoCallbacks::connect_success5(void* context, MQTTAsync_successData5* data) noexcept {
  connected(context, read_connack(data->alt.connect.sessionPresent != 0, data->properties));
}

void PahoCallbacks::connect_failure(void* context, MQTTAsync_failureData* data) noexcept {
  connect_failed(context, data == nullptr ? MQTTASYNC_FAILURE : data->code);
}

void PahoCallbacks::connect_failure5(void* context, MQTTAsync_failureData5* data) noexcept {
  connect_failed(context, data == nullptr                                        ? MQTTASYNC_FAILURE
                          : data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR ? static_cast<int>(data->reasonCode)
                                                                                 : data->code);
}

void PahoCallbacks::subscribed(void* context, MQTTAsync_successData* data) noexcept {
  reply(context, {true, data->alt.qos, {}});
}

void PahoCallbacks::subscribed5(void* context, MQTTAsync_successData5* data) noexcept {
  reply(context, {true, data->reasonCode, {}});
}

void PahoCallbacks::published(void* context, MQTTAsync_successData*) noexcept {
  published_one(context);
}

void PahoCallbacks::published5(void* context, MQTTAsync_successData5*) noexcept {
  published_one(context);
}

void PahoCallbacks::done(void* context, MQTTAsync_successData*) noexcept {
  reply(context, {true, 0, {}});
}

void PahoCallbacks::done5(void* context, MQTTAsync_successData5*) noexcept {
  reply(context, {true, 0, {}});
}

void PahoCallbacks::failed(void* context, MQTTAsync_failureData* data) noexcept {
  reply(context, {false, data == nullptr ? MQTTASYNC_FAILURE : data->code, {}});
}

void PahoCallbacks::failed5(void* context, MQTTAsync_failureData5* data) noexcept {
  if (data != nullptr && data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
    reply(context, {false, data->reasonCode, reason_or_nothing(data->properties)});
  } else {
    reply(context, {false, data == nullptr || data->code == 0 ? MQTTASYNC_FAILURE : data->code, {}});
  }
}

}  // namespace honeyframe
