#pragma once

// Status and Result<T>: how every operation of the core reports failure.
//
// The core never throws across its interface. A Status owns its texts, is a value, and may be used from any thread.
// Exceptions exist only in cpp/bindings/, which turns an ErrorCode into a class of honeyframe.errors.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace honeyframe {

enum class ErrorCode : std::uint8_t {
  ok,
  // What the caller passed.
  invalid_argument,
  invalid_uri,
  invalid_topic,
  invalid_topic_filter,
  invalid_topic_template,
  invalid_schema,
  // Reaching the broker.
  dns_failed,
  connection_refused,
  connect_timeout,
  proxy_failed,
  websocket_failed,
  tls_untrusted,  // the chain does not end at a trusted authority
  tls_host_name_mismatch,
  tls_certificate_expired,
  tls_not_spoken,  // the port answers, but not with TLS
  tls_failed,
  // What the broker answered.
  bad_credentials,
  not_authorized,
  quota_exceeded,
  identifier_rejected,
  unsupported_protocol_version,
  server_unavailable,
  session_taken_over,
  disconnected_by_broker,
  connection_lost,
  subscribe_denied,
  publish_denied,
  publish_probably_denied,
  packet_too_large,
  packet_refused,  // what the broker sent is malformed, or larger than we take
  // Using the library.
  timeout,
  closed,
  forked,
  websocket_in_use,  // Paho's WebSocket state is global: one live session a process
  does_not_fit,      // on_conflict="raise"
  spool_failed,      // a spool cannot be opened, read or written
  spool_in_use,      // another stream writes it
  internal,          // keep last: error codes are counted up to here
};

// The enumerator's own name: "dns_failed". Stable: bindings and logs use it.
[[nodiscard]] std::string_view to_string(ErrorCode code) noexcept;

class [[nodiscard]] Status {
 public:
  Status() noexcept = default;
  Status(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] bool ok() const noexcept { return code_ == ErrorCode::ok; }
  [[nodiscard]] ErrorCode code() const noexcept { return code_; }
  // What was refused, where, and what was found. Never contains a secret.
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  // One line: what to do about it, in the words of HiveMQ Cloud's console. May be empty.
  [[nodiscard]] const std::string& hint() const noexcept { return hint_; }
  // The MQTT reason code (5.0) or return code (3.x), where the broker sent one.
  [[nodiscard]] std::optional<int> reason_code() const noexcept { return reason_code_; }
  // The broker's own reason string (MQTT 5), where it sent one.
  [[nodiscard]] const std::string& reason_string() const noexcept { return reason_string_; }
  // The topic filters or topics that were refused, where the failure is about some of them.
  [[nodiscard]] const std::vector<std::string>& subjects() const noexcept { return subjects_; }
  // Paho's or the operating system's code, where one was involved; else 0.
  [[nodiscard]] int native_code() const noexcept { return native_code_; }

  Status with_hint(std::string hint) && {
    hint_ = std::move(hint);
    return std::move(*this);
  }
  Status with_reason(int code, std::string text = {}) && {
    reason_code_ = code;
    reason_string_ = std::move(text);
    return std::move(*this);
  }
  Status with_subjects(std::vector<std::string> subjects) && {
    subjects_ = std::move(subjects);
    return std::move(*this);
  }
  Status with_native_code(int code) && {
    native_code_ = code;
    return std::move(*this);
  }

 private:
  ErrorCode code_ = ErrorCode::ok;
  int native_code_ = 0;
  std::optional<int> reason_code_;
  std::string message_;
  std::string hint_;
  std::string reason_string_;
  std::vector<std::string> subjects_;
};

// A T or the Status that says why there is none.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {
    if (std::get<1>(state_).ok()) {
      state_.template emplace<1>(ErrorCode::internal, "a Result was made from an ok Status");
    }
  }

  [[nodiscard]] bool ok() const noexcept { return state_.index() == 0; }
  [[nodiscard]] Status status() const { return ok() ? Status() : std::get<1>(state_); }
  // Precondition of the four below: ok().
  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace honeyframe
