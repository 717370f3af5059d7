#include "packet_guard.h"

#include <algorithm>

#include "packet_properties.h"

namespace honeyframe {
namespace {

constexpr std::uint8_t kConnackType = 2;
constexpr std::uint8_t kPublishType = 3;
constexpr std::uint8_t kPubrelType = 6;
constexpr std::uint8_t kSubackType = 9;
constexpr std::uint8_t kUnsubackType = 11;
constexpr std::uint8_t kPingrespType = 13;
constexpr std::uint8_t kDisconnectType = 14;
constexpr std::uint8_t kAuthType = 15;
constexpr std::uint8_t kDup = 8;
// CONNACK, PUBLISH, PUBACK to PUBCOMP, SUBACK, UNSUBACK, PINGRESP, DISCONNECT, AUTH.
constexpr unsigned kBrokerTypes = 0x0FCU | 1U << 9 | 1U << 11 | 1U << 13 | 1U << 14 | 1U << 15;

}  // namespace

void PacketGuard::begin(std::uint8_t level, std::uint32_t maximum_packet, SentAgain* sent_again) noexcept {
  *this = PacketGuard();
  level_ = level;
  maximum_ = maximum_packet;
  sent_again_ = sent_again;
}

void PacketGuard::refuse(PacketFault fault, std::uint64_t found, std::uint64_t limit) noexcept {
  refusal_ = {.fault = fault, .type = type_, .property = 0, .found = found, .limit = limit};
}

void PacketGuard::refuse_property(PacketFault fault, std::uint64_t found, std::uint64_t limit) noexcept {
  refusal_ = {.fault = fault, .type = type_, .property = property_, .found = found, .limit = limit};
}

std::size_t PacketGuard::check(const char* bytes, std::size_t size) noexcept {
  if (refusal_ || level_ == 0) return 0;
  const auto* const begin = reinterpret_cast<const std::uint8_t*>(bytes);
  const auto* const end = begin + size;
  const auto* packet = begin;  // where the packet begins that is looked at
  for (const auto* at = begin; at != end;) {
    if (step_ == Step::header) {
      at = pass_publishes(at, end, packet);
      if (step_ != Step::header || at == end) continue;
      begin_packet(*at++);
    } else if (skip_ > 0) {
      at = skip(at, end);
    } else {
      take(*at++);
    }
    if (refusal_) return static_cast<std::size_t>(packet - begin);
  }
  return size;
}

// Of nearly all that comes only this is run: PUBLISH, all of whose head is there, and is in order. Whatever is unusual
// is left to the other functions, from its first byte on, or from its first property.
const std::uint8_t* PacketGuard::pass_publishes(const std::uint8_t* at, const std::uint8_t* end,
                                                const std::uint8_t*& packet) noexcept {
  for (;;) {
    packet = at;
    const auto available = static_cast<std::size_t>(end - at);
    if (available < 5 || *at >> 4 != kPublishType || !connected_) return at;
    std::size_t head = 2;
    std::size_t length = at[1] & 0x7FU;
    for (unsigned shift = 7; (at[head - 1] & 0x80U) != 0; shift += 7) {
      if (head == 5) return at;
      length |= static_cast<std::size_t>(at[head++] & 0x7FU) << shift;
    }
    if (at[head - 1] == 0 && head > 2) return at;
    const auto total = head + length;
    const unsigned qos = *at >> 1 & 3U;
    if (qos >= 2 || total > maximum_ || available < head + 2) return at;
    head += 2 + (static_cast<std::size_t>(at[head]) << 8 | at[head + 1]) + (qos > 0 ? 2 : 0) + (is_v5() ? 1 : 0);
    if (head > total || head > available) return at;
    const auto* const id = at + head - (is_v5() ? 3 : 2);
    if (qos > 0 && (id[0] | id[1]) == 0) return at;
    const std::size_t properties = is_v5() ? at[head - 1] : 0;
    if (properties >= 0x80 || head + properties > total) return at;
    if (properties == 0 && available >= total) {
      at += total;
      continue;
    }
    header_ = *at;
    type_ = kPublishType;
    if (properties == 0) {
      left_ = static_cast<std::uint32_t>(total - available);
      begin_rest();
      return end;
    }
    left_ = static_cast<std::uint32_t>(total - head);
    properties_left_ = static_cast<std::uint32_t>(properties);
    seen_ = 0;
    step_ = Step::property;
    return at + head;
  }
}

const std::uint8_t* PacketGuard::skip(const std::uint8_t* at, const std::uint8_t* end) noexcept {
  const auto bytes = static_cast<std::uint32_t>(std::min<std::size_t>(skip_, static_cast<std::size_t>(end - at)));
  skip_ -= bytes;
  left_ -= bytes;
  if (step_ == Step::text) properties_left_ -= bytes;
  if (skip_ == 0) {
    if (step_ == Step::topic) {
      topic_ends();
    } else if (step_ == Step::text) {
      text_ends();
    } else {
      end_packet();
    }
  }
  return at + bytes;
}

void PacketGuard::take(std::uint8_t byte) noexcept {
  if (step_ == Step::length) return take_length(byte);
  --left_;
  if (in_properties()) --properties_left_;
  switch (step_) {
    case Step::property_length:
      return take_property_length(byte);
    case Step::property:
      return begin_property(byte);
    case Step::property_variable:
      return take_variable(byte);
    case Step::acknowledge_flags:
    case Step::code:
    case Step::topic_length:
    case Step::packet_id:
    case Step::property_number:
    case Step::text_length:
      return take_number(byte);
    case Step::header:
    case Step::length:
    case Step::topic:
    case Step::text:
    case Step::rest:
      return;  // not here: begun elsewhere, or skipped
  }
}

// --- the fixed header

void PacketGuard::begin_packet(std::uint8_t header) noexcept {
  header_ = header;
  type_ = header >> 4;
  const unsigned flags = header & 15U;
  if ((kBrokerTypes >> type_ & 1U) == 0) return refuse(PacketFault::not_from_a_broker);
  if (!is_v5() && type_ >= kDisconnectType) return refuse(PacketFault::not_in_this_version);
  if (type_ == kAuthType) return refuse(PacketFault::not_asked_for);
  if (!connected_ && type_ != kConnackType) return refuse(PacketFault::before_connack);
  if (connected_ && type_ == kConnackType) return refuse(PacketFault::second_connack);
  if (type_ == kPublishType) {
    if (qos() == 3) return refuse(PacketFault::qos_3);
  } else {
    const unsigned expected = type_ == kPubrelType ? 2 : 0;
    // MQTT 3.1 repeats a PUBREL with the DUP flag.
    const unsigned allowed = level_ == kLevel31 && type_ == kPubrelType ? 8 : 0;
    if ((flags & ~allowed) != expected) return refuse(PacketFault::flags, flags, expected);
  }
  step_ = Step::length;
  number_ = number_size_ = 0;
}

void PacketGuard::take_length(std::uint8_t byte) noexcept {
  number_ |= (byte & 0x7FU) << 7 * number_size_++;
  if ((byte & 0x80U) != 0) {
    if (number_size_ == 4) refuse(PacketFault::length_of_five_bytes);
    return;
  }
  if (is_v5() && byte == 0 && number_size_ > 1) return refuse(PacketFault::length_padded);
  left_ = number_;
  const std::uint64_t total = 1ULL + number_size_ + left_;
  if (total > maximum_) return refuse(PacketFault::too_large, total, maximum_);
  begin_body();
}

// The lengths that are known by the type; those within are looked at where they stand.
void PacketGuard::begin_body() noexcept {
  const bool v5 = is_v5();
  std::uint32_t least = 2;
  bool exactly = !v5;
  switch (type_) {
    case kPublishType:
      least = 2U + (qos() > 0 ? 2 : 0) + (v5 ? 1 : 0);
      exactly = false;
      break;
    case kSubackType:
      least = v5 ? 4 : 3;
      break;
    case kUnsubackType:
      least = v5 ? 4 : 2;
      break;
    case kPingrespType:
      least = 0;
      exactly = true;
      break;
    case kDisconnectType:
      least = 0;
      break;
    default:
      break;  // CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP
  }
  if (exactly && left_ != least) return refuse(PacketFault::wrong_length, left_, least);
  if (left_ < least) return refuse(PacketFault::too_short, left_, least);
  if (left_ == 0) return end_packet();
  if (type_ == kPublishType) return begin_number(Step::topic_length, 2);
  if (type_ == kConnackType) return begin_number(Step::acknowledge_flags, 1);
  if (type_ == kDisconnectType) return begin_number(Step::code, 1);
  begin_number(Step::packet_id, 2);
}

// --- numbers, and what comes after each

void PacketGuard::begin_number(Step step, std::uint8_t bytes) noexcept {
  step_ = step;
  number_ = 0;
  number_left_ = bytes;
}

void PacketGuard::take_number(std::uint8_t byte) noexcept {
  number_ = number_ << 8 | byte;
  if (--number_left_ == 0) number_ends();
}

void PacketGuard::number_ends() noexcept {
  switch (step_) {
    case Step::acknowledge_flags:
      // MQTT 3.1 leaves this byte to the broker.
      if (number_ > 1 && level_ > kLevel31) return refuse(PacketFault::acknowledge_flags, number_);
      return begin_number(Step::code, 1);
    case Step::code:
      return code_ends();
    case Step::topic_length: {
      const std::uint32_t behind = (qos() > 0 ? 2U : 0U) + (is_v5() ? 1U : 0U);
      if (number_ + behind > left_) return refuse(PacketFault::topic_length, number_, left_);
      return begin_skip(Step::topic, number_);
    }
    case Step::packet_id:
      return packet_id_ends();
    case Step::property_number:
      check_value();
      if (!refusal_) property_ends();
      return;
    case Step::text_length:
      return begin_text();
    case Step::header:
    case Step::length:
    case Step::topic:
    case Step::property_length:
    case Step::property:
    case Step::property_variable:
    case Step::text:
    case Step::rest:
      return;
  }
}

void PacketGuard::begin_skip(Step step, std::uint32_t bytes) noexcept {
  step_ = step;
  skip_ = bytes;
  if (bytes > 0) return;
  if (step == Step::topic) return topic_ends();
  if (step == Step::text) return text_ends();
  end_packet();
}

void PacketGuard::topic_ends() noexcept {
  if (qos() > 0) return begin_number(Step::packet_id, 2);
  if (is_v5()) return begin_properties();
  begin_rest();
}

void PacketGuard::packet_id_ends() noexcept {
  if (number_ == 0) return refuse(PacketFault::packet_id_zero);
  switch (type_) {
    case kPublishType:
      if (qos() == 2 && sent_again_ != nullptr)
        sent_again_->note(static_cast<std::uint16_t>(number_), (header_ & kDup) != 0);
      [[fallthrough]];
    case kSubackType:
    case kUnsubackType:
      return is_v5() ? begin_properties() : begin_rest();
    default:
      return left_ > 0 ? begin_number(Step::code, 1) : end_packet();
  }
}

void PacketGuard::code_ends() noexcept {
  if (type_ == kConnackType) connected_ = true;
  // A broker that knows no MQTT 5 answers a CONNECT of MQTT 5 without properties.
  return left_ > 0 ? begin_properties() : end_packet();
}

void PacketGuard::begin_rest() noexcept {
  begin_skip(Step::rest, left_);
}

// --- properties

void PacketGuard::begin_properties() noexcept {
  step_ = Step::property_length;
  number_ = number_size_ = 0;
  seen_ = 0;
}

void PacketGuard::take_property_length(std::uint8_t byte) noexcept {
  number_ |= (byte & 0x7FU) << 7 * number_size_++;
  if ((byte & 0x80U) != 0) {
    if (number_size_ == 4 || left_ == 0) refuse(PacketFault::property_length, number_, left_);
    return;
  }
  if (byte == 0 && number_size_ > 1) return refuse(PacketFault::property_length_padded);
  if (number_ > left_) return refuse(PacketFault::property_length, number_, left_);
  properties_left_ = number_;
  property_ends();
}

void PacketGuard::begin_property(std::uint8_t identifier) noexcept {
  property_ = identifier;
  const auto rule = identifier <= kLastProperty ? kPropertyRules[identifier] : PropertyRule{};
  if (rule.kind == PropertyKind::none) return refuse_property(PacketFault::property_unknown);
  if (!rule.belongs_to(type_)) return refuse_property(PacketFault::property_misplaced);
  if (identifier == kTopicAliasProperty) return refuse_property(PacketFault::alias_not_allowed);
  if ((seen_ >> identifier & 1U) != 0 && !rule.may_repeat) return refuse_property(PacketFault::property_twice);
  seen_ |= 1ULL << identifier;
  second_text_ = rule.kind == PropertyKind::pair;
  std::uint8_t bytes = 2;  // of a text's length, too
  if (rule.kind == PropertyKind::flag || rule.kind == PropertyKind::byte || rule.kind == PropertyKind::variable)
    bytes = 1;
  if (rule.kind == PropertyKind::four_bytes) bytes = 4;
  if (bytes > properties_left_) return refuse_property(PacketFault::property_cut, bytes, properties_left_);
  if (rule.kind == PropertyKind::variable) {
    step_ = Step::property_variable;
    number_ = number_size_ = 0;
    return;
  }
  const bool is_text = rule.kind == PropertyKind::text || rule.kind == PropertyKind::pair;
  begin_number(is_text ? Step::text_length : Step::property_number, bytes);
}

void PacketGuard::take_variable(std::uint8_t byte) noexcept {
  number_ |= (byte & 0x7FU) << 7 * number_size_++;
  if ((byte & 0x80U) != 0) {
    if (number_size_ == 4 || properties_left_ == 0)
      refuse_property(PacketFault::property_cut, number_size_ + 1U, number_size_);
    return;
  }
  if (byte == 0 && number_size_ > 1) return refuse_property(PacketFault::property_value, number_);
  check_value();
  if (!refusal_) property_ends();
}

void PacketGuard::check_value() noexcept {
  const auto& rule = kPropertyRules[property_];
  const bool bad = rule.kind == PropertyKind::flag ? number_ > 1 : number_ == 0 && !rule.may_be_zero;
  if (bad) refuse_property(PacketFault::property_value, number_);
}

void PacketGuard::begin_text() noexcept {
  const auto needed = number_ + (second_text_ ? 2U : 0U);
  if (needed > properties_left_) return refuse_property(PacketFault::property_cut, needed, properties_left_);
  begin_skip(Step::text, number_);
}

void PacketGuard::text_ends() noexcept {
  if (!second_text_) return property_ends();
  second_text_ = false;
  begin_number(Step::text_length, 2);
}

void PacketGuard::property_ends() noexcept {
  if (properties_left_ == 0) return properties_end();
  step_ = Step::property;
}

void PacketGuard::properties_end() noexcept {
  if (type_ == kPublishType) return begin_rest();
  if (type_ != kSubackType && type_ != kUnsubackType)
    return left_ == 0 ? end_packet() : refuse(PacketFault::left_over, left_);
  // One filter was asked for.
  if (left_ != 1) return refuse(PacketFault::codes, left_);
  begin_rest();
}

}  // namespace honeyframe
