#pragma once

// The bytes of a spool: a directory of segment files, each a header and records. Pure functions; any thread. Numbers
// are little-endian.
//
//   segment  "<first sequence, 20 digits>.hfspool"
//     header   magic, version, salt, first sequence, the sequence that was due, time, boot, CRC-32C
//     record   magic, CRC-32C, sequence, receive time, sizes, flags | topic | properties | payload | zeros up to 8
//     bytes
//
// A record's CRC begins with the segment's salt, a random number: bytes of an older file in the same place, or a
// payload that looks like a record, pass for no record. Properties are written as MQTT 5 writes them (5.0, 2.2.2).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "message.h"

namespace honeyframe {

struct SegmentHeader {
  std::uint64_t salt = 0;
  std::uint64_t first_sequence = 0;  // of its first record
  // The sequence that was due when it was begun: from there up to first_sequence none was ever given out. It is lower
  // where the machine has been started anew: then records may have been read that are no longer on the disk, and their
  // numbers must not come again.
  std::uint64_t due_sequence = 0;
  std::int64_t created_ns = 0;
  std::uint64_t boot = 0;  // of the machine, 0 where unknown
  bool is_whole = true;    // else only the salt is certain, as a record proves it
};

struct SpoolRecord {
  std::uint64_t sequence = 0;
  std::int64_t receive_time_ns = 0;
  std::uint8_t qos = 0;
  bool retain = false;
  bool dup = false;
  std::string_view topic;
  std::string_view properties;  // as decode_properties() reads them
  std::string_view payload;
};

inline constexpr std::size_t kSegmentHeaderBytes = 64;
inline constexpr std::size_t kRecordPrefixBytes = 40;
inline constexpr std::size_t kRecordAlignment = 8;
inline constexpr std::size_t kSegmentNameBytes = 28;
inline constexpr std::uint64_t kFirstSequence = 1;

[[nodiscard]] std::string segment_name(std::uint64_t first_sequence);
// Empty where it is no segment's name.
[[nodiscard]] std::optional<std::uint64_t> sequence_of_segment(std::string_view file_name) noexcept;

// Appends kSegmentHeaderBytes.
void encode_header(const SegmentHeader& header, std::string& out);
// Empty where `bytes` are no header, or one of a version that we do not know.
[[nodiscard]] std::optional<SegmentHeader> decode_header(std::string_view bytes) noexcept;
// Of a header that is damaged: the salt as it stands there. Empty where it is none, or whole, of whatever version.
[[nodiscard]] std::optional<std::uint64_t> salt_of_damaged(std::string_view bytes) noexcept;

// What a record of these sizes takes, zeros included.
[[nodiscard]] constexpr std::size_t record_bytes(std::size_t topic, std::size_t properties,
                                                 std::size_t payload) noexcept {
  return (kRecordPrefixBytes + topic + properties + payload + kRecordAlignment - 1) / kRecordAlignment *
         kRecordAlignment;
}
// All of the record before its payload. `out` is emptied first; allocates nothing once it is large enough.
void encode_record_head(const SpoolRecord& record, std::uint64_t salt, std::string& out);

enum class RecordFound : std::uint8_t {
  whole,
  none,     // `bytes` are empty
  partial,  // they may be the beginning of one: `needed` tells how many it takes to know
  damaged,
};
struct ReadRecord {
  RecordFound found = RecordFound::none;
  SpoolRecord record;      // views into `bytes`
  std::size_t needed = 0;  // of a whole one, what it takes
};
[[nodiscard]] ReadRecord decode_record(std::string_view bytes, std::uint64_t salt) noexcept;
// Whether a record may begin here, by its first bytes.
[[nodiscard]] bool looks_like_record(std::string_view bytes) noexcept;

// Appends; what MQTT cannot write (a text of more than 65,535 bytes) is cut. `out` is not emptied.
void encode_properties(const MessageProperties& properties, std::string& out);
// Properties of a kind that has no column are passed over; false where the bytes are none.
[[nodiscard]] bool decode_properties(std::string_view bytes, MessageProperties& out);

}  // namespace honeyframe
