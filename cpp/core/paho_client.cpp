#include "paho_client.h"

#include <MQTTAsync.h>

#include <array>
#include <ctime>
#include <deque>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "control_thread.h"
#include "paho_environment.h"
#include "tls_options.h"

namespace honeyframe {

// What Paho gets as the context of a client's callbacks. Never freed: Paho may still be on its way into one when the
// client goes.
struct PahoClient::CallbackRecord {
  std::uint32_t client = 0;
  std::mutex mutex;
  std::shared_ptr<PahoListener> listener;  // guarded by mutex; null once the client is gone
};

namespace {

// Property identifiers, MQTT 5.0, 2.2.2.2. By number: the header's names change between Paho's releases.
enum Property : int {
  kMessageExpiry = 2,
  kContentType = 3,
  kResponseTopic = 8,
  kCorrelationData = 9,
  kSubscriptionIdentifier = 11,
  kSessionExpiry = 17,
  kServerKeepAlive = 19,
  kReasonString = 31,
  kReceiveMaximum = 33,
  kMaximumQos = 36,
  kRetainAvailable = 37,
  kUserProperty = 38,
  kMaximumPacketSize = 39,
  kSubscriptionIdentifiersAvailable = 41,
};

// Messages that Paho holds for sending; publish() answers false beyond.
constexpr int kMaxBufferedMessages = 1'000;
// On 3.x the broker does not say how many it takes at once; on MQTT 5 Paho lowers this to what CONNACK says.
constexpr int kMaxInflight = 1'000;

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

std::uint32_t client_of(void* context) {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(context) >> 32);
}
std::uint32_t request_of(void* context) {
  return static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(context));
}

std::string_view text_of(const MQTTLenString& text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, static_cast<std::size_t>(text.len));
}

template <typename Visit>
void for_each_property(const MQTTProperties& properties, Visit visit) {
  for (int i = 0; i < properties.count; ++i)
    visit(static_cast<int>(properties.array[i].identifier), properties.array[i].value);
}

std::string reason_string_of(const MQTTProperties& properties) {
  std::string reason;
  for_each_property(properties, [&](int id, const auto& value) {
    if (id == kReasonString) reason = text_of(value.data);
  });
  return reason;
}

Connack read_connack(bool session_present, const MQTTProperties& properties) {
  Connack connack;
  connack.session_present = session_present;
  for_each_property(properties, [&](int id, const auto& value) {
    if (id == kReceiveMaximum) connack.receive_maximum = value.integer2;
    if (id == kMaximumPacketSize) connack.maximum_packet_size = value.integer4;
    if (id == kSessionExpiry) connack.session_expiry = value.integer4;
    if (id == kServerKeepAlive) connack.keepalive = value.integer2;
    if (id == kMaximumQos) connack.maximum_qos = value.byte;
    if (id == kRetainAvailable) connack.retain_available = value.byte != 0;
    if (id == kSubscriptionIdentifiersAvailable) connack.subscription_identifiers_available = value.byte != 0;
  });
  return connack;
}

MessageProperties read_properties(const MQTTProperties& properties) {
  MessageProperties out;
  for_each_property(properties, [&](int id, const auto& value) {
    if (id == kContentType) out.content_type = text_of(value.data);
    if (id == kResponseTopic) out.response_topic = text_of(value.data);
    if (id == kCorrelationData) out.correlation_data = text_of(value.data);
    if (id == kUserProperty) out.user_properties.emplace_back(text_of(value.data), text_of(value.value));
  });
  return out;
}

// Owns an MQTTProperties that we fill.
class PropertyList {
 public:
  PropertyList() = default;
  PropertyList(const PropertyList&) = delete;
  PropertyList& operator=(const PropertyList&) = delete;
  ~PropertyList() { MQTTProperties_free(&list_); }

  void add_number(Property id, std::uint32_t number) {
    MQTTProperty property = empty(id);
    if (id == kReceiveMaximum) {
      property.value.integer2 = static_cast<unsigned short>(number);
    } else {
      property.value.integer4 = number;
    }
    MQTTProperties_add(&list_, &property);  // copies
  }
  void add_text(Property id, const std::string& text) {
    MQTTProperty property = empty(id);
    property.value.data = view(text);
    MQTTProperties_add(&list_, &property);
  }
  void add_pair(const std::pair<std::string, std::string>& pair) {
    MQTTProperty property = empty(kUserProperty);
    property.value.data = view(pair.first);
    property.value.value = view(pair.second);
    MQTTProperties_add(&list_, &property);
  }
  [[nodiscard]] MQTTProperties* get() noexcept { return &list_; }

