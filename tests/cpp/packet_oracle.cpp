#include "packet_oracle.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace honeyframe::testing {
namespace {

constexpr int kConnack = 2;
constexpr int kPublish = 3;
constexpr int kPubrel = 6;
constexpr int kSuback = 9;
constexpr int kUnsuback = 11;
constexpr int kPingresp = 13;
constexpr int kDisconnect = 14;

// Reads, and remembers that something was not there.
class Body {
 public:
  explicit Body(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool good() const { return good_; }
  [[nodiscard]] std::size_t rest() const { return bytes_.size(); }
  void fail() { good_ = false; }
  std::string_view take(std::size_t count) {
    if (count > bytes_.size()) {
      good_ = false;
      count = bytes_.size();
    }
    const auto taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return taken;
  }
  std::uint32_t number(std::size_t count) {
    std::uint32_t value = 0;
    for (const char byte : take(count)) value = value * 256 + static_cast<unsigned char>(byte);
    return value;
  }
  std::uint32_t variable(bool minimal) {
    std::uint32_t value = 0;
    for (std::uint32_t i = 0, factor = 1; i < 4 && good_; ++i, factor *= 128) {
      const auto byte = number(1);
      value += byte % 128 * factor;
      if (byte < 128) {
        if (minimal && i > 0 && byte == 0) good_ = false;
        return value;
      }
    }
    good_ = false;
    return value;
  }
  void text() { take(number(2)); }

 private:
  std::string_view bytes_;
  bool good_ = true;
};

bool is_one_of(int type, std::initializer_list<int> types) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

bool property_belongs(std::uint32_t id, int type) {
  static const std::set<std::uint32_t> in_publish{0x01, 0x02, 0x03, 0x08, 0x09, 0x0B, 0x26};
  static const std::set<std::uint32_t> in_connack{0x11, 0x12, 0x13, 0x15, 0x16, 0x1A, 0x1C, 0x1F, 0x21,
                                                  0x22, 0x24, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2A};
  if (type == kPublish) return in_publish.contains(id);
  if (type == kConnack) return in_connack.contains(id);
  if (type == kDisconnect) return id == 0x11 || id == 0x1C || id == 0x1F || id == 0x26;
  return id == 0x1F || id == 0x26;
}

void read_property(Body& body, std::uint32_t id) {
  switch (id) {
    case 0x01:
      body.number(1);
      return;
    case 0x24:
    case 0x25:
    case 0x28:
    case 0x29:
    case 0x2A:
      if (body.number(1) > 1) body.fail();
      return;
    case 0x13:
    case 0x22:
      body.number(2);
      return;
    case 0x21:
      if (body.number(2) == 0) body.fail();
      return;
    case 0x02:
    case 0x11:
      body.number(4);
      return;
    case 0x27:
      if (body.number(4) == 0) body.fail();
      return;
    case 0x0B:
      if (body.variable(true) == 0) body.fail();
      return;
    case 0x26:
      body.text();
      body.text();
      return;
    default:
      body.text();
  }
}

void read_properties(Body& packet, int type) {
  const auto size = packet.variable(true);
  Body body(packet.take(size));
  std::set<std::uint32_t> seen;
  while (packet.good() && body.good() && body.rest() > 0) {
    const auto id = body.number(1);
    const bool again = !seen.insert(id).second;
    if (!property_belongs(id, type) || (again && id != 0x26 && id != 0x0B)) body.fail();
    if (body.good()) read_property(body, id);
  }
  if (!body.good()) packet.fail();
}

void read_body(Body& body, int type, int flags, int level) {
  const bool v5 = level == 5;
  if (type == kConnack) {
    const auto acknowledge = body.number(1);
    if (acknowledge > 1 && level > 3) body.fail();
    body.number(1);
    if (v5 && body.rest() > 0) read_properties(body, type);
  } else if (type == kPublish) {
    const int qos = flags / 2 % 4;
    if (qos == 3) body.fail();
    body.text();
    if (qos > 0 && body.number(2) == 0) body.fail();
    if (v5) read_properties(body, type);
    body.take(body.rest());
  } else if (type == kSuback || type == kUnsuback) {
    if (body.number(2) == 0) body.fail();
    if (v5) read_properties(body, type);
    if (v5 || type == kSuback) body.number(1);
  } else if (type == kDisconnect) {
    if (body.rest() > 0) body.number(1);
    if (body.rest() > 0) read_properties(body, type);
  } else if (type != kPingresp) {
    if (body.number(2) == 0) body.fail();
    if (v5 && body.rest() > 0) body.number(1);
    if (v5 && body.rest() > 0) read_properties(body, type);
  }
  if (body.rest() > 0) body.fail();
}

}  // namespace

bool is_well_formed(std::string_view packet, int level) {
  Body header(packet);
  const auto first = static_cast<int>(header.number(1));
  const auto length = header.variable(level == 5);
  if (!header.good() || header.rest() != length) return false;
  const int type = first / 16;
  const int flags = first % 16;
  if (!is_one_of(type, {2, 3, 4, 5, 6, 7, 9, 11, 13, 14}) || (type == kDisconnect && level < 5)) return false;
  const bool repeated = level == 3 && type == kPubrel && flags == 10;
  if (type != kPublish && flags != (type == kPubrel ? 2 : 0) && !repeated) return false;
  Body body(packet.substr(packet.size() - length));
  read_body(body, type, flags, level);
  return body.good();
}

std::string framed(int first_byte, std::string_view body) {
  std::string packet(1, static_cast<char>(first_byte));
  auto rest = body.size();
  do {
    packet += static_cast<char>(rest % 128 + (rest >= 128 ? 128 : 0));
    rest /= 128;
  } while (rest > 0);
  return packet.append(body);
}

std::string sized(std::string_view text) {
  return std::string{static_cast<char>(text.size() / 256), static_cast<char>(text.size() % 256)}.append(text);
}

std::string with_length(std::string_view properties) {
  return framed(0, properties).substr(1);
}

std::string PacketSource::properties(int type) {
  static const std::map<int, std::vector<std::string>> all{
      {kConnack,
       {std::string("\x11\0\0\0\x09", 5), "\x12" + sized("an id"), std::string("\x13\0\x1e", 3),
        std::string("\x21\0\x0a", 3), std::string("\x22\0\x05", 3), std::string("\x24\x01"), std::string("\x25\x01"),
        std::string("\x27\0\1\0\0", 5), std::string("\x28\0", 2), "\x1f" + sized("why"),
        "\x26" + sized("k") + sized("value")}},
      {kPublish,
       {std::string("\x01\x01"), std::string("\x02\0\0\0\x3c", 5), "\x03" + sized("application/json"),
        "\x08" + sized("answers/here"), "\x09" + sized(std::string("\0\1\2", 3)), std::string("\x0b\x07"),
        std::string("\x0b\x87\x01"), "\x26" + sized("k") + sized("v")}},
      {0, {"\x1f" + sized("why"), "\x26" + sized("k") + sized("value")}}};
  const auto& choice = all.contains(type) ? all.at(type) : all.at(0);
  std::string chosen;
  for (const auto& property : choice) {
    if (below(3) == 0) chosen += property;
  }
  return with_length(chosen);
}

std::string PacketSource::good(int level) {
  const bool v5 = level == 5;
  const std::string id{static_cast<char>(below(2)), static_cast<char>(1 + below(255))};
  const auto type = std::vector<int>{2, 3, 3, 3, 3, 4, 5, 6, 7, 9, 11, 13, v5 ? 14 : 13}[below(13)];
  switch (type) {
    case kConnack:
      return framed(0x20, std::string(2, '\0') + (v5 ? properties(type) : ""));
    case kPublish: {
      const int qos = static_cast<int>(below(3));
      const auto body = sized(std::string(below(20), 't')) + (qos > 0 ? id : "") + (v5 ? properties(type) : "");
      return framed(0x30 + 2 * qos + static_cast<int>(below(2)), body + std::string(below(200), 'p'));
    }
    case kSuback:
      return framed(0x90, id + (v5 ? properties(type) : "") + std::string(1, static_cast<char>(below(3))));
    case kUnsuback:
      return framed(0xB0, id + (v5 ? properties(type) + std::string(1, '\0') : ""));
    case kPingresp:
      return framed(0xD0, "");
    case kDisconnect:
      return framed(0xE0, below(2) == 0 ? "" : "\x8b" + properties(type));
    default: {
      const auto more = v5 ? below(3) : 0;
      return framed(type * 16 + (type == kPubrel ? 2 : 0),
                    id + (more > 0 ? std::string(1, '\x10') : "") + (more > 1 ? properties(type) : ""));
    }
  }
}

std::string PacketSource::spoiled(int level) {
  auto packet = good(level);
  for (auto changes = 1 + below(3); changes > 0; --changes) {
    const auto at = below(static_cast<std::uint32_t>(packet.size()));
    switch (below(6)) {
      case 0:
        packet[at] = static_cast<char>(below(256));
        break;
      case 1:
        packet[at] = static_cast<char>(packet[at] ^ 1 << below(8));
        break;
      case 2:
        packet.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 3:
        if (packet.size() > 2) packet.erase(at, 1 + below(3));
        break;
      case 4:
        packet += packet.substr(at);
        break;
      case 5:
        packet[at] = static_cast<char>(below(2) == 0 ? 0xFF : 0);
        break;
    }
    if (packet.empty()) packet = "\x30";
  }
  // Two of three with a length that is right, so that what is within is looked at.
  const auto body = packet.size() > 2 ? packet.substr(2) : "";
  return below(3) > 0 ? framed(static_cast<unsigned char>(packet[0]), body) : packet;
}

}  // namespace honeyframe::testing
