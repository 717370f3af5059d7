#include "broker_uri.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::size_t kMaxUriBytes = 8'192;
constexpr std::size_t kMaxCredentialBytes = 65'535;  // an MQTT string's length has 16 bits

Status invalid(std::string message, std::string hint = {}) {
  return Status(ErrorCode::invalid_uri, std::move(message)).with_hint(std::move(hint));
}

char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) noexcept {
  return lower(c) >= 'a' && lower(c) <= 'z';
}
bool is_ascii_text(char c) noexcept {
  return c > 0x20 && c < 0x7F;
}

std::string lowered(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

bool is_ipv4(const std::string& host) noexcept {
  in_addr address;
  return inet_pton(AF_INET, host.c_str(), &address) == 1;
}
bool is_ipv6(const std::string& host) noexcept {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

std::string bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

bool on_hivemq_cloud(std::string_view host) noexcept {
  return host.ends_with(".hivemq.cloud");
}

std::optional<Scheme> scheme_named(std::string_view name) noexcept {
  if (name == "mqtt" || name == "tcp") return Scheme::mqtt;
  if (name == "mqtts" || name == "ssl" || name == "tls") return Scheme::mqtts;
  if (name == "ws") return Scheme::ws;
  if (name == "wss") return Scheme::wss;
  return std::nullopt;
}

std::uint16_t default_port(Scheme scheme, bool hivemq_cloud) noexcept {
  switch (scheme) {
    case Scheme::mqtt:
      return 1883;
    case Scheme::mqtts:
      return 8883;
    case Scheme::ws:
      return 80;
    case Scheme::wss:
      return hivemq_cloud ? 8884 : 443;
  }
  return 0;
}

// What is wrong with a host without brackets; empty where nothing is.
std::string host_fault(const std::string& host) {
  if (host.empty()) return "has no host";
  if (host.find(':') != std::string::npos) {
    return is_ipv6(host) ? "" : "has an IPv6 address that cannot be read (a zone such as %eth0 is not supported)";
  }
  if (!std::all_of(host.begin(), host.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; })) {
    return "has a host name beyond ASCII, " + in_quotes(host) + "; write its IDNA form (xn--...)";
  }
  if (std::all_of(host.begin(), host.end(), [](char c) { return is_digit(c) || c == '.'; })) {
    return is_ipv4(host) ? "" : "has an IPv4 address that cannot be read: " + in_quotes(host);
  }
  if (host.size() > 253) return "has a host name of " + std::to_string(host.size()) + " characters; 253 are allowed";
  std::string_view rest = host;
  for (bool last = false; !last;) {
    const std::size_t dot = rest.find('.');
    last = dot == std::string_view::npos;
    const std::string_view label = rest.substr(0, dot);
    if (!last) rest.remove_prefix(dot + 1);
    if (label.empty()) return "has a host name with an empty part: " + in_quotes(host);
    if (label.size() > 63)
      return "has a host name with a part of " + std::to_string(label.size()) + " characters; 63 are allowed";
    const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_'; };
    if (!std::all_of(label.begin(), label.end(), fits) || label.front() == '-' || label.back() == '-') {
      return "has a host name that cannot be one: " + in_quotes(host) +
             "; letters, digits, hyphens and dots are allowed";
    }
  }
  return {};
}

std::optional<std::string> percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    return is_digit(c) ? c - '0' : lower(c) >= 'a' && lower(c) <= 'f' ? lower(c) - 'a' + 10 : -1;
  };
  std::string result;
  result.reserve(text.size());  // growing would leave copies of a password behind
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    if (i + 2 >= text.size() || digit(text[i + 1]) < 0 || digit(text[i + 2]) < 0) return std::nullopt;
    result += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
    i += 2;
  }
  return result;
}

// What both kinds of address have in common.
struct Authority {
  std::string host;
  std::optional<std::uint16_t> port;
  std::optional<std::string> username;
  std::optional<Secret> password;
};

Status parse_userinfo(std::string_view text, Authority& result) {
  if (text.find('@') != std::string_view::npos) {
    return invalid("the address has more than one '@'", "percent-encode an '@' in user name or password as %40");
  }
  const std::size_t colon = text.find(':');
  std::optional<std::string> username = percent_decoded(text.substr(0, colon));
  if (!username) return invalid("the address has a '%' in its user name that is no escape", "write a '%' as %25");
  if (username->empty())
    return invalid("the address has an '@' but no user name", "write mqtts://user:password@host, or leave the '@' out");
  result.username = std::move(username);
  if (colon == std::string_view::npos) return {};
  std::optional<std::string> password = percent_decoded(text.substr(colon + 1));
  if (!password) return invalid("the address has a '%' in its password that is no escape", "write a '%' as %25");
  result.password = Secret(*password);
  OPENSSL_cleanse(password->data(), password->size());
  return {};
}

