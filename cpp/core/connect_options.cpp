#include "connect_options.h"

#include <algorithm>

#include "topic_filter.h"
#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::size_t kMaxStringBytes = 65'535;  // lengths have 16 bits in MQTT

Status invalid(std::string message) {
  return {ErrorCode::invalid_argument, std::move(message)};
}

bool is_version_3(ProtocolVersion version) noexcept {
  return version == ProtocolVersion::v3_1 || version == ProtocolVersion::v3_1_1;
}

std::string text_of(std::chrono::milliseconds duration) {
  return std::to_string(duration.count()) + " ms";
}

// An MQTT string (1.5.4): UTF-8 without NUL, at most 65,535 bytes. The text itself is not shown: it may be long or
// private.
Status check_string(std::string_view name, std::string_view text) {
  if (!is_valid_utf8(text)) return invalid(std::string(name) + " is not well-formed UTF-8");
  if (text.find('\0') != std::string_view::npos)
    return invalid(std::string(name) + " contains a NUL character, which MQTT forbids");
  if (text.size() > kMaxStringBytes) {
    return invalid(std::string(name) + " has " + std::to_string(text.size()) + " bytes; MQTT allows 65535");
  }
  return {};
}

Status check_credentials(const ConnectOptions& options) {
  const std::string* username = options.effective_username();
  const Secret* password = options.effective_password();
  if (username != nullptr) {
    if (username->empty()) return invalid("username is empty; leave it out to connect without credentials");
    if (Status status = check_string("username", *username); !status.ok()) return status;
  }
  if (password == nullptr) return {};
  if (username == nullptr && options.protocol != ProtocolVersion::v5_0) {
    return invalid("a password was given without a username; only protocol=\"5.0\" allows that");
  }
  if (password->reveal().size() > kMaxStringBytes)
    return invalid("password has more than 65535 bytes, the most MQTT allows");
  if (password->reveal().find('\0') != std::string::npos)
    return invalid("password contains a NUL character, which is not supported");
  return {};
}

Status check_client_id(const ConnectOptions& options) {
  const std::string& id = options.client_id;
  if (Status status = check_string("client_id", id); !status.ok()) return status;
  const auto characters = std::count_if(id.begin(), id.end(), [](char c) { return (c & 0xC0) != 0x80; });
  if (options.protocol == ProtocolVersion::v3_1 && characters > 23) {
    return invalid("client_id has " + std::to_string(characters) +
                   " characters; MQTT 3.1 allows 23, later versions more");
  }
  if (id.empty() && !options.clean_start) {
    return invalid(
        "clean_start=False needs a client_id: the broker finds a session again by it, and a random one is new each "
        "time");
  }
  if (id.empty() && options.session_expiry.count() != 0) {
    return invalid(
        "session_expiry needs a client_id: under a random one the session could never be resumed, yet would count "
        "against the plan");
  }
  return {};
}

Status check_session(const ConnectOptions& options) {
  if (options.session_expiry.count() < 0 || options.session_expiry.count() > 0xFFFF'FFFFLL) {
    return invalid("session_expiry must be 0 to 4294967295 seconds; found " +
                   std::to_string(options.session_expiry.count()));
  }
  if (options.session_expiry.count() > 0 && is_version_3(options.protocol)) {
    return invalid("session_expiry needs MQTT 5, and protocol=\"" + std::string(to_string(options.protocol)) +
                   "\" was asked for; with MQTT 3 a session is kept by clean_start=False");
  }
  if (options.receive_maximum == 0) return invalid("receive_maximum must be 1 to 65535; found 0");
  if (options.maximum_packet_size < 256) {
    return invalid("maximum_packet_size must be at least 256 bytes, or the broker's own answers do not fit; found " +
                   std::to_string(options.maximum_packet_size));
  }
  if (!options.user_properties.empty() && is_version_3(options.protocol)) {
    return invalid("user_properties need MQTT 5, and protocol=\"" + std::string(to_string(options.protocol)) +
                   "\" was asked for");
  }
  for (const auto& [key, value] : options.user_properties) {
    if (Status status = check_string("a user property's name", key); !status.ok()) return status;
    if (Status status = check_string("the value of user property " + in_quotes(key), value); !status.ok())
      return status;
  }
  return {};
}

