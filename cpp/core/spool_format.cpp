#include "spool_format.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

#include "crc32c.h"

namespace honeyframe {
namespace {

static_assert(std::endian::native == std::endian::little, "segments are little-endian");

constexpr std::string_view kMagic = "hfspool\n";
constexpr std::uint32_t kVersion = 1;
constexpr std::string_view kExtension = ".hfspool";
constexpr std::size_t kDigits = 20;
static_assert(kSegmentNameBytes == kDigits + kExtension.size());
constexpr std::uint32_t kRecordMagic = 0x01524648;  // "HFR\x01"
constexpr std::size_t kCrcAt = 4;
constexpr std::size_t kCheckedFrom = 8;
constexpr std::size_t kMostBytes = 268'435'455;  // of an MQTT packet
constexpr std::uint8_t kQosMask = 3;
constexpr std::uint8_t kRetainFlag = 4;
constexpr std::uint8_t kDupFlag = 8;

template <typename Number>
void put(Number number, std::string& out) {
  char bytes[sizeof(Number)];
  std::memcpy(bytes, &number, sizeof(Number));
  out.append(bytes, sizeof(Number));
}

template <typename Number>
Number get(std::string_view bytes, std::size_t at) noexcept {
  Number number{};
  std::memcpy(&number, bytes.data() + at, sizeof(Number));
  return number;
}

std::uint32_t salted(std::uint64_t salt) noexcept {
  char bytes[sizeof(salt)];
  std::memcpy(bytes, &salt, sizeof(salt));
  return crc32c(0, {bytes, sizeof(bytes)});
}

// MQTT 5.0, 2.2.2.2, those of PUBLISH.
enum PropertyId : unsigned char {
  kPayloadFormat = 1,
  kMessageExpiry = 2,
  kContentType = 3,
  kResponseTopic = 8,
  kCorrelationData = 9,
  kSubscriptionId = 11,
  kTopicAlias = 35,
  kUserProperty = 38,
};

void put_text(std::string_view text, std::string& out) {
  const auto size = std::min<std::size_t>(text.size(), 0xFFFF);
  out += static_cast<char>(size >> 8);
  out += static_cast<char>(size & 0xFF);
  out += text.substr(0, size);
}

// Reads from the front of the bytes that are left; after a fault everything is empty.
class PropertyBytes {
 public:
  explicit PropertyBytes(std::string_view bytes) noexcept : left_(bytes) {}
  [[nodiscard]] bool empty() const noexcept { return left_.empty(); }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  std::string_view take(std::size_t size) noexcept {
    if (size > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const auto taken = left_.substr(0, size);
    left_.remove_prefix(size);
    return taken;
  }
  unsigned byte() noexcept {
    const auto taken = take(1);
    return taken.empty() ? 0 : static_cast<unsigned char>(taken[0]);
  }
  std::string_view text() noexcept {
    const std::size_t high = byte();
    return take(high << 8 | byte());
  }
  void skip_variable_number() noexcept {
    for (int i = 0; i < 4; ++i) {
      if ((byte() & 0x80) == 0) return;
    }
    ok_ = false;
  }

 private:
  std::string_view left_;
  bool ok_ = true;
};

}  // namespace

std::string segment_name(std::uint64_t first_sequence) {
  const std::string digits = std::to_string(first_sequence);
  return std::string(kDigits - digits.size(), '0').append(digits).append(kExtension);
}

std::optional<std::uint64_t> sequence_of_segment(std::string_view file_name) noexcept {
  if (file_name.size() != kSegmentNameBytes || file_name.substr(kDigits) != kExtension) return std::nullopt;
  std::uint64_t sequence = 0;
  const char* const end = file_name.data() + kDigits;
  const auto [stop, error] = std::from_chars(file_name.data(), end, sequence);
  if (error != std::errc() || stop != end) return std::nullopt;
  return sequence;
}

void encode_header(const SegmentHeader& header, std::string& out) {
  const std::size_t begin = out.size();
  out += kMagic;
  put(kVersion, out);
  put(static_cast<std::uint32_t>(kSegmentHeaderBytes), out);
  put(header.salt, out);
  put(header.first_sequence, out);
  put(header.due_sequence, out);
  put(header.created_ns, out);
  put(header.boot, out);
  put(std::uint32_t{0}, out);
  put(crc32c(0, std::string_view(out).substr(begin)), out);
}

namespace {

constexpr std::size_t kSaltAt = 16;

bool is_whole_header(std::string_view bytes) noexcept {
  constexpr std::size_t kHeaderCrcAt = kSegmentHeaderBytes - 4;
  return bytes.starts_with(kMagic) &&
         get<std::uint32_t>(bytes, kHeaderCrcAt) == crc32c(0, bytes.substr(0, kHeaderCrcAt));
}

}  // namespace

std::optional<std::uint64_t> salt_of_damaged(std::string_view bytes) noexcept {
  if (bytes.size() < kSegmentHeaderBytes || is_whole_header(bytes)) return std::nullopt;
  return get<std::uint64_t>(bytes, kSaltAt);
}

std::optional<SegmentHeader> decode_header(std::string_view bytes) noexcept {
  if (bytes.size() < kSegmentHeaderBytes || !is_whole_header(bytes)) return std::nullopt;
  if (get<std::uint32_t>(bytes, 8) != kVersion) return std::nullopt;
  SegmentHeader header;
  header.salt = get<std::uint64_t>(bytes, kSaltAt);
  header.first_sequence = get<std::uint64_t>(bytes, 24);
  header.due_sequence = get<std::uint64_t>(bytes, 32);
  header.created_ns = get<std::int64_t>(bytes, 40);
  header.boot = get<std::uint64_t>(bytes, 48);
  return header;
}

void encode_record_head(const SpoolRecord& record, std::uint64_t salt, std::string& out) {
  out.clear();
  put(kRecordMagic, out);
  put(std::uint32_t{0}, out);
  put(record.sequence, out);
  put(record.receive_time_ns, out);
  put(static_cast<std::uint32_t>(record.payload.size()), out);
  put(static_cast<std::uint32_t>(record.properties.size()), out);
  put(static_cast<std::uint16_t>(record.topic.size()), out);
  const unsigned flags = (record.qos & kQosMask) | (record.retain ? kRetainFlag : 0u) | (record.dup ? kDupFlag : 0u);
  put(static_cast<std::uint8_t>(flags), out);
  out.append(kRecordPrefixBytes - out.size(), '\0');
  out += record.topic;
  out += record.properties;
  const std::uint32_t head = crc32c(salted(salt), std::string_view(out).substr(kCheckedFrom));
  const std::uint32_t crc = crc32c(head, record.payload);
  std::memcpy(out.data() + kCrcAt, &crc, sizeof(crc));
}

bool looks_like_record(std::string_view bytes) noexcept {
  return bytes.size() >= sizeof(kRecordMagic) && get<std::uint32_t>(bytes, 0) == kRecordMagic;
}

ReadRecord decode_record(std::string_view bytes, std::uint64_t salt) noexcept {
  ReadRecord read;
  if (bytes.empty()) return read;
  read.found = RecordFound::partial;
  read.needed = kRecordPrefixBytes;
  if (bytes.size() < kRecordPrefixBytes) return read;
  const std::size_t payload = get<std::uint32_t>(bytes, 24);
  const std::size_t properties = get<std::uint32_t>(bytes, 28);
  const std::size_t topic = get<std::uint16_t>(bytes, 32);
  read.found = RecordFound::damaged;
  if (!looks_like_record(bytes) || payload > kMostBytes || properties > kMostBytes) return read;
  read.needed = record_bytes(topic, properties, payload);
  if (bytes.size() < read.needed) {
    read.found = RecordFound::partial;
    return read;
  }
  const std::size_t checked = topic + properties + payload + kRecordPrefixBytes - kCheckedFrom;
  if (get<std::uint32_t>(bytes, kCrcAt) != crc32c(salted(salt), bytes.substr(kCheckedFrom, checked))) return read;
  read.found = RecordFound::whole;
  SpoolRecord& record = read.record;
  record.sequence = get<std::uint64_t>(bytes, 8);
  record.receive_time_ns = get<std::int64_t>(bytes, 16);
  const auto flags = get<std::uint8_t>(bytes, 34);
  record.qos = flags & kQosMask;
  record.retain = (flags & kRetainFlag) != 0;
  record.dup = (flags & kDupFlag) != 0;
  record.topic = bytes.substr(kRecordPrefixBytes, topic);
  record.properties = bytes.substr(kRecordPrefixBytes + topic, properties);
  record.payload = bytes.substr(kRecordPrefixBytes + topic + properties, payload);
  return read;
}

void encode_properties(const MessageProperties& properties, std::string& out) {
  const auto text = [&out](PropertyId id, const std::string& value) {
    if (value.empty()) return;
    out += static_cast<char>(id);
    put_text(value, out);
  };
  if (properties.payload_format) {
    out += static_cast<char>(kPayloadFormat);
    out += static_cast<char>(*properties.payload_format);
  }
  if (properties.message_expiry_s) {
    out += static_cast<char>(kMessageExpiry);
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(*properties.message_expiry_s >> shift & 0xFF);
  }
  text(kContentType, properties.content_type);
  text(kResponseTopic, properties.response_topic);
  text(kCorrelationData, properties.correlation_data);
  for (const auto& [name, value] : properties.user_properties) {
    out += static_cast<char>(kUserProperty);
    put_text(name, out);
    put_text(value, out);
  }
}

bool decode_properties(std::string_view bytes, MessageProperties& out) {
  out = {};
  PropertyBytes left(bytes);
  while (!left.empty()) {
    switch (left.byte()) {
      case kPayloadFormat:
        out.payload_format = static_cast<std::uint8_t>(left.byte());
        break;
      case kMessageExpiry: {
        std::uint32_t seconds = 0;
        for (int i = 0; i < 4; ++i) seconds = seconds << 8 | left.byte();
        out.message_expiry_s = seconds;
        break;
      }
      case kContentType:
        out.content_type = left.text();
        break;
      case kResponseTopic:
        out.response_topic = left.text();
        break;
      case kCorrelationData:
        out.correlation_data = left.text();
        break;
      case kSubscriptionId:
        left.skip_variable_number();
        break;
      case kTopicAlias:
        static_cast<void>(left.take(2));
        break;
      case kUserProperty: {
        const auto name = left.text();
        out.user_properties.emplace_back(name, left.text());
        break;
      }
      default:
        return false;
    }
  }
  return left.ok();
}

}  // namespace honeyframe
