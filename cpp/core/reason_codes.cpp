#include "reason_codes.h"

#include <algorithm>
#include <utility>

#include "utf8.h"

namespace honeyframe {
namespace {

struct ReasonCode {
  int code;
  std::string_view name;
  ErrorCode error;  // in a CONNACK or DISCONNECT
};

// MQTT 5.0, section 2.4: what ends or refuses something. Sorted by code.
constexpr ReasonCode kReasonCodes[] = {
    {0x80, "Unspecified error", ErrorCode::disconnected_by_broker},
    {0x81, "Malformed Packet", ErrorCode::disconnected_by_broker},
    {0x82, "Protocol Error", ErrorCode::disconnected_by_broker},
    {0x83, "Implementation specific error", ErrorCode::disconnected_by_broker},
    {0x84, "Unsupported Protocol Version", ErrorCode::unsupported_protocol_version},
    {0x85, "Client Identifier not valid", ErrorCode::identifier_rejected},
    {0x86, "Bad User Name or Password", ErrorCode::bad_credentials},
    {0x87, "Not authorized", ErrorCode::not_authorized},
    {0x88, "Server unavailable", ErrorCode::server_unavailable},
    {0x89, "Server busy", ErrorCode::server_unavailable},
    {0x8A, "Banned", ErrorCode::not_authorized},
    {0x8B, "Server shutting down", ErrorCode::server_unavailable},
    {0x8C, "Bad authentication method", ErrorCode::bad_credentials},
    {0x8D, "Keep Alive timeout", ErrorCode::disconnected_by_broker},
    {0x8E, "Session taken over", ErrorCode::session_taken_over},
    {0x8F, "Topic Filter invalid", ErrorCode::invalid_topic_filter},
    {0x90, "Topic Name invalid", ErrorCode::invalid_topic},
    {0x91, "Packet Identifier in use", ErrorCode::disconnected_by_broker},
    {0x92, "Packet Identifier not found", ErrorCode::disconnected_by_broker},
    {0x93, "Receive Maximum exceeded", ErrorCode::disconnected_by_broker},
    {0x94, "Topic Alias invalid", ErrorCode::disconnected_by_broker},
    {0x95, "Packet too large", ErrorCode::packet_too_large},
    {0x96, "Message rate too high", ErrorCode::quota_exceeded},
    {0x97, "Quota exceeded", ErrorCode::quota_exceeded},
    {0x98, "Administrative action", ErrorCode::disconnected_by_broker},
    {0x99, "Payload format invalid", ErrorCode::disconnected_by_broker},
    {0x9A, "Retain not supported", ErrorCode::disconnected_by_broker},
    {0x9B, "QoS not supported", ErrorCode::disconnected_by_broker},
    {0x9C, "Use another server", ErrorCode::server_unavailable},
    {0x9D, "Server moved", ErrorCode::server_unavailable},
    {0x9E, "Shared Subscriptions not supported", ErrorCode::disconnected_by_broker},
    {0x9F, "Connection rate exceeded", ErrorCode::quota_exceeded},
    {0xA0, "Maximum connect time", ErrorCode::disconnected_by_broker},
    {0xA1, "Subscription Identifiers not supported", ErrorCode::disconnected_by_broker},
    {0xA2, "Wildcard Subscriptions not supported", ErrorCode::disconnected_by_broker},
};

const ReasonCode* find_reason(int code) noexcept {
  const auto* row = std::lower_bound(std::begin(kReasonCodes), std::end(kReasonCodes), code,
                                     [](const ReasonCode& entry, int wanted) { return entry.code < wanted; });
  return row != std::end(kReasonCodes) && row->code == code ? row : nullptr;
}

std::string named(int code) {
  constexpr char kHex[] = "0123456789ABCDEF";
  const auto digit = [&](int shift) { return kHex[static_cast<unsigned>(code >> shift) & 0x0F]; };
  return std::string(reason_code_name(code)) + " (0x" + digit(4) + digit(0) + ")";
}

// A code says more than its class where these apply.
std::string_view hint_for_reason(int code) noexcept {
  switch (code) {
    case 0x8D:
      return "nothing reached the broker for 1.5 times keepalive: the network stalled or this process was held up";
    case 0x93:
      return "too many QoS 1 or 2 messages were under way at once; publish fewer at a time";
    case 0x98:
      return "an administrator or a maintenance ended the connection; it is made again by itself";
    case 0x9A:
      return "this broker keeps no retained messages: use retain=False";
    case 0x9B:
      return "this broker does not support that QoS: use a lower one";
    case 0x9C:
    case 0x9D:
      return "the broker asks to be reached under another address; look it up in its console and change the URI";
    case 0x9E:
      return "this broker has no shared subscriptions: use the filter without $share/<group>/";
    case 0x9F:
      return "too many connections in a short time; wait a minute, and keep one client instead of connecting anew";
    case 0xA2:
      return "this broker allows no wildcards: subscribe to exact topics";
    default:
      return {};
  }
}

std::string hint_for(int code, ErrorCode error) {
  const std::string_view special = hint_for_reason(code);
  return std::string(special.empty() ? hint_for(error) : special);
}

Status status_for_return_code(int code) {
  constexpr ErrorCode kErrors[] = {ErrorCode::ok,
                                   ErrorCode::unsupported_protocol_version,
                                   ErrorCode::identifier_rejected,
                                   ErrorCode::server_unavailable,
                                   ErrorCode::bad_credentials,
                                   ErrorCode::not_authorized};
  const ErrorCode error = code > 0 && code <= 5 ? kErrors[code] : ErrorCode::disconnected_by_broker;
  std::string hint(hint_for(error));
  if (code == 5)
    hint +=
        "; on HiveMQ Cloud MQTT 3 says the same when all sessions of the plan are used: protocol=\"5.0\" tells these "
        "apart";
  return Status(error, "the broker refused the connection: " + std::string(return_code_name(code)) + " (return code " +
                           std::to_string(code) + ")")
      .with_hint(std::move(hint))
      .with_reason(code);
}

}  // namespace

std::string_view reason_code_name(int code) noexcept {
  const ReasonCode* row = find_reason(code);
  if (row != nullptr) return row->name;
  if (code == 0x00) return "Success";
  if (code == 0x10) return "No matching subscribers";
  return "unknown reason code";
}

std::string_view return_code_name(int code) noexcept {
  constexpr std::string_view kNames[] = {"accepted",           "unacceptable protocol version", "identifier rejected",
                                         "server unavailable", "bad user name or password",     "not authorized"};
  return code >= 0 && code <= 5 ? kNames[code] : "unknown return code";
}

std::string_view hint_for(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::dns_failed:
      return "check the host in the address (HiveMQ Cloud: console, Overview, URL) and this machine's network";
    case ErrorCode::connection_refused:
      return "check host and port: HiveMQ Cloud listens on 8883 (mqtts) and 8884 (wss); a local broker must be running";
    case ErrorCode::connect_timeout:
      return "check host and port (HiveMQ Cloud: 8883, or 8884 for wss; nothing on 1883) and whether a firewall lets "
             "the port out";
    case ErrorCode::proxy_failed:
      return "check http_proxy, its credentials, and whether it lets this host and port through";
    case ErrorCode::websocket_failed:
      return "check the path; HiveMQ Cloud's is /mqtt on port 8884: wss://<host>:8884/mqtt";
    case ErrorCode::tls_untrusted:
      return "for a private authority pass ca_file=; HiveMQ Cloud's certificate needs only the system's or certifi's "
             "authorities";
    case ErrorCode::tls_host_name_mismatch:
      return "connect by a name that is in the certificate; an address or alias of the same machine does not do";
    case ErrorCode::tls_certificate_expired:
      return "check this machine's clock; if it is right, the broker's certificate must be renewed";
    case ErrorCode::tls_not_spoken:
      return "use a port that speaks TLS (8883; wss 8884 on HiveMQ Cloud), or mqtt:// for a local broker without TLS";
    case ErrorCode::tls_failed:
      return "TLS 1.2 or newer is needed; if the broker asks for a client certificate pass client_certificate= and "
             "client_key=";
    case ErrorCode::bad_credentials:
    case ErrorCode::not_authorized:
      return "check user name and password (HiveMQ Cloud: console, Access Management, Credentials); a last will needs "
             "the right to publish";
    case ErrorCode::quota_exceeded:
      return "all sessions of the plan may be in use (HiveMQ Cloud Serverless: 100, kept ones count too): close "
             "clients, or reuse a client_id";
    case ErrorCode::identifier_rejected:
      return "choose another client_id: short, letters and digits";
    case ErrorCode::unsupported_protocol_version:
      return "use protocol=\"auto\", or another version";
    case ErrorCode::server_unavailable:
      return "the broker is busy or restarting; try again in a minute";
    case ErrorCode::session_taken_over:
      return "another client uses the same client_id; give each its own, or leave it out for a random one";
    case ErrorCode::connection_lost:
      return "check the network; the broker may also have closed without saying why (MQTT 3 does so for a denied "
             "publish)";
    case ErrorCode::subscribe_denied:
      return "the credential may not subscribe there (HiveMQ Cloud: Access Management, give it a permission with "
             "Subscribe for this filter)";
    case ErrorCode::publish_denied:
    case ErrorCode::publish_probably_denied:
      return "the credential may not publish there (HiveMQ Cloud: Access Management, give it a permission with Publish "
             "for this topic)";
    case ErrorCode::packet_too_large:
      return "send smaller messages; the broker's limit is in client.info";
    case ErrorCode::websocket_in_use:
      return "close the other client, or use mqtts:// which has no such limit";
    case ErrorCode::forked:
      return "start this process by \"spawn\", or connect in the child alone";
    case ErrorCode::packet_refused:  // PacketRefusal knows
    case ErrorCode::ok:
    case ErrorCode::invalid_argument:
    case ErrorCode::invalid_uri:
    case ErrorCode::invalid_topic:
    case ErrorCode::invalid_topic_filter:
    case ErrorCode::invalid_topic_template:
    case ErrorCode::invalid_schema:
    case ErrorCode::disconnected_by_broker:
    case ErrorCode::timeout:
    case ErrorCode::closed:
    case ErrorCode::does_not_fit:
    case ErrorCode::spool_failed:
    case ErrorCode::spool_in_use:
    case ErrorCode::internal:
      return {};
  }
  return {};
}