 private:
  static MQTTProperty empty(Property id) {
    MQTTProperty property{};
    property.identifier = static_cast<MQTTPropertyCodes>(id);
    return property;
  }
  static MQTTLenString view(const std::string& text) {
    return {static_cast<int>(text.size()), const_cast<char*>(text.data())};  // Paho's interface lacks const
  }
  MQTTProperties list_ = MQTTProperties_initializer;
};

std::int64_t now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

Status paho_error(const char* what, int code) {
  return Status(ErrorCode::internal, std::string(what) + " was refused by Paho: code " + std::to_string(code))
      .with_native_code(code);
}

int version_number(ProtocolVersion protocol) {
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

}  // namespace

// Everything Paho calls. None throws, none waits but for message_arrived under the policy `block`.
struct PahoCallbacks {
  static int message_arrived(void* context, char* topic, int topic_length, MQTTAsync_message* message) noexcept {
    const auto received = now_ns();
    auto& record = *static_cast<PahoClient::CallbackRecord*>(context);
    {
      const std::lock_guard lock(record.mutex);
      if (record.listener != nullptr) deliver(*record.listener, topic, topic_length, *message, received);
    }
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;  // always: 0 would acknowledge it all the same and keep it in an unbounded list
  }

  static void deliver(PahoListener& listener, const char* topic, int topic_length, const MQTTAsync_message& message,
                      std::int64_t received) noexcept {
    MessageView view;
    view.topic =
        topic_length > 0 ? std::string_view(topic, static_cast<std::size_t>(topic_length)) : std::string_view(topic);
    view.payload = {static_cast<const char*>(message.payload), static_cast<std::size_t>(message.payloadlen)};
    view.receive_time_ns = received;
    view.qos = static_cast<std::uint8_t>(message.qos);
    view.retain = message.retained != 0;
    view.dup = message.dup != 0;
    std::array<std::uint32_t, 64> identifiers{};
    std::size_t count = 0;
    for_each_property(message.properties, [&](int id, const auto& value) {
      if (id == kSubscriptionIdentifier && count < identifiers.size()) identifiers[count++] = value.integer4;
    });
    MessageProperties properties;
    if (message.properties.count > 0 && listener.keeps_properties()) {
      properties = read_properties(message.properties);
      view.properties = &properties;
    }
    listener.on_message(view, std::span(identifiers.data(), count));
  }

  static void connection_lost(void* context, char*) noexcept {
    post_to(static_cast<PahoClient::CallbackRecord*>(context)->client,
            [](PahoListener& to) { to.on_connection_lost(); });
  }
  static void server_disconnect(void* context, MQTTProperties* properties, enum MQTTReasonCodes code) noexcept {
    auto reason = properties == nullptr ? std::string() : reason_string_of(*properties);
    post_to(static_cast<PahoClient::CallbackRecord*>(context)->client,
            [code, reason = std::move(reason)](PahoListener& to) { to.on_server_disconnect(code, reason); });
  }

  static void connected(void* context, const Connack& connack) {
    post_to(client_of(context),
            [request = request_of(context), connack](PahoListener& to) { to.on_connected(request, connack); });
  }
  static void connect_success(void* context, MQTTAsync_successData* data) noexcept {
    Connack connack;
    connack.session_present = data->alt.connect.sessionPresent != 0;
    connected(context, connack);
  }
  static void connect_success5(void* context, MQTTAsync_successData5* data) noexcept {
    connected(context, read_connack(data->alt.connect.sessionPresent != 0, data->properties));
  }
  static void connect_failed(void* context, int code) {
    post_to(client_of(context),
            [request = request_of(context), code](PahoListener& to) { to.on_connect_failed(request, code); });
  }
  static void connect_failure(void* context, MQTTAsync_failureData* data) noexcept {
    connect_failed(context, data == nullptr ? MQTTASYNC_FAILURE : data->code);
  }
  static void connect_failure5(void* context, MQTTAsync_failureData5* data) noexcept {
    connect_failed(context, data == nullptr                                        ? MQTTASYNC_FAILURE
                            : data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR ? static_cast<int>(data->reasonCode)
                                                                                   : data->code);
  }

  static void reply(void* context, PahoReply reply) {
    post_to(client_of(context), [request = request_of(context), reply = std::move(reply)](PahoListener& to) {
      to.on_reply(request, reply);
    });
  }
  static void subscribed(void* context, MQTTAsync_successData* data) noexcept {
    reply(context, {true, data->alt.qos, {}});
  }
  static void subscribed5(void* context, MQTTAsync_successData5* data) noexcept {
    reply(context, {true, data->reasonCode, {}});
  }
  static void done(void* context, MQTTAsync_successData*) noexcept { reply(context, {true, 0, {}}); }
  static void done5(void* context, MQTTAsync_successData5*) noexcept { reply(context, {true, 0, {}}); }
  static void failed(void* context, MQTTAsync_failureData* data) noexcept {
    reply(context, {false, data == nullptr ? MQTTASYNC_FAILURE : data->code, {}});
  }
  static void failed5(void* context, MQTTAsync_failureData5* data) noexcept {
    if (data != nullptr && data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR) {
      reply(context, {false, data->reasonCode, reason_string_of(data->properties)});
    } else {
      reply(context, {false, data == nullptr || data->code == 0 ? MQTTASYNC_FAILURE : data->code, {}});
    }
  }

