#pragma once

// The message as it passes from the session to the queue: views only, valid for the length of the call.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace honeyframe {

// MQTT 5 PUBLISH properties that may become columns (MQTT 5.0, section 3.3.2.3). Kept only where a stream asks for
// them.
struct MessageProperties {
  std::string content_type;
  std::string response_topic;
  std::string correlation_data;
  std::vector<std::pair<std::string, std::string>> user_properties;
  // Kept by a spool alone.
  std::optional<std::uint8_t> payload_format = std::nullopt;
  std::optional<std::uint32_t> message_expiry_s = std::nullopt;  // what is left of it on arrival
};

struct MessageView {
  std::string_view topic;
  std::string_view payload;
  std::int64_t receive_time_ns = 0;  // UTC, nanoseconds since 1970
  std::uint8_t qos = 0;
  bool retain = false;
  bool dup = false;
  const MessageProperties* properties = nullptr;  // may be null
  std::uint16_t packet_id = 0;                    // of QoS 1 and 2; 0: unknown
};

}  // namespace honeyframe
