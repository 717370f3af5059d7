#include "status.h"

namespace honeyframe {

std::string_view to_string(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::ok:
      return "ok";
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::invalid_uri:
      return "invalid_uri";
    case ErrorCode::invalid_topic:
      return "invalid_topic";
    case ErrorCode::invalid_topic_filter:
      return "invalid_topic_filter";
    case ErrorCode::invalid_topic_template:
      return "invalid_topic_template";
    case ErrorCode::invalid_schema:
      return "invalid_schema";
    case ErrorCode::dns_failed:
      return "dns_failed";
    case ErrorCode::connection_refused:
      return "connection_refused";
    case ErrorCode::connect_timeout:
      return "connect_timeout";
    case ErrorCode::proxy_failed:
      return "proxy_failed";
    case ErrorCode::websocket_failed:
      return "websocket_failed";
    case ErrorCode::tls_untrusted:
      return "tls_untrusted";
    case ErrorCode::tls_host_name_mismatch:
      return "tls_host_name_mismatch";
    case ErrorCode::tls_certificate_expired:
      return "tls_certificate_expired";
    case ErrorCode::tls_not_spoken:
      return "tls_not_spoken";
    case ErrorCode::tls_failed:
      return "tls_failed";
    case ErrorCode::bad_credentials:
      return "bad_credentials";
    case ErrorCode::not_authorized:
      return "not_authorized";
    case ErrorCode::quota_exceeded:
      return "quota_exceeded";
    case ErrorCode::identifier_rejected:
      return "identifier_rejected";
    case ErrorCode::unsupported_protocol_version:
      return "unsupported_protocol_version";
    case ErrorCode::server_unavailable:
      return "server_unavailable";
    case ErrorCode::session_taken_over:
      return "session_taken_over";
    case ErrorCode::disconnected_by_broker:
      return "disconnected_by_broker";
    case ErrorCode::connection_lost:
      return "connection_lost";
    case ErrorCode::subscribe_denied:
      return "subscribe_denied";
    case ErrorCode::publish_denied:
      return "publish_denied";
    case ErrorCode::publish_probably_denied:
      return "publish_probably_denied";
    case ErrorCode::packet_too_large:
      return "packet_too_large";
    case ErrorCode::packet_refused:
      return "packet_refused";
    case ErrorCode::timeout:
      return "timeout";
    case ErrorCode::closed:
      return "closed";
    case ErrorCode::forked:
      return "forked";
    case ErrorCode::websocket_in_use:
      return "websocket_in_use";
    case ErrorCode::does_not_fit:
      return "does_not_fit";
    case ErrorCode::spool_failed:
      return "spool_failed";
    case ErrorCode::spool_in_use:
      return "spool_in_use";
    case ErrorCode::internal:
      return "internal";
  }
  return "internal";  // a value outside the enumeration
}

}  // namespace honeyframe