  // Paho wants the MQTT 5 pair for an MQTT 5 client, and the other one for the rest.
  static MQTTAsync_responseOptions answer_to(const PahoClient& client, std::uint32_t request, bool is_subscribe) {
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    options.context = client.context_of(request);
    if (client.is_v5()) {
      options.onSuccess5 = is_subscribe ? subscribed5 : done5;
      options.onFailure5 = failed5;
    } else {
      options.onSuccess = is_subscribe ? subscribed : done;
      options.onFailure = failed;
    }
    return options;
  }
};

namespace {

// Once a process, before anything else of Paho's. The sentinel is never connected and never destroyed: with the last
// client Paho would tear its threads and tables down, and race with whoever comes next.
int initialize_paho() {
  static const int code = [] {
    static_cast<void>(hide_environment_from_paho());
    static MQTTAsync sentinel = nullptr;
    return MQTTAsync_create(&sentinel, "tcp://127.0.0.1:1883", "honeyframe-sentinel", MQTTCLIENT_PERSISTENCE_NONE,
                            nullptr);
  }();
  return code;
}

PahoClient::CallbackRecord* new_record(std::uint32_t client, std::shared_ptr<PahoListener> listener) {
  static auto* const leaked = new std::deque<PahoClient::CallbackRecord>;  // control thread
  auto& record = leaked->emplace_back();
  record.client = client;
  record.listener = std::move(listener);
  return &record;
}

std::uint32_t next_client_number() {
  static std::uint32_t last = 0;  // control thread
  return ++last;
}

}  // namespace

PahoClient::PahoClient(ProtocolVersion protocol, std::shared_ptr<PahoListener> listener)
    : protocol_(protocol),
      number_(next_client_number()),
      listener_(std::move(listener)),
      record_(new_record(number_, listener_)) {}

Result<std::unique_ptr<PahoClient>> PahoClient::create(const ConnectOptions& options, ProtocolVersion protocol,
                                                       std::shared_ptr<PahoListener> listener) {
  if (const int code = initialize_paho(); code != MQTTASYNC_SUCCESS) return paho_error("the first client", code);
  if (options.http_proxy.empty()) {
    if (auto status = check_proxy_environment(); !status.ok()) return status;
  }
  auto client = std::unique_ptr<PahoClient>(new PahoClient(protocol, std::move(listener)));
  MQTTAsync_createOptions create = MQTTAsync_createOptions_initializer;
  create.struct_version = 2;  // what 1.3.12 knows
  create.MQTTVersion = version_number(protocol);
  create.maxBufferedMessages = kMaxBufferedMessages;
  const auto uri = server_uri(options.uri);
  const int code = MQTTAsync_createWithOptions(&client->handle_, uri.c_str(), options.client_id.c_str(),
                                               MQTTCLIENT_PERSISTENCE_NONE, nullptr, &create);
  if (code != MQTTASYNC_SUCCESS) return paho_error("the client", code);
  // Before connecting: a resumed session starts sending right after CONNACK.
  MQTTAsync_setCallbacks(client->handle_, client->record_, PahoCallbacks::connection_lost,
                         PahoCallbacks::message_arrived, nullptr);
  MQTTAsync_setDisconnected(client->handle_, client->record_, PahoCallbacks::server_disconnect);
  live_clients().emplace(client->number_, client->listener_);
  return client;
}

PahoClient::~PahoClient() {
  live_clients().erase(number_);
  if (handle_ != nullptr) MQTTAsync_destroy(&handle_);
  const std::lock_guard lock(record_->mutex);
  record_->listener = nullptr;
}

void* PahoClient::context_of(std::uint32_t request) const noexcept {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(number_) << 32 | request);
}

bool PahoClient::is_connected() const {
  return MQTTAsync_isConnected(handle_) != 0;
}

Status PahoClient::subscribe(const FilterRequest& filter, bool identify, std::uint32_t request) {
  auto options = PahoCallbacks::answer_to(*this, request, true);
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
  auto options = PahoCallbacks::answer_to(*this, request, false);
  const int code = MQTTAsync_unsubscribe(handle_, filter.c_str(), &options);
  return code == MQTTASYNC_SUCCESS ? Status() : paho_error("UNSUBSCRIBE", code);
}