Status status_for_connack(ProtocolVersion version, int code, std::string reason_string) {
  if (code == 0) return {};
  if (version != ProtocolVersion::v5_0 && code < 0x80) return status_for_return_code(code);
  const ReasonCode* row = find_reason(code);
  const ErrorCode error = row != nullptr ? row->error : ErrorCode::disconnected_by_broker;
  return Status(error, "the broker refused the connection: " + named(code))
      .with_hint(hint_for(code, error))
      .with_reason(code, std::move(reason_string));
}

Status status_for_disconnect(int code, std::string reason_string) {
  const ReasonCode* row = find_reason(code);
  const ErrorCode error = row != nullptr ? row->error : ErrorCode::disconnected_by_broker;
  std::string hint = hint_for(code, error);
  if (code == 0x87)
    hint =
        "a message or subscription was not permitted (HiveMQ Cloud: Access Management, permissions of this credential)";
  if (code == 0x00)
    return Status(error, "the broker ended the connection normally").with_reason(code, std::move(reason_string));
  return Status(error, "the broker ended the connection: " + named(code))
      .with_hint(std::move(hint))
      .with_reason(code, std::move(reason_string));
}

Status status_for_suback(int code, const std::string& filter, std::string reason_string) {
  if (code >= 0 && code < 0x80) return {};
  return Status(ErrorCode::subscribe_denied,
                "the broker refused topic filter " + in_quotes(filter) + ": " + named(code))
      .with_hint(hint_for(code, ErrorCode::subscribe_denied))
      .with_reason(code, std::move(reason_string))
      .with_subjects({filter});
}