Status parse_port(std::string_view text, Authority& result) {
  unsigned value = 0;
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
  if (digits && text.size() <= 5) std::from_chars(text.data(), text.data() + text.size(), value);
  if (value == 0 || value > 65'535) {
    // What stands there may be the password of an address that lacks its host: only what can be a mistyped port is
    // shown.
    const std::string found = text.empty()                 ? "found nothing"
                              : digits && text.size() <= 5 ? "found " + std::string(text)
                                                           : "found something else";
    return invalid("the address needs a port from 1 to 65535 behind the ':'; " + found,
                   "the form is mqtts://host:port; in user name and password '/', '?', '#' and '@' are written %2F, "
                   "%3F, %23 and %40");
  }
  result.port = static_cast<std::uint16_t>(value);
  return {};
}

Result<Authority> parse_authority(std::string_view text) {
  Authority result;
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    if (Status status = parse_userinfo(text.substr(0, at), result); !status.ok()) return status;
    text.remove_prefix(at + 1);
  }
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return invalid("the address has a '[' without ']' around its IPv6 address");
    result.host = lowered(text.substr(1, end - 1));
    if (!is_ipv6(result.host))
      return invalid("the address has brackets, but no IPv6 address in them (a zone such as %eth0 is not supported)");
    text.remove_prefix(end + 1);
    has_port = !text.empty();
    if (has_port && text.front() != ':') return invalid("the address goes on behind ']'; only :port may follow");
    port = text.substr(has_port ? 1 : 0);
  } else {
    const std::size_t colon = text.find(':');
    has_port = colon != std::string_view::npos;
    if (has_port && text.find(':', colon + 1) != std::string_view::npos) {
      return invalid("the address has more than one ':' behind its credentials",
                     "an IPv6 address stands in brackets: mqtts://[2001:db8::1]:8883");
    }
    if (has_port) port = text.substr(colon + 1);
    result.host = lowered(text.substr(0, colon));
    if (result.host.ends_with('.')) result.host.pop_back();  // the DNS root; certificates and SNI go without
  }
  if (std::string what = host_fault(result.host); !what.empty())
    return invalid("the address " + what, "the form is mqtts://host:port");
  if (has_port) {
    if (Status status = parse_port(port, result); !status.ok()) return status;
  }
  return result;
}

// What no part of an address may contain.
Status check_characters(std::string_view text) {
  if (text.empty()) return invalid("the address is empty", "write mqtts://host");
  if (text.size() > kMaxUriBytes)
    return invalid("the address has " + std::to_string(text.size()) + " bytes; 8192 are allowed");
  if (!is_valid_utf8(text)) return invalid("the address is not well-formed UTF-8");
  for (const char c : text) {
    if (c == ' ')
      return invalid("the address contains a space", "take it out, or write it as %20 in user name or password");
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
      return invalid("the address contains a control character (a line break, perhaps)");
  }
  return {};
}

Status without_scheme(std::string_view text) {
  std::string_view host = text.substr(0, text.find_first_of("/?#"));
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) host = text.substr(at + 1);
  const std::string name = lowered(host.substr(0, host.find_first_of(":/?#")));
  // Shown only if it can be a host: it may as well be half of a password.
  const std::string shown = host_fault(name).empty() ? name : "host";
  if (on_hivemq_cloud(name)) return invalid("the address has no scheme", "for HiveMQ Cloud write mqtts://" + shown);
  return invalid("the address has no scheme",
                 "write mqtts://" + shown + " (TLS), or mqtt://" + shown + " for a broker without TLS");
}

Status check_hivemq_cloud(const BrokerUri& uri) {
  if (!uri.is_hivemq_cloud()) return {};
  if (!uri.uses_tls()) {
    return invalid("HiveMQ Cloud is TLS only, it has no listener for " + std::string(to_string(uri.scheme)) + "://",
                   "use mqtts://" + uri.host + " (port 8883), or wss:// (port 8884)");
  }
  const bool wrong_port = uri.port == 1883 || uri.port == (uri.uses_websocket() ? 8883 : 8884);
  if (wrong_port) {
    return invalid(
        "HiveMQ Cloud does not speak " + std::string(to_string(uri.scheme)) + " on port " + std::to_string(uri.port),
        "mqtts has port 8883, wss has port 8884 with path /mqtt; leave the port out and it is right");
  }
  return {};
}

Status check_path(const BrokerUri& uri) {
  if (!uri.uses_websocket()) {
    if (uri.path.empty()) return {};
    return invalid("an address with " + std::string(to_string(uri.scheme)) + ":// takes no path or query",
                   "topics are a separate argument; only ws:// and wss:// have a path");
  }
  if (!uri.path.starts_with('/')) return invalid("the path of a WebSocket address begins with '/'");
  if (!std::all_of(uri.path.begin(), uri.path.end(), is_ascii_text)) {
    return invalid("the path of the address has characters that must be percent-encoded");
  }
  if (uri.path.find('@') != std::string::npos) {
    return invalid("the address has an '@' behind a '/' or '?'",
                   "in user name and password '/' is written %2F and '?' is written %3F; in a path '@' is written %40");
  }
  return {};
}

