#include "paho_client.h"

#include <MQTTAsync.h>

#include <utility>

#include "paho_callbacks.h"
#include "paho_imports.h"
#include "paho_properties.h"

namespace honeyframe {
namespace {

// Messages that Paho holds for sending; publish() answers false beyond.
constexpr int kMaxBufferedMessages = 1'000;

std::string server_uri(const BrokerUri& uri) {
  const char* scheme = "tcp://";
  if (uri.uses_websocket()) {
    scheme = uri.uses_tls() ? "wss://" : "ws://";
  } else if (uri.uses_tls()) {
    scheme = "ssl://";
  }
  const bool bracketed = uri.host.find(':') != std::string::npos;
  auto text = scheme + (bracketed ? "[" + uri.host + "]" : uri.host) + ":" + std::to_string(uri.port);
  return uri.uses_websocket() ? text + uri.path : text;
}

// Paho wants the MQTT 5 pair for an MQTT 5 client, and the other one for the rest.
MQTTAsync_responseOptions answer_to(bool is_v5, void* context) {
  MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
  options.context = context;
  if (is_v5) {
    options.onSuccess5 = PahoCallbacks::done5;
    options.onFailure5 = PahoCallbacks::failed5;
  } else {
    options.onSuccess = PahoCallbacks::done;
    options.onFailure = PahoCallbacks::failed;
  }
  return options;
}

// Once a process, before anything else of Paho's. The sentinel is never connected and never destroyed: with the last
// client Paho would tear its threads and tables down, and race with whoever comes next.
int initialize_paho() {
  static const int code = [] {
    static_cast<void>(answer_paho_imports());
    static MQTTAsync sentinel = nullptr;
    return MQTTAsync_create(&sentinel, "tcp://127.0.0.1:1883", "honeyframe-sentinel", MQTTCLIENT_PERSISTENCE_NONE,
                            nullptr);
  }();
  return code;
}

// Under what the connection will show of itself.
std::shared_ptr<PacketWatch> watch_for(const ConnectOptions& options, const PahoListener& listener) {
  auto host = options.uri.host;
  auto port = options.uri.port;
  if (!options.http_proxy.empty()) {
    if (const auto proxy = ProxyUri::parse(options.http_proxy.reveal()); proxy.ok()) {
      host = proxy.value().host;
      port = proxy.value().port;
    }
  }
  return PacketWatch::make(options.client_id, std::move(host), port, options.maximum_packet_size, listener.traffic(),
                           listener.answer_gate());
}

std::uint32_t next_client_number() {
  static std::uint32_t last = 0;  // control thread
  return ++last;
}

}  // namespace

bool counts_every_byte() noexcept {
  return HONEYFRAME_PAHO_LEAN != 0;
}

Status paho_error(const char* what, int code) {
  return Status(ErrorCode::internal, std::string(what) + " was refused by Paho: code " + std::to_string(code))
      .with_native_code(code);
}

int paho_version(ProtocolVersion protocol) noexcept {
  switch (protocol) {
    case ProtocolVersion::v3_1:
      return MQTTVERSION_3_1;
    case ProtocolVersion::v3_1_1:
      return MQTTVERSION_3_1_1;
    case ProtocolVersion::automatic:
    case ProtocolVersion::v5_0:
      return MQTTVERSION_5;
  }
  return MQTTVERSION_5;
}

PahoClient::PahoClient(const ConnectOptions& options, ProtocolVersion protocol, std::shared_ptr<PahoListener> listener)
    : protocol_(protocol),
      number_(next_client_number()),
      traffic_(listener->traffic()),
      estimate_(options.uri.uses_tls(), options.uri.uses_websocket(), protocol == ProtocolVersion::v5_0),
      watch_(watch_for(options, *listener)),
      record_(PahoCallbacks::remember(number_, std::move(listener), watch_, traffic_, estimate_)) {}

Result<std::unique_ptr<PahoClient>> PahoClient::create(const ConnectOptions& options, ProtocolVersion protocol,
                                                       std::shared_ptr<PahoListener> listener) {
  if (const int code = initialize_paho(); code != MQTTASYNC_SUCCESS) return paho_error("the first client", code);
  if (options.http_proxy.empty()) {
    if (auto status = check_proxy_environment(); !status.ok()) return status;
  }
  auto client = std::unique_ptr<PahoClient>(new PahoClient(options, protocol, std::move(listener)));
  MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
  create.struct_version = 2;  // what 1.3.12 knows
  create.MQTTVersion = paho_version(protocol);
  create.maxBufferedMessages = kMaxBufferedMessages;
  const auto uri = server_uri(options.uri);
  const int code = MQTTAsync_createWithOptions(&client->handle_, uri.c_str(), options.client_id.c_str(),
                                               MQTTCLIENT_PERSISTENCE_NONE, nullptr, &create);
  if (code != MQTTASYNC_SUCCESS) return paho_error("the client", code);
  // Before connecting: a resumed session starts sending right after CONNACK.
  MQTTAsync_setCallbacks(client->handle_, client->record_, PahoCallbacks::connection_lost,
                         PahoCallbacks::message_arrived, nullptr);
  MQTTAsync_setDisconnected(client->handle_, client->record_, PahoCallbacks::server_disconnect);
  return client;
}

PahoClient::~PahoClient() {
  if (handle_ != nullptr) MQTTAsync_destroy(&handle_);
  PahoCallbacks::forget(*record_);
}

void* PahoClient::context_of(std::uint32_t request) const noexcept {
  return PahoCallbacks::context_of(number_, request);
}

bool PahoClient::is_connected() const {
  return MQTTAsync_isConnected(handle_) != 0;
}

Status PahoClient::subscribe(const FilterRequest& filter, bool identify, std::uint32_t request) {
  auto options = answer_to(is_v5(), context_of(request));
  if (is_v5()) {
    options.onSuccess5 = PahoCallbacks::subscribed5;
  } else {
    options.onSuccess = PahoCallbacks::subscribed;
  }
  PropertyList properties;
  if (is_v5()) {
    if (identify) properties.add_number(kSubscriptionIdentifier, filter.identifier);
    options.properties = *properties.get();
    options.subscribeOptions.noLocal = filter.no_local ? 1 : 0;
    options.subscribeOptions.retainHandling = static_cast<unsigned char>(filter.retain_handling);
  }
  const int code = MQTTAsync_subscribe(handle_, filter.filter.c_str(), filter.qos, &options);
  return code == MQTTASYNC_SUCCESS ? Status() : paho_error("SUBSCRIBE", code);
}

Status PahoClient::unsubscribe(const std::string& filter, std::uint32_t request) {
  auto options = answer_to(is_v5(), context_of(request));
  const int code = MQTTAsync_unsubscribe(handle_, filter.c_str(), &options);
  return code == MQTTASYNC_SUCCESS ? Status() : paho_error("UNSUBSCRIBE", code);
}

Result<bool> PahoClient::publish(const PublishRequest& message, std::uint32_t request) {
  auto options = answer_to(is_v5(), context_of(request));
  if ((request & kGatheredRequest) != 0) {
    if (is_v5()) {
      options.onSuccess5 = PahoCallbacks::published5;
    } else {
      options.onSuccess = PahoCallbacks::published;
    }
  }
  PropertyList properties;
  if (is_v5()) {
    const auto& given = message.properties;
    if (message.message_expiry_s) properties.add_number(kMessageExpiry, *message.message_expiry_s);
    if (!given.content_type.empty()) properties.add_text(kContentType, given.content_type);
    if (!given.response_topic.empty()) properties.add_text(kResponseTopic, given.response_topic);
    if (!given.correlation_data.empty()) properties.add_text(kCorrelationData, given.correlation_data);
    for (const auto& pair : given.user_properties) properties.add_pair(pair);
    options.properties = *properties.get();
  }
  const int code = MQTTAsync_send(handle_, message.topic.c_str(), static_cast<int>(message.payload.size()),
                                  message.payload.data(), message.qos, message.retain ? 1 : 0, &options);
  if (code == MQTTASYNC_SUCCESS) estimate_publish(message, options.properties.length);
  if (code == MQTTASYNC_MAX_BUFFERED_MESSAGES) return false;
  if (code == MQTTASYNC_DISCONNECTED) {
    return Status(ErrorCode::connection_lost, "the connection was lost before the message was handed over")
        .with_native_code(code);
  }
  return code == MQTTASYNC_SUCCESS ? Result<bool>(true) : Result<bool>(paho_error("PUBLISH", code));
}

void PahoClient::estimate_publish(const PublishRequest& message, int properties) const noexcept {
  if (counts_every_byte() || traffic_ == nullptr) return;
  const auto size = estimate_.publish_size(message.topic.size(), message.payload.size(), message.qos,
                                           static_cast<std::size_t>(properties));
  traffic_->add(estimate_.published(size, message.qos));
}

Status PahoClient::disconnect(std::uint32_t request) {
  MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
  options.struct_version = is_v5() ? 1 : 0;
  options.context = context_of(request);
  if (is_v5()) {
    options.onSuccess5 = PahoCallbacks::done5;
    options.onFailure5 = PahoCallbacks::failed5;
  } else {
    options.onSuccess = PahoCallbacks::done;
    options.onFailure = PahoCallbacks::failed;
  }
  const int code = MQTTAsync_disconnect(handle_, &options);
  return code == MQTTASYNC_SUCCESS ? Status() : paho_error("DISCONNECT", code);
}

}  // namespace honeyframe
