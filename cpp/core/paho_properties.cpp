#include "paho_properties.h"

#include <string_view>

namespace honeyframe {
namespace {

std::string_view text_of(const MQTTLenString& text) {
  return text.data == nullptr ? std::string_view() : std::string_view(text.data, static_cast<std::size_t>(text.len));
}

}  // namespace

std::string reason_string_of(const MQTTProperties& properties) {
  std::string reason;
  for_each_property(properties, [&](int id, const auto& value) {
    if (id == kReasonString) reason = text_of(value.data);
  });
  return reason;
}

Connack read_connack(bool session_present, const MQTTProperties& properties) {
  Connack connack;
  connack.session_present = session_present;
  for_each_property(properties, [&](int id, const auto& value) {
    if (id == kReceiveMaximum) connack.receive_maximum = value.integer2;
    if (id == kMaximumPacketSize) connack.maximum_packet_size = value.integer4;
    if (id == kSessionExpiry) connack.session_expiry = value.integer4;
    if (id == kServerKeepAlive) connack.keepalive = value.integer2;
    if (id == kMaximumQos) connack.maximum_qos = value.byte;
    if (id == kRetainAvailable) connack.retain_available = value.byte != 0;
    if (id == kSubscriptionIdentifiersAvailable) connack.subscription_identifiers_available = value.byte != 0;
    if (id == kTopicAliasMaximum) connack.topic_alias_maximum = value.integer2;
    if (id == kWildcardSubscriptionsAvailable) connack.wildcard_subscriptions_available = value.byte != 0;
    if (id == kSharedSubscriptionsAvailable) connack.shared_subscriptions_available = value.byte != 0;
  });
  return connack;
}

MessageProperties read_properties(const MQTTProperties& properties) {
  MessageProperties out;
  for_each_property(properties, [&](int id, const auto& value) {
    if (id == kPayloadFormat) out.payload_format = value.byte;
    if (id == kMessageExpiry) out.message_expiry_s = value.integer4;
    if (id == kContentType) out.content_type = text_of(value.data);
    if (id == kResponseTopic) out.response_topic = text_of(value.data);
    if (id == kCorrelationData) out.correlation_data = text_of(value.data);
    if (id == kUserProperty) out.user_properties.emplace_back(text_of(value.data), text_of(value.value));
  });
  return out;
}

}  // namespace honeyframe
