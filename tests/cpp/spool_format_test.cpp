#include "spool_format.h"

#include <gtest/gtest.h>

#include <string>

namespace honeyframe {
namespace {

constexpr std::uint64_t kSalt = 0x1234567890ABCDEF;

std::string encoded(const SpoolRecord& record) {
  std::string bytes;
  encode_record_head(record, kSalt, bytes);
  bytes += record.payload;
  bytes.resize(record_bytes(record.topic.size(), record.properties.size(), record.payload.size()));
  return bytes;
}

SpoolRecord example() {
  return {.sequence = 42,
          .receive_time_ns = -7,
          .qos = 2,
          .retain = true,
          .dup = true,
          .topic = "a/b",
          .properties = "xyz",
          .payload = "{\"t\":21.5}"};
}

TEST(SpoolFormat, NamesOfSegmentsAreTheirSequencesAndNothingElse) {
  EXPECT_EQ(segment_name(7), "00000000000000000007.hfspool");
  EXPECT_EQ(segment_name(7).size(), kSegmentNameBytes);
  EXPECT_EQ(sequence_of_segment(segment_name(18446744073709551615u)), 18446744073709551615u);
  for (const auto* name :
       {"", "7.hfspool", "0000000000000000000x.hfspool", "00000000000000000007.hfspoo1", "-0000000000000000007.hfspool",
        "99999999999999999999.hfspool", "../0000000000000007.hfspool"}) {
    EXPECT_FALSE(sequence_of_segment(name)) << name;
  }
}

TEST(SpoolFormat, AHeaderComesBackAndEveryFlippedBitIsSeen) {
  const SegmentHeader header{kSalt, 5, 3, 99, 17};
  std::string bytes;
  encode_header(header, bytes);
  ASSERT_EQ(bytes.size(), kSegmentHeaderBytes);
  const auto back = decode_header(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->salt, kSalt);
  EXPECT_EQ(back->first_sequence, 5u);
  EXPECT_EQ(back->due_sequence, 3u);
  EXPECT_EQ(back->created_ns, 99);
  EXPECT_EQ(back->boot, 17u);
  for (std::size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_FALSE(decode_header(flipped)) << bit;
  }
  EXPECT_FALSE(decode_header(bytes.substr(0, 63)));
}

TEST(SpoolFormat, ARecordComesBackWhole) {
  const std::string bytes = encoded(example());
  EXPECT_EQ(bytes.size() % kRecordAlignment, 0u);
  const std::string with_more = bytes + "what follows";
  const ReadRecord read = decode_record(with_more, kSalt);
  ASSERT_EQ(read.found, RecordFound::whole);
  EXPECT_EQ(read.needed, bytes.size());
  EXPECT_EQ(read.record.sequence, 42u);
  EXPECT_EQ(read.record.receive_time_ns, -7);
  EXPECT_EQ(read.record.qos, 2);
  EXPECT_TRUE(read.record.retain);
  EXPECT_TRUE(read.record.dup);
  EXPECT_EQ(read.record.topic, "a/b");
  EXPECT_EQ(read.record.properties, "xyz");
  EXPECT_EQ(read.record.payload, "{\"t\":21.5}");
}

TEST(SpoolFormat, EveryShorterPieceIsPartialAndNeverWhole) {
  const std::string bytes = encoded(example());
  EXPECT_EQ(decode_record("", kSalt).found, RecordFound::none);
  for (std::size_t size = 1; size < bytes.size(); ++size) {
    const ReadRecord read = decode_record(std::string_view(bytes).substr(0, size), kSalt);
    EXPECT_EQ(read.found, RecordFound::partial) << size;
    EXPECT_GT(read.needed, size);
  }
}

TEST(SpoolFormat, EveryFlippedBitOfARecordIsSeen) {
  const std::string bytes = encoded(example());
  const std::size_t padding = bytes.size() - kRecordPrefixBytes - 3 - 3 - 10;
  for (std::size_t bit = 0; bit < 8 * (bytes.size() - padding); ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(decode_record(flipped, kSalt).found, RecordFound::whole) << bit;
  }
}

TEST(SpoolFormat, ARecordOfAnotherSegmentIsNone) {
  EXPECT_EQ(decode_record(encoded(example()), kSalt + 1).found, RecordFound::damaged);
}

TEST(SpoolFormat, PropertiesComeBackAsMqttWritesThem) {
  const MessageProperties properties{
      "application/json", "reply/to", std::string("\0\1", 2), {{"site", "Graz"}, {"site", ""}}, 1, 0x01020304};
  std::string bytes;
  encode_properties(properties, bytes);
  EXPECT_EQ(bytes.substr(0, 7), std::string("\x01\x01\x02\x01\x02\x03\x04", 7));
  MessageProperties back;
  ASSERT_TRUE(decode_properties(bytes, back));
  EXPECT_EQ(back.content_type, properties.content_type);
  EXPECT_EQ(back.response_topic, properties.response_topic);
  EXPECT_EQ(back.correlation_data, properties.correlation_data);
  EXPECT_EQ(back.user_properties, properties.user_properties);
  EXPECT_EQ(back.payload_format, 1);
  EXPECT_EQ(back.message_expiry_s, 0x01020304u);
}

TEST(SpoolFormat, PropertiesThatAreCutOffOrUnknownAreRefused) {
  std::string bytes;
  encode_properties({"ab", "cd", "ef", {{"g", "h"}}, 0, 9}, bytes);
  MessageProperties out;
  std::size_t whole = 0;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    if (decode_properties(std::string_view(bytes).substr(0, size), out)) ++whole;
  }
  EXPECT_EQ(whole, 7u) << "none, and behind each of the six";
  EXPECT_FALSE(decode_properties("\x7F", out));
  EXPECT_TRUE(decode_properties(std::string("\x0B\x81\x01\x23\x00\x05", 6), out)) << "without a column: passed over";
}

}  // namespace
}  // namespace honeyframe
