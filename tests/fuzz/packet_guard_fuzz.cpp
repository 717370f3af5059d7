// A libFuzzer target for the guards of what a broker sends. The first two bytes choose the protocol level, whether
// frames are around the packets, and the pieces; the rest is what the broker says.
//
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Icpp/core tests/fuzz/packet_guard_fuzz.cpp
//     cpp/core/packet_guard.cpp cpp/core/packet_refusal.cpp cpp/core/websocket_frames.cpp -o packet_guard_fuzz

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "packet_guard.h"
#include "websocket_frames.h"

namespace {

using namespace honeyframe;

constexpr std::uint32_t kMaximum = 70'000;

// Pieces make no difference, and what is refused is not finished.
void fuzz_packets(const char* bytes, std::size_t size, std::uint8_t level, std::size_t piece) {
  PacketGuard whole;
  PacketGuard cut;
  for (auto* guard : {&whole, &cut}) {
    guard->begin(level, kMaximum);
    if (size > 0 && static_cast<std::uint8_t>(bytes[0]) >> 4 != 2) static_cast<void>(guard->check("\x20\x02\0\0", 4));
  }
  const auto passed = whole.check(bytes, size);
  std::size_t passed_cut = 0;
  for (std::size_t at = 0; at < size; at += piece) passed_cut += cut.check(bytes + at, std::min(piece, size - at));
  if (whole.refusal().fault != cut.refusal().fault || passed_cut < passed) std::abort();
  if (whole.is_between_packets() != cut.is_between_packets() && !whole.refusal()) std::abort();
  if (!whole.refusal() && passed != size) std::abort();
}

// What goes out is never more than what came in, but for headers.
void fuzz_frames(const std::string& sent, std::uint8_t level, std::size_t piece) {
  WebSocketFrames frames;
  frames.begin(level, kMaximum);
  std::string kept;
  std::array<char, 256> to{};
  for (std::size_t at = 0; at < sent.size() && frames.end() == WebSocketFrames::End::none; at += piece) {
    kept += sent.substr(at, piece);
    do {
      const auto moved = frames.move(kept.data(), kept.size(), to.data(), to.size());
      if (moved.taken > kept.size() || moved.given > to.size()) std::abort();
      if (moved.taken == 0 && moved.given == 0 && frames.has_more()) std::abort();  // for ever
      kept.erase(0, moved.taken);
    } while (frames.has_more());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto level = static_cast<std::uint8_t>(3 + data[0] % 3);
  const std::size_t piece = 1 + data[1] % 64;
  const auto* const bytes = reinterpret_cast<const char*>(data + 2);
  if (data[0] < 128) {
    fuzz_packets(bytes, size - 2, level, piece);
  } else {
    fuzz_frames("HTTP/1.1 101 Yes\r\n\r\n" + std::string(bytes, size - 2), level, piece);
  }
  return 0;
}
