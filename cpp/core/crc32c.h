#pragma once

// CRC-32C (Castagnoli, RFC 3720 appendix B.4): what tells a spool's whole records from torn or rotten ones. By the
// processor's own instruction where it has one, found out at run time. Pure functions; any thread.

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace honeyframe {

// Of `bytes` behind those of which `crc` is the checksum; 0 is that of none.
[[nodiscard]] std::uint32_t crc32c(std::uint32_t crc, std::string_view bytes) noexcept;
// The same without the processor's instruction.
[[nodiscard]] std::uint32_t crc32c_by_table(std::uint32_t crc, std::string_view bytes) noexcept;

}  // namespace honeyframe