Result<bool> PahoClient::publish(const PublishRequest& message, std::uint32_t request) {
  auto options = PahoCallbacks::answer_to(*this, request, false);
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
  if (code == MQTTASYNC_MAX_BUFFERED_MESSAGES) return false;
  if (code == MQTTASYNC_DISCONNECTED) {
    return Status(ErrorCode::connection_lost, "the connection was lost before the message was handed over")
        .with_native_code(code);
  }
  return code == MQTTASYNC_SUCCESS ? Result<bool>(true) : Result<bool>(paho_error("PUBLISH", code));
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

Status PahoClient::connect(const ConnectOptions& options, bool clean_start, std::uint32_t request) {
  MQTTAsync_connectOptions paho = MQTTAsync_connectOptions_initializer;
  MQTTAsync_connectOptions paho5 = MQTTAsync_connectOptions_initializer5;
  auto& connect = is_v5() ? paho5 : paho;
  connect.keepAliveInterval = static_cast<int>(options.keepalive.count());
  connect.connectTimeout = static_cast<int>((options.connect_timeout.count() + 999) / 1000);
  connect.maxInflight = kMaxInflight;
  connect.retryInterval = 0;       // MQTT 3.1.1 and 5.0 forbid repeating on a live connection
  connect.automaticReconnect = 0;  // ours: the session's
  connect.context = context_of(request);
  PropertyList properties;
  if (is_v5()) {
    connect.cleanstart = clean_start ? 1 : 0;
    connect.onSuccess5 = PahoCallbacks::connect_success5;
    connect.onFailure5 = PahoCallbacks::connect_failure5;
    if (options.session_expiry.count() > 0)
      properties.add_number(kSessionExpiry, static_cast<std::uint32_t>(options.session_expiry.count()));
    properties.add_number(kReceiveMaximum, options.receive_maximum);
    properties.add_number(kMaximumPacketSize, options.maximum_packet_size);
    for (const auto& pair : options.user_properties) properties.add_pair(pair);
    connect.connectProperties = properties.get();
  } else {
    connect.cleansession = clean_start ? 1 : 0;
    connect.MQTTVersion = version_number(protocol_);
    connect.onSuccess = PahoCallbacks::connect_success;
    connect.onFailure = PahoCallbacks::connect_failure;
  }
  const auto* username = options.effective_username();
  const auto* password = options.effective_password();
  if (username != nullptr) connect.username = username->c_str();
  if (password != nullptr) connect.binarypwd = {static_cast<int>(password->reveal().size()), password->reveal().data()};

  MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
  if (options.last_will) {
    will.topicName = options.last_will->topic.c_str();
    will.payload = {static_cast<int>(options.last_will->payload.size()), options.last_will->payload.data()};
    will.qos = options.last_will->qos;
    will.retained = options.last_will->retain ? 1 : 0;
    connect.will = &will;
  }
  if (!options.http_proxy.empty()) {
    connect.httpProxy = options.http_proxy.c_str();
    connect.httpsProxy = options.http_proxy.c_str();
  }

  MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
  ResolvedTrust trust;
  if (options.uri.uses_tls()) {
    if (auto status = check_client_certificate(options.tls); !status.ok())
      return status;  // else OpenSSL may ask on the terminal
    auto resolved = resolve_trust(options.tls);
    if (!resolved.ok()) return resolved.status();
    trust = std::move(resolved).value();
    const auto& given = options.tls;
    tls.enabledCipherSuites = "DEFAULT:@SECLEVEL=2";  // Paho 1.3.12 sets level 1
    tls.enableServerCertAuth = given.insecure ? 0 : 1;
    tls.verify = given.insecure ? 0 : 1;  // the host name; Paho's own default is not to look
    tls.trustStore = trust.ca_file.empty() ? nullptr : trust.ca_file.c_str();
    tls.CApath = trust.ca_directory.empty() ? nullptr : trust.ca_directory.c_str();
    tls.disableDefaultTrustStore = trust.ca_file.empty() && trust.ca_directory.empty() ? 0 : 1;
    if (!given.client_certificate_file.empty()) {
      tls.keyStore = given.client_certificate_file.c_str();
      tls.privateKey = given.client_key_file.empty() ? tls.keyStore : given.client_key_file.c_str();
    }
    if (given.client_key_password) tls.privateKeyPassword = given.client_key_password->reveal().c_str();
    connect.ssl = &tls;
  }
  const int code = MQTTAsync_connect(handle_, &connect);  // copies everything
  return code == MQTTASYNC_SUCCESS ? Status() : paho_error("CONNECT", code);
}

}  // namespace honeyframe
