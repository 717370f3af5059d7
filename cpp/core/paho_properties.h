#pragma once

// MQTT 5 properties between Paho's structs and ours. Pure functions, and the owner of a list that we fill; any thread.

#include <MQTTProperties.h>

#include <cstdint>
#include <string>
#include <utility>

#include "message.h"
#include "paho_client.h"

namespace honeyframe {

// Property identifiers, MQTT 5.0, 2.2.2.2. By number: the header's names change between Paho's releases.
enum Property : int {
  kPayloadFormat = 1,
  kMessageExpiry = 2,
  kContentType = 3,
  kResponseTopic = 8,
  kCorrelationData = 9,
  kSubscriptionIdentifier = 11,
  kSessionExpiry = 17,
  kServerKeepAlive = 19,
  kReasonString = 31,
  kReceiveMaximum = 33,
  kTopicAliasMaximum = 34,
  kMaximumQos = 36,
  kRetainAvailable = 37,
  kUserProperty = 38,
  kMaximumPacketSize = 39,
  kWildcardSubscriptionsAvailable = 40,
  kSubscriptionIdentifiersAvailable = 41,
  kSharedSubscriptionsAvailable = 42,
};

template <typename Visit>
void for_each_property(const MQTTProperties& properties, Visit visit) {
  for (int i = 0; i < properties.count; ++i)
    visit(static_cast<int>(properties.array[i].identifier), properties.array[i].value);
}

[[nodiscard]] std::string reason_string_of(const MQTTProperties& properties);
[[nodiscard]] Connack read_connack(bool session_present, const MQTTProperties& properties);
[[nodiscard]] MessageProperties read_properties(const MQTTProperties& properties);

// Owns an MQTTProperties that we fill.
class PropertyList {
 public:
  PropertyList() = default;
  PropertyList(const PropertyList&) = delete;
  PropertyList& operator=(const PropertyList&) = delete;
  ~PropertyList() { MQTTProperties_free(&list_); }

  void add_number(Property id, std::uint32_t number) {
    MQTTProperty property = empty(id);
    if (id == kReceiveMaximum) {
      property.value.integer2 = static_cast<unsigned short>(number);
    } else {
      property.value.integer4 = number;
    }
    MQTTProperties_add(&list_, &property);  // copies
  }
  void add_text(Property id, const std::string& text) {
    MQTTProperty property = empty(id);
    property.value.data = view(text);
    MQTTProperties_add(&list_, &property);
  }
  void add_pair(const std::pair<std::string, std::string>& pair) {
    MQTTProperty property = empty(kUserProperty);
    property.value.data = view(pair.first);
    property.value.value = view(pair.second);
    MQTTProperties_add(&list_, &property);
  }
  [[nodiscard]] MQTTProperties* get() noexcept { return &list_; }

 private:
  static MQTTProperty empty(Property id) {
    MQTTProperty property{};
    property.identifier = static_cast<MQTTPropertyCodes>(id);
    return property;
  }
  static MQTTLenString view(const std::string& text) {
    return {static_cast<int>(text.size()), const_cast<char*>(text.data())};  // Paho's interface lacks const
  }
  MQTTProperties list_ = MQTTProperties_initializer;
};

}  // namespace honeyframe
