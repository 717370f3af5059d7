#pragma once

// The memory in which Paho assembles a packet. It grows to the largest packet that ever came, up to 256 MiB, and Paho
// keeps it for the life of the process: it remembers the size and will write there again. So the addresses stay its
// own, but once such a packet has been handled the pages behind them go back to the system. They are zeros when Paho
// next writes there, which it always does before it reads.
//
// Called on Paho's threads: the growth by paho_diagnostics, the reads by paho_transport, the releasing by paho_poll
// between two packets. Thread-safe.

#include <cstddef>

namespace honeyframe {

// What is worth the system call.
inline constexpr std::size_t kLargePacket = 1024UL * 1024;

void packet_memory_grew(void* memory, std::size_t size) noexcept;
void packet_memory_freed(const void* memory) noexcept;
// Whether there is any of it; cheap.
[[nodiscard]] bool has_packet_memory() noexcept;

// Paho has been given all that it asked for, up to `end`: the packet is whole.
void packet_memory_filled(const void* end) noexcept;

// No packet is being handled: gives back what belongs to whole ones.
void release_packet_memory() noexcept;

// Bytes given back so far: for the tests.
[[nodiscard]] std::size_t released_packet_bytes() noexcept;

}  // namespace honeyframe