Status status_for_puback(int code, const std::string& topic, std::string reason_string) {
  if (code >= 0 && code < 0x80) return {};
  const ReasonCode* row = find_reason(code);
  // A class of its own only where it is not about permission.
  const bool own =
      row != nullptr && (row->error == ErrorCode::quota_exceeded || row->error == ErrorCode::packet_too_large ||
                         row->error == ErrorCode::invalid_topic);
  const ErrorCode error = own ? row->error : ErrorCode::publish_denied;
  return Status(error, "the broker refused the message to topic " + in_quotes(topic) + ": " + named(code))
      .with_hint(hint_for(code, error))
      .with_reason(code, std::move(reason_string))
      .with_subjects({topic});
}

RetryAdvice retry_advice(const Status& status) noexcept {
  const int reason = status.reason_code().value_or(0);
  switch (status.code()) {
    case ErrorCode::dns_failed:
    case ErrorCode::connection_refused:
    case ErrorCode::connect_timeout:
    case ErrorCode::proxy_failed:
    case ErrorCode::websocket_failed:
    case ErrorCode::tls_failed:
    case ErrorCode::connection_lost:
    case ErrorCode::packet_refused:
    case ErrorCode::timeout:
      return RetryAdvice::soon;
    case ErrorCode::server_unavailable:  // 0x9C, 0x9D: the broker has moved, it will say so again
      return reason == 0x9C || reason == 0x9D ? RetryAdvice::never : RetryAdvice::soon;
    case ErrorCode::disconnected_by_broker: {  // what we sent was wrong, and would be again
      const bool ours = reason == 0x81 || reason == 0x82 || reason == 0x94 || (reason >= 0x99 && reason != 0xA0);
      return ours ? RetryAdvice::never : RetryAdvice::soon;
    }
    case ErrorCode::tls_untrusted:
    case ErrorCode::tls_host_name_mismatch:
    case ErrorCode::tls_certificate_expired:
    case ErrorCode::tls_not_spoken:
    case ErrorCode::bad_credentials:
    case ErrorCode::not_authorized:
    case ErrorCode::quota_exceeded:
      return RetryAdvice::slowly;
    case ErrorCode::invalid_argument:
    case ErrorCode::internal:  // unless the broker said so, this machine's: a certificate without its new key, no
                               // thread
      return status.reason_code() ? RetryAdvice::never : RetryAdvice::slowly;
    case ErrorCode::ok:
    case ErrorCode::invalid_uri:
    case ErrorCode::invalid_topic:
    case ErrorCode::invalid_topic_filter:
    case ErrorCode::invalid_topic_template:
    case ErrorCode::invalid_schema:
    case ErrorCode::identifier_rejected:
    case ErrorCode::unsupported_protocol_version:
    case ErrorCode::session_taken_over:
    case ErrorCode::subscribe_denied:
    case ErrorCode::publish_denied:
    case ErrorCode::publish_probably_denied:
    case ErrorCode::packet_too_large:
    case ErrorCode::closed:
    case ErrorCode::forked:
    case ErrorCode::websocket_in_use:
    case ErrorCode::does_not_fit:
    case ErrorCode::spool_failed:
    case ErrorCode::spool_in_use:
      return RetryAdvice::never;
  }
  return RetryAdvice::never;
}

}  // namespace honeyframe
