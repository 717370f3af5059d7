#include "paho_packet_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace honeyframe {
namespace {

// One for each session that receives a large packet right now, and one for the last that did. Beyond, memory is simply
// kept.
constexpr std::size_t kMaxPieces = 64;

struct Piece {
  std::atomic<const char*> begin{nullptr};  // written under mutex
  std::size_t size = 0;                     // guarded by mutex
  bool whole = false;                       // guarded by mutex; a large packet has come, and nothing since
};

std::mutex mutex;
std::array<Piece, kMaxPieces> pieces;
std::atomic<std::size_t> pieces_in_use{0};  // the first so many may be
std::atomic<bool> any_whole{false};
std::atomic<std::size_t> released{0};

// The whole pages within; what malloc keeps beside them is not ours to touch.
void give_back(const char* memory, std::size_t size) {
  static const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(memory) + page - 1) & ~(page - 1);
  const auto end = (reinterpret_cast<std::uintptr_t>(memory) + size) & ~(page - 1);
  if (begin >= end) return;
  if (madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED) == 0) {
    released.fetch_add(end - begin, std::memory_order_relaxed);
  }
}

}  // namespace

bool has_packet_memory() noexcept {
  return pieces_in_use.load(std::memory_order_relaxed) > 0;
}

void packet_memory_grew(void* memory, std::size_t size) noexcept {
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    auto& piece = pieces[i];
    if (piece.begin != nullptr && piece.begin != memory) continue;
    piece.begin = static_cast<const char*>(memory);
    piece.size = size;
    piece.whole = false;
    if (pieces_in_use <= i) pieces_in_use = i + 1;
    return;
  }
}

void packet_memory_freed(const void* memory) noexcept {
  if (memory == nullptr) return;
  const std::lock_guard lock(mutex);
  for (auto& piece : pieces) {
    if (piece.begin == memory) piece.begin = nullptr;
  }
}

void packet_memory_filled(const void* end) noexcept {
  const auto in_use = pieces_in_use.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < in_use; ++i) {
    auto& piece = pieces[i];
    // Small packets come into the same memory, and have nothing to give back.
    const auto* const begin = piece.begin.load(std::memory_order_relaxed);
    if (begin == nullptr || end < begin + kLargePacket) continue;
    const std::lock_guard lock(mutex);
    if (piece.begin != begin || end > begin + piece.size) continue;
    piece.whole = true;
    any_whole.store(true, std::memory_order_relaxed);
  }
}

void release_packet_memory() noexcept {
  if (!any_whole.load(std::memory_order_relaxed)) return;
  const std::lock_guard lock(mutex);
  any_whole.store(false, std::memory_order_relaxed);
  for (auto& piece : pieces) {
    if (piece.begin != nullptr && piece.whole) give_back(piece.begin, piece.size);
    piece.whole = false;
  }
}

std::size_t released_packet_bytes() noexcept {
  return released.load(std::memory_order_relaxed);
}

}  // namespace honeyframe
