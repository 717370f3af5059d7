// PahoClient::connect(): ConnectOptions in Paho's structs.

#include <MQTTAsync.h>

#include <string_view>
#include <utility>

#include "paho_callbacks.h"
#include "paho_client.h"
#include "paho_properties.h"
#include "tls_options.h"

namespace honeyframe {
namespace {

// On 3.x the broker does not say how many it takes at once; on MQTT 5 Paho lowers this to what CONNACK says.
constexpr int kMaxInflight = 1'000;

// Everything that MQTTAsync_connect() points to while it is called; it copies all of it.
struct ConnectStructs {
  MQTTAsync_connectOptions connect;
  MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
  MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
  ResolvedTrust trust;
  PropertyList properties;
  Secret http_proxy;
  Secret https_proxy;
};

MQTTAsync_connectOptions empty_options(bool is_v5) {
  const MQTTAsync_connectOptions v3 = MQTTAsync_connectOptions_initializer;
  const MQTTAsync_connectOptions v5 = MQTTAsync_connectOptions_initializer5;
  return is_v5 ? v5 : v3;
}

void set_v3(ConnectStructs& to, ProtocolVersion protocol, bool clean_start) {
  to.connect.cleansession = clean_start ? 1 : 0;
  to.connect.MQTTVersion = paho_version(protocol);
  to.connect.onSuccess = PahoCallbacks::connect_success;
  to.connect.onFailure = PahoCallbacks::connect_failure;
}

// No TOPIC_ALIAS_MAXIMUM: Paho does not understand aliases that come in.
void set_v5(ConnectStructs& to, const ConnectOptions& options, bool clean_start) {
  to.connect.cleanstart = clean_start ? 1 : 0;
  to.connect.onSuccess5 = PahoCallbacks::connect_success5;
  to.connect.onFailure5 = PahoCallbacks::connect_failure5;
  const auto expiry = static_cast<std::uint32_t>(options.session_expiry.count());
  if (expiry > 0) to.properties.add_number(kSessionExpiry, expiry);
  to.properties.add_number(kReceiveMaximum, options.receive_maximum);
  to.properties.add_number(kMaximumPacketSize, options.maximum_packet_size);
  for (const auto& pair : options.user_properties) to.properties.add_pair(pair);
  to.connect.connectProperties = to.properties.get();
}

void set_credentials(ConnectStructs& to, const ConnectOptions& options) {
  if (const auto* username = options.effective_username()) to.connect.username = username->c_str();
  if (const auto* password = options.effective_password()) {
    to.connect.binarypwd = {static_cast<int>(password->reveal().size()), password->reveal().data()};
  }
}

void set_will(ConnectStructs& to, const LastWill& will) {
  to.will.topicName = will.topic.c_str();
  to.will.payload = {static_cast<int>(will.payload.size()), will.payload.data()};
  to.will.qos = will.qos;
  to.will.retained = will.retain ? 1 : 0;
  to.connect.will = &to.will;
}

Status set_tls(ConnectStructs& to, const TlsOptions& options) {
  // Else OpenSSL may ask for a passphrase on the terminal.
  if (auto status = check_client_certificate(options); !status.ok()) return status;
  auto resolved = resolve_trust(options);
  if (!resolved.ok()) return resolved.status();
  to.trust = std::move(resolved).value();
  to.tls.enabledCipherSuites = "DEFAULT:@SECLEVEL=2";  // Paho 1.3.12 sets level 1: keys of 1,024 bits
  to.tls.enableServerCertAuth = options.insecure ? 0 : 1;
  to.tls.verify = options.insecure ? 0 : 1;  // the host name: Paho's own default is not to look
  to.tls.trustStore = to.trust.ca_file.empty() ? nullptr : to.trust.ca_file.c_str();
  to.tls.CApath = to.trust.ca_directory.empty() ? nullptr : to.trust.ca_directory.c_str();
  to.tls.disableDefaultTrustStore = 1;
  if (!options.client_certificate_file.empty()) {
    to.tls.keyStore = options.client_certificate_file.c_str();
    to.tls.privateKey = options.client_key_file.c_str();
  }
  if (options.client_key_password) to.tls.privateKeyPassword = options.client_key_password->reveal().c_str();
  to.connect.ssl = &to.tls;
  return {};
}

// The proxy's address as Paho reads it: the scheme in lower case, and with a port, since Paho's default is not 80.
Secret proxy_address(std::string_view scheme, std::string_view given) {
  const auto login = given.find("//") + 2;
  const auto host = given.find('@') + 1;  // 0: no login
  const auto address = ProxyUri::parse(given).value().display();
  return Secret({scheme, given.substr(login, host > login ? host - login : 0), address.substr(address.find("//") + 2)});
}

// Both are given: for the one that is not, Paho looks into the environment. The second is for TLS to the broker, and
// the proxy itself is spoken to in the clear all the same. Paho 1.3.12 knows no other scheme there than "https://",
// and 1.3.14 refuses every connection where there is none.
void set_proxy(ConnectStructs& to, const Secret& given) {
  to.http_proxy = proxy_address("http://", given.reveal());
  to.https_proxy = proxy_address("https://", given.reveal());
  to.connect.httpProxy = to.http_proxy.reveal().c_str();
  to.connect.httpsProxy = to.https_proxy.reveal().c_str();
}

}  // namespace

Result<bool> PahoClient::connect(const ConnectOptions& options, bool clean_start, std::uint32_t request) {
  ConnectStructs structs{
      .connect = empty_options(is_v5()), .trust = {}, .properties = {}, .http_proxy = {}, .https_proxy = {}};
  auto& connect = structs.connect;
  connect.keepAliveInterval = static_cast<int>(options.keepalive.count());
  connect.connectTimeout = static_cast<int>((options.connect_timeout.count() + 999) / 1000);
  connect.maxInflight = kMaxInflight;
  connect.retryInterval = 0;       // nothing is repeated on a live connection (MQTT 5.0, 4.4)
  connect.automaticReconnect = 0;  // the session does it
  connect.context = context_of(request);
  if (is_v5()) {
    set_v5(structs, options, clean_start);
  } else {
    set_v3(structs, protocol_, clean_start);
  }
  set_credentials(structs, options);
  if (options.last_will) set_will(structs, *options.last_will);
  if (options.uri.uses_tls()) {
    if (auto status = set_tls(structs, options.tls); !status.ok()) return status;
  }
  if (!options.http_proxy.empty()) set_proxy(structs, options.http_proxy);
  const int code = MQTTAsync_connect(handle_, &connect);
  if (code == MQTTASYNC_COMMAND_IGNORED) return false;
  if (code != MQTTASYNC_SUCCESS) return paho_error("CONNECT", code);
  if (!counts_every_byte() && traffic_ != nullptr) traffic_->add(estimate_.connected(options.client_id.size()));
  return true;
}

}  // namespace honeyframe
