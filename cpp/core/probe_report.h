#pragma once

// ProbeReport: what a probe saw on its way to the broker, whether it got there or not. Plain values, filled by the
// probe's thread, read once it has ended.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace honeyframe {

struct CertificateFacts {
  std::string subject;
  std::string issuer;
  std::string names;  // for which hosts, in words
  std::string key;    // "RSA 2048"
  std::int64_t not_before_s = 0;
  std::int64_t not_after_s = 0;
  bool self_signed = false;
};

struct TlsFacts {
  std::string server_name;   // SNI; empty: none was sent
  std::string trust_source;  // where the trusted authorities come from
  std::string version;       // "TLSv1.3"; empty where the handshake got no further than the greeting
  std::string cipher;
  std::string alpn;                     // that the broker chose; none is offered
  bool certificate_wanted = false;      // the broker asked for the client's, or was sent one
  bool verified = false;                // chain and host name
  std::vector<CertificateFacts> chain;  // as sent, the broker's own first
};

struct HttpFacts {
  std::string line;  // "HTTP/1.1 101 Switching Protocols"
  std::string date;
  std::string server;
  std::string subprotocol;
};

struct ProbeReport {
  using Seconds = std::chrono::duration<double>;
  // The step that failed, or the last one.
  enum class Step : std::uint8_t { name, tcp, proxy, tls, websocket, greeting };

  Step step = Step::name;
  std::vector<std::string> addresses;  // of the host, or of the proxy where there is one
  std::string address;                 // that answered
  Seconds name_time{};
  Seconds tcp_time{};
  Seconds tls_time{};
  Seconds websocket_time{};
  TlsFacts tls;
  HttpFacts http;
  std::string answer;  // to the greeting: its first bytes
};
[[nodiscard]] std::string_view to_string(ProbeReport::Step step) noexcept;

}  // namespace honeyframe
