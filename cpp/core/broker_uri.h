#pragma once

// BrokerUri and ProxyUri: addresses as a user writes them, taken apart and checked. Plain values; pure functions.
// No message made here contains a user name's password, however the address is malformed.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "secret.h"
#include "status.h"

namespace honeyframe {

enum class Scheme : std::uint8_t { mqtt, mqtts, ws, wss };
[[nodiscard]] std::string_view to_string(Scheme scheme) noexcept;

// mqtts://user:password@host:port/path
struct BrokerUri {
  Scheme scheme = Scheme::mqtts;
  std::string host;  // a name in lower case, an IPv4 literal or an IPv6 literal without brackets
  std::uint16_t port = 8883;
  std::string path;  // WebSocket only; begins with '/', may carry a query
  std::optional<std::string> username;
  std::optional<Secret> password;

  // Schemes mqtt mqtts ws wss and the aliases tcp ssl tls; percent-encoded credentials; default ports 1883, 8883, 80,
  // 443, and 8884 with /mqtt for wss on *.hivemq.cloud. The path of ws and wss defaults to /mqtt. Errors: invalid_uri.
  static Result<BrokerUri> parse(std::string_view text);
  // What parse() promises, checked again for an address put together by hand.
  [[nodiscard]] Status validate() const;

  [[nodiscard]] bool uses_tls() const noexcept { return scheme == Scheme::mqtts || scheme == Scheme::wss; }
  [[nodiscard]] bool uses_websocket() const noexcept { return scheme == Scheme::ws || scheme == Scheme::wss; }
  // An address rather than a name: it carries no SNI, and is verified against the certificate's IP addresses.
  [[nodiscard]] bool host_is_ip() const noexcept;
  [[nodiscard]] bool is_hivemq_cloud() const noexcept;
  // Without credentials and query: for logs, repr and errors.
  [[nodiscard]] std::string display() const;
};

// http://user:password@host:port
struct ProxyUri {
  std::string host;
  std::uint16_t port = 80;
  std::optional<std::string> username;
  std::optional<Secret> password;

  // Errors: invalid_uri.
  static Result<ProxyUri> parse(std::string_view text);
  [[nodiscard]] std::string display() const;
};

}  // namespace honeyframe
