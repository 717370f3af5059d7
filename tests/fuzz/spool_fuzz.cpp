// A spool's reader: three segments, of which the one in the middle is what the input makes of it. By its first byte:
// a good one with bytes changed, anything behind a good header, records of any content whose checksums are right, or
// anything at all. The reader comes to an end, its sequence only grows, gaps add up, and what lies in front of the
// damage and behind it is read.

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include "fuzz_check.h"
#include "spool_format.h"
#include "spool_reader.h"
#include "spool_segment.h"

namespace honeyframe {
namespace {

constexpr std::uint64_t kSalt = 0x0123'4567'89AB'CDEF;
constexpr std::uint64_t kMiddle = 4;
constexpr std::uint64_t kLast = 7;
constexpr std::uint64_t kEnd = 10;

// In memory where that is to be had; it goes with the process.
class Spool {
 public:
  Spool() {
    const bool has_memory = std::filesystem::is_directory("/dev/shm");
    std::string name =
        (has_memory ? "/dev/shm" : std::filesystem::temp_directory_path().string()) + "/spool-fuzz-XXXXXX";
    FUZZ_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
    write(1, segment(1, kMiddle));
    write(kLast, segment(kLast, kEnd));
  }
  ~Spool() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  void write(std::uint64_t first, std::string_view bytes) const {
    const std::string name = path_ + "/" + segment_name(first);
    const FileDescriptor file(::open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    FUZZ_CHECK(::write(file.get(), bytes.data(), bytes.size()) == static_cast<::ssize_t>(bytes.size()));
  }
  static void append(std::string& bytes, const SpoolRecord& record) {
    std::string head;
    encode_record_head(record, kSalt, head);
    bytes.append(head).append(record.payload);
    bytes.resize((bytes.size() + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment, '\0');
  }
  static std::string segment(std::uint64_t first, std::uint64_t end) {
    std::string bytes;
    SegmentHeader header;
    header.salt = kSalt;
    header.first_sequence = header.due_sequence = first;
    encode_header(header, bytes);
    for (; first < end; ++first) {
      SpoolRecord record;
      record.sequence = first;
      record.topic = "plant/1";
      record.payload = "{\"a\": 1}";
      append(bytes, record);
    }
    return bytes;
  }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string changed(std::string_view input) {
  std::string bytes = Spool::segment(kMiddle, kLast);
  for (; input.size() >= 3; input.remove_prefix(3)) {
    const auto low = static_cast<unsigned char>(input[0]);
    const auto high = static_cast<unsigned char>(input[1]);
    const std::size_t at = low + std::size_t{256} * high;
    if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ input[2]);
  }
  if (!input.empty()) bytes.resize(std::min(bytes.size(), 2 * std::size_t{static_cast<unsigned char>(input[0])}));
  return bytes;
}

std::string with_checksums(std::string_view input) {
  std::string bytes = Spool::segment(kMiddle, kMiddle);
  std::uint64_t sequence = kMiddle;
  while (input.size() > 4) {
    SpoolRecord record;
    const unsigned flags = fuzz::take_byte(input);
    sequence += fuzz::take_byte(input);
    if ((flags & 128U) != 0) sequence = std::numeric_limits<std::uint64_t>::max() - fuzz::take_byte(input);
    record.sequence = sequence++;
    record.qos = static_cast<std::uint8_t>(flags & 3U);
    record.retain = (flags & 4U) != 0;
    record.dup = (flags & 8U) != 0;
    const auto take = [&input] {
      const std::size_t wanted = fuzz::take_byte(input);
      const std::size_t size = std::min(wanted, input.size());
      const std::string_view part = input.substr(0, size);
      input.remove_prefix(size);
      return part;
    };
    record.topic = take();
    record.properties = take();
    record.payload = take();
    Spool::append(bytes, record);
  }
  return bytes;
}

struct Seen {
  std::uint64_t records = 0;
  bool first = false;
  bool last = false;
};

Seen read_all(const Spool& spool, std::uint64_t from, std::size_t most) {
  auto opened = SpoolReader::open(spool.path(), from);
  FUZZ_CHECK(opened.ok());
  SpoolReader& reader = *opened.value();
  Seen seen;
  std::uint64_t due = from;
  for (;; ++seen.records) {
    FUZZ_CHECK(seen.records <= most);
    const auto next = reader.peek();
    FUZZ_CHECK(next.ok());
    if (!next.value()) break;
    const SpoolRecord& record = next.value()->record;
    FUZZ_CHECK(record.sequence >= due);
    FUZZ_CHECK(due == 0 || record.sequence == due + next.value()->missing);
    due = record.sequence + 1;
    seen.first = seen.first || record.sequence == 1;
    seen.last = seen.last || record.sequence == kEnd - 1;
    MessageProperties properties;
    static_cast<void>(decode_properties(record.properties, properties));
    reader.consume();
    if (due == 0) break;  // behind the last number there is
  }
  FUZZ_CHECK(reader.take_damages().size() <= SpoolReader::kMaxDamagesKept);
  FUZZ_CHECK(reader.end_sequence().ok());
  return seen;
}

void check_names(std::string_view name) {
  const auto sequence = sequence_of_segment(name);
  FUZZ_CHECK(!sequence || segment_name(*sequence) == name);
}

}  // namespace
}  // namespace honeyframe

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace honeyframe;
  static const Spool spool;
  std::string_view input = fuzz::text_of(data, size);
  check_names(input);
  const unsigned mode = fuzz::take_byte(input) & 3U;
  const std::uint64_t from = fuzz::take_byte(input) % (kEnd + 2);
  std::string bytes(input);
  if (mode == 0) bytes = changed(input);
  if (mode == 1) bytes.insert(0, Spool::segment(kMiddle, kMiddle));
  if (mode == 2) bytes = with_checksums(input);
  spool.write(kMiddle, bytes);
  const Seen seen = read_all(spool, from, kEnd + bytes.size() / kRecordPrefixBytes);
  if (mode > 1) return 0;  // its numbers may be any
  FUZZ_CHECK(seen.first == (from <= 1));
  FUZZ_CHECK(seen.last == (from < kEnd));
  return 0;
}
