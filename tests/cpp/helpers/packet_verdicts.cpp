// What PacketGuard says of packets, for another reader to compare (tests/integration/test_packet_guard.py): a line in
// is the protocol level and a packet in hexadecimal, a line out is "ok", "unfinished" or the fault. Packets but CONNACK
// come behind a CONNACK. Each is given whole and byte by byte; "uneven" says that this made a difference.

#include <algorithm>
#include <iostream>
#include <string>

#include "packet_guard.h"

namespace {

using honeyframe::PacketGuard;

std::string verdict(const std::string& packet, int level, std::size_t piece) {
  PacketGuard guard;
  guard.begin(static_cast<std::uint8_t>(level), 268'435'460);
  if (static_cast<unsigned char>(packet[0]) >> 4 != 2) static_cast<void>(guard.check("\x20\x02\x00\x00", 4));
  for (std::size_t at = 0; at < packet.size(); at += piece)
    static_cast<void>(guard.check(packet.data() + at, std::min(piece, packet.size() - at)));
  if (guard.refusal()) return std::string(to_string(guard.refusal().fault));
  return guard.is_between_packets() ? "ok" : "unfinished";
}

}  // namespace

int main() {
  int level = 0;
  std::string hex;
  while (std::cin >> level >> hex) {
    std::string packet;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
      packet += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    const auto whole = verdict(packet, level, packet.size());
    std::cout << (whole == verdict(packet, level, 1) ? whole : "uneven") << '\n';
  }
}