Status check_will(const LastWill& will) {
  if (const Status status = validate_sent_topic(will.topic); !status.ok()) {
    return {status.code(), "last_will: " + status.message()};
  }
  if (will.qos < 0 || will.qos > 2)
    return invalid("last_will: qos must be 0, 1 or 2; found " + std::to_string(will.qos));
  if (will.payload.size() > kMaxStringBytes) {
    return invalid("last_will: the payload has " + std::to_string(will.payload.size()) + " bytes; MQTT allows 65535");
  }
  return {};
}

Status check_durations(const ConnectOptions& options) {
  if (options.keepalive.count() < 0 || options.keepalive.count() > 65'535) {
    return invalid("keepalive must be 0 (off) to 65535 seconds; found " + std::to_string(options.keepalive.count()));
  }
  const std::pair<const char*, std::chrono::milliseconds> positive[] = {
      {"connect_timeout", options.connect_timeout},
      {"reconnect_min_delay", options.reconnect_min_delay},
      {"reconnect_max_delay", options.reconnect_max_delay},
      {"refused_retry_delay", options.refused_retry_delay},
      {"hold_backlog", options.hold_backlog},
  };
  for (const auto& [name, value] : positive) {
    if (value.count() <= 0)
      return invalid(std::string(name) + " must be at least a millisecond; found " + text_of(value));
  }
  if (options.reconnect_min_delay > options.reconnect_max_delay) {
    return invalid("reconnect_min_delay (" + text_of(options.reconnect_min_delay) +
                   ") is longer than reconnect_max_delay (" + text_of(options.reconnect_max_delay) + ")");
  }
  return {};
}

Status check_tls(const TlsOptions& tls, const BrokerUri& uri) {
  const std::pair<const char*, const std::string*> paths[] = {
      {"ca_file", &tls.ca_file},
      {"ca_directory", &tls.ca_directory},
      {"client_certificate", &tls.client_certificate_file},
      {"client_key", &tls.client_key_file},
  };
  for (const auto& [name, path] : paths) {
    if (path->empty()) continue;
    if (path->find('\0') != std::string::npos) return invalid(std::string(name) + " is a path with a NUL character");
    if (!uri.uses_tls()) {
      return invalid(std::string(name) + " was given, but " + uri.display() + " uses no TLS; write " +
                     (uri.uses_websocket() ? "wss" : "mqtts") + ":// or leave it out");
    }
  }
  if (tls.client_certificate_file.empty() != tls.client_key_file.empty()) {
    return invalid(tls.client_key_file.empty()
                       ? "client_certificate needs client_key (the same path, if the file holds both)"
                       : "client_key needs client_certificate");
  }
  if (tls.client_key_password && tls.client_key_file.empty())
    return invalid("client_key_password was given without client_key");
  if (tls.insecure && (!tls.ca_file.empty() || !tls.ca_directory.empty())) {
    return invalid("insecure=True verifies nothing, so ca_file and ca_directory have no use; leave one of them out");
  }
  return {};
}

}  // namespace

std::string_view to_string(ProtocolVersion version) noexcept {
  switch (version) {
    case ProtocolVersion::automatic:
      return "auto";
    case ProtocolVersion::v3_1:
      return "3.1";
    case ProtocolVersion::v3_1_1:
      return "3.1.1";
    case ProtocolVersion::v5_0:
      return "5.0";
  }
  return "auto";
}

Status ConnectOptions::validate() const {
  Status status = uri.validate();
  if (status.ok()) status = check_credentials(*this);
  if (status.ok()) status = check_client_id(*this);
  if (status.ok()) status = check_session(*this);
  if (status.ok() && last_will) status = check_will(*last_will);
  if (status.ok()) status = check_durations(*this);
  if (status.ok()) status = check_tls(tls, uri);
  if (status.ok() && !http_proxy.empty()) status = ProxyUri::parse(http_proxy.reveal()).status();
  return status;
}

const std::string* ConnectOptions::effective_username() const noexcept {
  if (username) return &*username;
  return uri.username ? &*uri.username : nullptr;
}

const Secret* ConnectOptions::effective_password() const noexcept {
  if (password) return &*password;
  return uri.password ? &*uri.password : nullptr;
}

}  // namespace honeyframe
