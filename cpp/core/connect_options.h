#pragma once

// ConnectOptions: everything a session is told, validated before a socket exists. Plain values, used from one thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "secret.h"
#include "status.h"

namespace honeyframe {

enum class Scheme : std::uint8_t { mqtt, mqtts, ws, wss };

enum class ProtocolVersion : std::uint8_t {
  automatic,  // MQTT 5; on CONNACK 0x01 or 0x84 (unsupported protocol version) once more with 3.1.1
  v3_1,
  v3_1_1,
  v5_0,
};

// mqtts://user:password@host:port/path
struct BrokerUri {
  Scheme scheme = Scheme::mqtts;
  std::string host;  // a name, an IPv4 literal or an IPv6 literal without brackets
  std::uint16_t port = 8883;
  std::string path;  // WebSocket only; begins with '/'
  std::optional<std::string> username;
  std::optional<Secret> password;

  // Schemes mqtt mqtts ws wss and the aliases tcp ssl tls; percent-encoded credentials; default ports 1883, 8883, 80, 443, and 8884 with /mqtt
  // for wss on *.hivemq.cloud. Errors: invalid_uri. No message contains the password.
  static Result<BrokerUri> parse(std::string_view text);
  [[nodiscard]] bool uses_tls() const noexcept { return scheme == Scheme::mqtts || scheme == Scheme::wss; }
  [[nodiscard]] bool uses_websocket() const noexcept { return scheme == Scheme::ws || scheme == Scheme::wss; }
  // Without credentials: for logs, repr and errors.
  [[nodiscard]] std::string display() const;
};

struct TlsOptions {
  std::string ca_file;  // PEM; empty: see resolve_trust()
  std::string ca_directory;
  std::string fallback_ca_file;  // certifi's, used when nothing else is there
  std::string client_certificate_file;
  std::string client_key_file;
  std::optional<Secret> client_key_password;
  bool insecure = false;  // no verification whatever; the caller has warned
};

struct LastWill {
  std::string topic;
  std::string payload;
  int qos = 0;
  bool retain = false;
};

struct ConnectOptions {
  BrokerUri uri;
  std::optional<std::string> username;  // overrides the URI's
  std::optional<Secret> password;
  ProtocolVersion protocol = ProtocolVersion::automatic;
  std::string client_id;  // empty: a random one, "honeyframe-" and 16 hexadecimal digits
  bool clean_start = true;
  std::chrono::seconds session_expiry{0};
  std::chrono::seconds keepalive{30};
  std::chrono::milliseconds connect_timeout{10'000};
  std::uint16_t receive_maximum = 65'535;          // MQTT 5
  std::uint32_t maximum_packet_size = 16u << 20;   // MQTT 5: what an honest broker will not exceed
  std::optional<LastWill> last_will;               // never a default one: a Subscribe Only credential could not connect
  std::vector<std::pair<std::string, std::string>> user_properties;
  std::string http_proxy;                          // "http://user:password@host:port"; never from the environment
  TlsOptions tls;
  bool reconnect = true;
  std::chrono::milliseconds reconnect_min_delay{500};
  std::chrono::milliseconds reconnect_max_delay{30'000};
  std::chrono::milliseconds refused_retry_delay{60'000};  // after a refusal (credentials, quota) of a session that once was connected

  [[nodiscard]] Status validate() const;
};

}  // namespace honeyframe