Status check_username(const std::optional<std::string>& username) {
  if (!username) return {};
  if (!is_valid_utf8(*username) || username->find('\0') != std::string::npos)
    return invalid("the address has a user name that is not UTF-8 text without NUL");
  if (username->size() > kMaxCredentialBytes) return invalid("the address has a user name of more than 65535 bytes");
  return {};
}

}  // namespace

std::string_view to_string(Scheme scheme) noexcept {
  switch (scheme) {
    case Scheme::mqtt:
      return "mqtt";
    case Scheme::mqtts:
      return "mqtts";
    case Scheme::ws:
      return "ws";
    case Scheme::wss:
      return "wss";
  }
  return "mqtts";
}

Result<BrokerUri> BrokerUri::parse(std::string_view text) {
  if (Status status = check_characters(text); !status.ok()) return status;
  const std::size_t separator = text.find("://");
  const std::string name = lowered(text.substr(0, separator));
  if (separator == std::string_view::npos || name.empty() || !std::all_of(name.begin(), name.end(), is_letter))
    return without_scheme(text);
  const std::optional<Scheme> scheme = scheme_named(name);
  if (!scheme)
    return invalid("the address has an unknown scheme, " + in_quotes(name),
                   "use mqtts (TLS), mqtt, wss (WebSocket over TLS) or ws");

  text.remove_prefix(separator + 3);
  const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
  Result<Authority> authority = parse_authority(text.substr(0, end));
  if (!authority.ok()) return authority.status();
  const std::string_view behind = text.substr(end);
  if (behind.find('#') != std::string_view::npos) {
    return invalid("the address has a '#'",
                   "write it as %23 in user name or password; a topic filter is a separate argument");
  }

  BrokerUri uri;
  uri.scheme = *scheme;
  uri.host = std::move(authority->host);
  uri.username = std::move(authority->username);
  uri.password = std::move(authority->password);
  uri.port = authority->port.value_or(default_port(uri.scheme, uri.is_hivemq_cloud()));
  uri.path = behind;
  if (uri.uses_websocket()) {
    if (uri.path.empty() || (uri.path == "/" && uri.is_hivemq_cloud())) uri.path = "/mqtt";
    if (uri.path.starts_with('?')) uri.path.insert(0, "/mqtt");
  } else if (uri.path == "/") {
    uri.path.clear();
  }
  if (Status status = uri.validate(); !status.ok()) return status;
  return uri;
}

Status BrokerUri::validate() const {
  if (std::string what = host_fault(host); !what.empty()) return invalid("the address " + what);
  if (port == 0) return invalid("the address has port 0; a port from 1 to 65535 is needed");
  if (Status status = check_path(*this); !status.ok()) return status;
  if (Status status = check_username(username); !status.ok()) return status;
  return check_hivemq_cloud(*this);
}

bool BrokerUri::host_is_ip() const noexcept {
  return is_ipv4(host) || is_ipv6(host);
}

bool BrokerUri::is_hivemq_cloud() const noexcept {
  return on_hivemq_cloud(host);
}

std::string BrokerUri::display() const {
  // A query may be a signed token.
  const std::size_t query = path.find('?');
  return std::string(to_string(scheme)) + "://" + bracketed(host) + ":" + std::to_string(port) + path.substr(0, query) +
         (query == std::string::npos ? "" : "?...");
}

Result<ProxyUri> ProxyUri::parse(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (Status status = check_characters(text); !status.ok())
    return invalid("http_proxy: " + status.message(), status.hint());
  if (!lowered(text.substr(0, kScheme.size())).starts_with(kScheme)) {
    return invalid("http_proxy must be of the form http://host:port or http://user:password@host:port");
  }
  text.remove_prefix(kScheme.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  if (text.find_first_of("/?#") != std::string_view::npos) {
    return invalid("http_proxy takes no path, query or fragment",
                   "in user name and password '/', '?' and '#' are written %2F, %3F and %23");
  }
  Result<Authority> authority = parse_authority(text);
  if (!authority.ok()) return invalid("http_proxy: " + authority.status().message(), authority.status().hint());
  if (Status status = check_username(authority->username); !status.ok())
    return invalid("http_proxy: " + status.message());
  ProxyUri proxy;
  proxy.host = std::move(authority->host);
  proxy.port = authority->port.value_or(80);
  proxy.username = std::move(authority->username);
  proxy.password = std::move(authority->password);
  return proxy;
}

std::string ProxyUri::display() const {
  return "http://" + bracketed(host) + ":" + std::to_string(port);
}

}  // namespace honeyframe
