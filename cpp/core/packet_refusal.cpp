#include "packet_refusal.h"

#include <array>
#include <string_view>

namespace honeyframe {
namespace {

constexpr std::size_t kFaults = static_cast<std::size_t>(PacketFault::frame_too_large) + 1;

// In the texts: {name} is the packet's, {found} and {limit} are numbers, {hex} is what was found, {flags} the limit in
// the same notation, {property} its identifier.
struct FaultText {
  std::string_view name;
  std::string_view text;
};

#define HONEYFRAME_PACKET "a malformed {name}: "
#define HONEYFRAME_FRAME "a malformed WebSocket frame: "

constexpr std::array<FaultText, kFaults> kFaultTexts = {{
    {"none", ""},
    {"not_from_a_broker", "{name}, which brokers do not send"},
    {"not_in_this_version", "{name}, which brokers send with MQTT 5 only"},
    {"not_asked_for", "{name}, which nobody asked for"},
    {"alias_not_allowed", "{name} with a topic alias, which CONNECT does not allow"},
    {"before_connack", "{name} before CONNACK"},
    {"second_connack", "CONNACK twice"},
    {"flags", HONEYFRAME_PACKET "flags {hex}, {flags} expected"},
    {"qos_3", HONEYFRAME_PACKET "QoS 3"},
    {"length_of_five_bytes", HONEYFRAME_PACKET "a remaining length of more than four bytes"},
    {"length_padded", HONEYFRAME_PACKET "a remaining length in more bytes than it needs"},
    {"too_large", "{name} of {found} bytes, and maximum_packet_size is {limit}"},
    {"wrong_length", HONEYFRAME_PACKET "remaining length {found}, {limit} expected"},
    {"too_short", HONEYFRAME_PACKET "remaining length {found}, at least {limit} expected"},
    {"topic_length", HONEYFRAME_PACKET "topic length {found} exceeds the packet's {limit} bytes"},
    {"packet_id_zero", HONEYFRAME_PACKET "packet identifier 0"},
    {"acknowledge_flags", HONEYFRAME_PACKET "acknowledge flags {hex}"},
    {"property_length", HONEYFRAME_PACKET "property length {found} exceeds the packet's {limit} bytes"},
    {"property_length_padded", HONEYFRAME_PACKET "a property length in more bytes than it needs"},
    {"property_unknown", HONEYFRAME_PACKET "no property has the identifier {property}"},
    {"property_misplaced", HONEYFRAME_PACKET "property {property} does not belong there"},
    {"property_twice", HONEYFRAME_PACKET "property {property} twice"},
    {"property_cut", HONEYFRAME_PACKET "property {property} needs {found} bytes, and {limit} are left"},
    {"property_value", HONEYFRAME_PACKET "property {property} with the value {found}"},
    {"left_over", HONEYFRAME_PACKET "{found} bytes left over"},
    {"codes", HONEYFRAME_PACKET "{found} codes for one topic filter"},
    {"frame_masked", HONEYFRAME_FRAME "masked, as only a client's is"},
    {"frame_reserved_bits", HONEYFRAME_FRAME "reserved bits {hex}"},
    {"frame_opcode", HONEYFRAME_FRAME "opcode {hex}"},
    {"frame_text", HONEYFRAME_FRAME "text, where MQTT needs binary"},
    {"frame_control_split", HONEYFRAME_FRAME "a control frame in pieces"},
    {"frame_control_long", HONEYFRAME_FRAME "a control frame of more than 125 bytes"},
    {"frame_without_beginning", HONEYFRAME_FRAME "a continuation of nothing"},
    {"frame_interrupts_message", HONEYFRAME_FRAME "a new message within another"},
    {"frame_length_padded", HONEYFRAME_FRAME "a length in more bytes than it needs"},
    {"frame_too_large", HONEYFRAME_FRAME "{found} bytes, where {limit} are the most"},
}};

#undef HONEYFRAME_PACKET
#undef HONEYFRAME_FRAME

std::string hex(std::uint64_t number) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text = "0x";
  if (number > 15) text += kDigits[number >> 4 & 15];
  return text + kDigits[number & 15];
}

void replace(std::string& text, std::string_view what, const std::string& by) {
  if (const auto at = text.find(what); at != std::string::npos) text.replace(at, what.size(), by);
}

}  // namespace

std::string_view to_string(PacketFault fault) noexcept {
  return kFaultTexts[static_cast<std::size_t>(fault)].name;
}

std::string_view packet_name(std::uint8_t type) noexcept {
  constexpr std::array<std::string_view, 16> kNames = {
      "a packet of type 0", "CONNECT", "CONNACK",     "PUBLISH",  "PUBACK",  "PUBREC",   "PUBREL",     "PUBCOMP",
      "SUBSCRIBE",          "SUBACK",  "UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "AUTH"};
  return kNames[type & 15U];
}

std::string PacketRefusal::text() const {
  if (fault == PacketFault::none) return {};
  auto text = "the broker sent " + std::string(kFaultTexts[static_cast<std::size_t>(fault)].text);
  replace(text, "{name}", std::string(packet_name(type)));
  replace(text, "{found}", std::to_string(found));
  replace(text, "{limit}", std::to_string(limit));
  replace(text, "{hex}", hex(found));
  replace(text, "{flags}", hex(limit));
  replace(text, "{property}", hex(property));
  return text;
}

std::string PacketRefusal::hint() const {
  if (fault == PacketFault::too_large)
    return "maximum_packet_size= is what is taken at most, in bytes; before MQTT 5 a broker is not told of it";
  return "it was not read any further: the broker, or something on the way, is faulty or hostile";
}

}  // namespace honeyframe
