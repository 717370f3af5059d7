#pragma once

// ConnectOptions: everything a session is told, validated before a socket exists. Plain values, used from one thread.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "broker_uri.h"
#include "secret.h"
#include "status.h"
#include "tls_options.h"

namespace honeyframe {

enum class ProtocolVersion : std::uint8_t {
  automatic,  // MQTT 5; on CONNACK 0x01 or 0x84 (unsupported protocol version), a close or silence once more with 3.1.1
  v3_1,
  v3_1_1,
  v5_0,
};
[[nodiscard]] std::string_view to_string(ProtocolVersion version) noexcept;  // "auto", "3.1", "3.1.1", "5.0"

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
  std::string client_id;  // empty: a random one, "honeyframe-" and 16 hexadecimal digits (12 with MQTT 3.1, which
                          // allows 23 characters)
  bool clean_start = true;
  std::chrono::seconds session_expiry{0};
  std::chrono::seconds keepalive{30};
  std::chrono::milliseconds connect_timeout{10'000};
  std::uint16_t receive_maximum = 65'535;  // MQTT 5
  // What is taken at most. MQTT 5 tells the broker; where Paho is lean, a larger packet ends the connection.
  std::uint32_t maximum_packet_size = 16u << 20;
  std::optional<LastWill> last_will;  // never a default one: a Subscribe Only credential could not connect
  std::vector<std::pair<std::string, std::string>> user_properties;
  Secret http_proxy;  // "http://user:password@host:port"; never from the environment
  TlsOptions tls;
  bool reconnect = true;
  std::chrono::milliseconds reconnect_min_delay{500};
  std::chrono::milliseconds reconnect_max_delay{30'000};
  std::chrono::milliseconds refused_retry_delay{
      60'000};  // after a refusal (credentials, quota) of a session that once was connected
  // What a resumed session sends and nobody has subscribed to is kept for so long after the first subscription.
  std::chrono::milliseconds hold_backlog{10'000};

  // Everything that can be known to be wrong before a socket exists; files are looked at by resolve_trust() and
  // check_client_certificate(). Errors: invalid_argument, invalid_uri, invalid_topic.
  [[nodiscard]] Status validate() const;
  // The option where it is given, else the URI's; null where there is none.
  [[nodiscard]] const std::string* effective_username() const noexcept;
  [[nodiscard]] const Secret* effective_password() const noexcept;
};

}  // namespace honeyframe
