#include "publish_check.h"

#include <string>
#include <string_view>

#include "topic_filter.h"
#include "utf8.h"

namespace honeyframe {
namespace {

// MQTT 5.0, 1.5.5: the largest remaining length. Paho counts what it sends in an int, far above.
constexpr std::size_t kMaxPacket = 268'435'455;
// MQTT 5.0, 1.5.4 and 1.5.6: a length has two bytes.
constexpr std::size_t kMaxField = 65'535;

std::size_t length_bytes(std::size_t length) noexcept {
  return length < 128 ? 1 : length < 16'384 ? 2 : length < 2'097'152 ? 3 : 4;
}
std::size_t text_property(const std::string& text) noexcept {
  return text.empty() ? 0 : text.size() + 3;
}

Status invalid(const PublishRequest& message, std::string_view name, const std::string& what) {
  return Status(ErrorCode::invalid_argument,
                std::string(name) + " of the message to " + in_quotes(message.topic) + " " + what);
}

Status check_length(const PublishRequest& message, std::string_view name, std::string_view value) {
  if (value.size() <= kMaxField) return {};
  return invalid(message, name, "has " + std::to_string(value.size()) + " bytes; MQTT allows 65535")
      .with_hint("put it into the payload");
}

Status check_text(const PublishRequest& message, std::string_view name, std::string_view value) {
  if (auto status = check_length(message, name, value); !status.ok()) return status;
  if (!is_valid_utf8(value)) return invalid(message, name, "is not UTF-8: " + in_quotes(value));
  if (value.find('\0') != std::string_view::npos) {
    return invalid(message, name, "contains a NUL character, which MQTT forbids: " + in_quotes(value));
  }
  return {};
}

Status check_properties(const PublishRequest& message) {
  const auto& given = message.properties;
  if (auto status = check_text(message, "content_type", given.content_type); !status.ok()) return status;
  if (!given.response_topic.empty()) {
    if (auto status = validate_sent_topic(given.response_topic); !status.ok()) {
      return Status(ErrorCode::invalid_topic, "response_topic: " + status.message()).with_hint(status.hint());
    }
  }
  if (auto status = check_length(message, "correlation_data", given.correlation_data); !status.ok()) return status;
  for (const auto& [name, value] : given.user_properties) {
    if (auto status = check_text(message, "the name of a user property", name); !status.ok()) return status;
    if (auto status = check_text(message, "the user property " + in_quotes(name), value); !status.ok()) return status;
  }
  return {};
}

}  // namespace

std::size_t packet_size(const PublishRequest& message) noexcept {
  const auto& given = message.properties;
  std::size_t properties = text_property(given.content_type) + text_property(given.response_topic) +
                           text_property(given.correlation_data) + (message.message_expiry_s ? 5 : 0);
  for (const auto& [name, value] : given.user_properties) properties += 5 + name.size() + value.size();
  const auto remaining = 2 + message.topic.size() + (message.qos > 0 ? 2 : 0) + length_bytes(properties) + properties +
                         message.payload.size();
  return 1 + length_bytes(remaining) + remaining;
}

Status validate(const PublishRequest& message) {
  if (auto status = validate_sent_topic(message.topic); !status.ok()) return status;
  if (message.qos < 0 || message.qos > 2) {
    return Status(ErrorCode::invalid_argument, "qos must be 0, 1 or 2; found " + std::to_string(message.qos));
  }
  if (auto status = check_properties(message); !status.ok()) return status;
  if (const auto size = packet_size(message); size > kMaxPacket) {
    return Status(ErrorCode::packet_too_large, "the message to " + in_quotes(message.topic) + " makes a packet of " +
                                                   std::to_string(size) + " bytes; MQTT allows no more than 256 MiB")
        .with_hint("split the payload, or compress it");
  }
  return {};
}

}  // namespace honeyframe
