#pragma once

// The broker's codes and our error codes, in words: what a CONNACK, SUBACK, PUBACK or DISCONNECT means, whether to try
// again, and what to do about it on HiveMQ Cloud. Pure functions over constant tables.

#include <cstdint>
#include <string>
#include <string_view>

#include "connect_options.h"
#include "status.h"

namespace honeyframe {

// Of a session that once was connected; at the first connect a refusal is final.
enum class RetryAdvice : std::uint8_t {
  soon,    // with the usual growing delay
  slowly,  // once a minute: a person has to change something, on the other side or on this one
  never,   // the same would happen again, or two clients would fight for ever
};

// "Not authorized" for 0x87 (MQTT 5.0, section 2.4); "unknown reason code" for what the specification does not name.
[[nodiscard]] std::string_view reason_code_name(int code) noexcept;
// "Connection refused: not authorized" for 5 (MQTT 3.1.1, table 3.1).
[[nodiscard]] std::string_view return_code_name(int code) noexcept;

// One line: what to do. Empty where the message already says it.
[[nodiscard]] std::string_view hint_for(ErrorCode code) noexcept;

// The functions below answer ok for codes that mean success. `reason_string` is the broker's own, empty in 3.x.
[[nodiscard]] Status status_for_connack(ProtocolVersion version, int code, std::string reason_string = {});
[[nodiscard]] Status status_for_disconnect(int code, std::string reason_string = {});
// The refused filter is named in the message and in subjects(). 0x80 is what 3.1.1 says for every refusal.
[[nodiscard]] Status status_for_suback(int code, const std::string& filter, std::string reason_string = {});
// For PUBACK, PUBREC and PUBCOMP (MQTT 5; a 3.x broker cannot refuse a publish).
[[nodiscard]] Status status_for_puback(int code, const std::string& topic, std::string reason_string = {});

[[nodiscard]] RetryAdvice retry_advice(const Status& status) noexcept;

}  // namespace honeyframe
