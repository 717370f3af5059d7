#include "spool_reader.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <thread>
#include <vector>

#include "spool_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;

// Segments of about `per_segment` records each, of the payloads "0", "1", …
void write_segments(const std::string& path, int count, int per_segment) {
  for (int begin = 0; begin < count; begin += per_segment) {
    const auto writer = writer_of(path);  // a run begins a segment
    for (int i = begin; i < std::min(count, begin + per_segment); ++i) {
      ASSERT_EQ(writer->append(message(std::to_string(i))), SpoolWriter::Outcome::stored);
    }
  }
}

const std::size_t kRecord = record_bytes(message("0").topic.size(), 0, 1);

TEST(SpoolReader, BeginsAtAnySequence) {
  const TemporaryDirectory directory;
  write_segments(directory / "spool", 10, 3);
  for (std::uint64_t from = 0; from <= 12; ++from) {
    const auto records = read_all(directory / "spool", from);
    const std::uint64_t first = std::max<std::uint64_t>(from, 1);
    ASSERT_EQ(records.size(), first <= 10 ? 11 - first : 0) << from;
    for (const auto& record : records) {
      EXPECT_EQ(record.payload, std::to_string(record.sequence - 1));
      EXPECT_EQ(record.missing, 0u);
    }
  }
}

// Neither is "not there yet", nor damaged.
TEST(SpoolReader, ASegmentThatCannotBeOpenedIsAnError) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 6, 3);
  for (const std::size_t at : {0u, 1u}) {
    const auto reader = reader_of(path);
    for (std::size_t i = 0; i < 3 * at; ++i) {
      ASSERT_TRUE(reader->peek().ok());
      reader->consume();
    }
    {
      const Unreadable unreadable(path, segment_files(path).at(at));
      if (!unreadable.ok()) GTEST_SKIP() << "cannot become another user";
      const auto next = reader->peek();
      ASSERT_FALSE(next.ok()) << at;
      EXPECT_EQ(next.status().code(), ErrorCode::spool_failed);
      EXPECT_EQ(next.status().native_code(), EACCES);
    }
    EXPECT_EQ(read_on(*reader).size(), 6u - 3 * at) << "and once it can be, it is read";
    EXPECT_EQ(reader->damages(), 0u);
  }
}

TEST(SpoolReader, SeeksForwardsAndBack) {
  const TemporaryDirectory directory;
  write_segments(directory / "spool", 10, 3);
  const auto reader = reader_of(directory / "spool");
  EXPECT_EQ(read_on(*reader).size(), 10u);
  reader->seek(2);
  EXPECT_EQ(read_on(*reader).at(0).sequence, 2u);
  reader->seek(9);
  EXPECT_EQ(read_on(*reader).at(0).sequence, 9u);
  EXPECT_EQ(reader->next_sequence(), 11u);
}

TEST(SpoolReader, PeekShowsTheSameUntilItIsConsumed) {
  const TemporaryDirectory directory;
  write_segments(directory / "spool", 2, 2);
  const auto reader = reader_of(directory / "spool");
  EXPECT_EQ(reader->peek().value()->record.sequence, 1u);
  EXPECT_EQ(reader->peek().value()->record.sequence, 1u);
  reader->consume();
  reader->consume();  // of what was shown, once
  EXPECT_EQ(reader->peek().value()->record.sequence, 2u);
}

TEST(SpoolReader, WhatHasOtherThingsInItIsNoSpool) {
  const TemporaryDirectory directory;
  EXPECT_TRUE(SpoolReader::open(directory.path(), 0).ok()) << "empty: its writer may be on its way";
  write_bytes(directory / "notes.txt", "");
  const Status status = SpoolReader::open(directory.path(), 0).status();
  EXPECT_EQ(status.code(), ErrorCode::spool_failed);
  EXPECT_NE(status.message().find("is no spool"), std::string::npos) << status.message();
}

TEST(SpoolReader, TellsTheEndAlsoOfWhatIsGone) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 5, 2);
  for (const auto& file : segment_files(path)) {
    std::filesystem::resize_file(file, 0);
    EXPECT_EQ(reader_of(path)->end_sequence().value(), 6u);
  }
}

TEST(SpoolReader, PassesOverWhatIsLostAtTheEndOnce) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  const auto writer = writer_of(path);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(writer->append(message("x")), SpoolWriter::Outcome::stored);
  const auto reader = reader_of(path);
  EXPECT_EQ(reader->pass_over_lost().value(), 0u) << "there is something to read";
  EXPECT_EQ(read_on(*reader).size(), 5u);
  EXPECT_EQ(reader->pass_over_lost().value(), 0u);
  reader->seek(1);
  std::filesystem::resize_file(segment_files(path).at(0), kSegmentHeaderBytes + 2 * kRecord);
  EXPECT_EQ(read_on(*reader).size(), 2u);
  EXPECT_EQ(reader->pass_over_lost().value(), 3u);
  EXPECT_EQ(reader->pass_over_lost().value(), 0u);
  EXPECT_EQ(reader->next_sequence(), 6u);
}

TEST(SpoolReader, TellsTheEnd) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  {
    const auto writer = writer_of(path);
  }
  EXPECT_EQ(reader_of(path)->end_sequence().value(), 1u);
  EXPECT_TRUE(read_all(path).empty());
  write_segments(path, 5, 2);
  EXPECT_EQ(reader_of(path)->end_sequence().value(), 6u);
}

TEST(SpoolReader, WhereThereIsNoSpoolItSaysSo) {
  const TemporaryDirectory directory;
  const Status status = SpoolReader::open(directory / "none", 0).status();
  EXPECT_EQ(status.code(), ErrorCode::spool_failed);
  EXPECT_EQ(status.native_code(), ENOENT);
}

// Each byte of a middle record, in turn: that record is lost, and no other.
TEST(SpoolReader, OneFlippedByteCostsOneRecord) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 5, 5);
  const std::string file = segment_files(path).at(0);
  const std::string whole = bytes_of(file);
  const std::size_t begin = kSegmentHeaderBytes + 2 * kRecord;
  const std::size_t checked = kRecordPrefixBytes + message("0").topic.size() + 1;
  for (std::size_t i = 0; i < checked; ++i) {
    std::string bytes = whole;
    bytes[begin + i] = static_cast<char>(bytes[begin + i] ^ 0x40);
    write_bytes(file, bytes);
    const auto reader = reader_of(path);
    const auto records = read_on(*reader);
    ASSERT_EQ(records.size(), 4u) << i;
    EXPECT_EQ(records[2].payload, "3");
    EXPECT_EQ(records[2].missing, 1u);
    const auto damages = reader->take_damages();
    ASSERT_EQ(damages.size(), 1u) << i;
    EXPECT_EQ(damages[0].segment, 1u);
    EXPECT_EQ(damages[0].offset, begin);
    EXPECT_EQ(damages[0].bytes, kRecord);
  }
}

TEST(SpoolReader, ATornTailWithASegmentBehindItIsDamage) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 4, 2);
  const std::string file = segment_files(path).at(0);
  const std::string whole = bytes_of(file);
  for (std::size_t torn = 1; torn < kRecord; ++torn) {
    write_bytes(file, whole.substr(0, whole.size() - torn));
    const auto reader = reader_of(path);
    const auto records = read_on(*reader);
    ASSERT_EQ(records.size(), 3u) << torn;
    EXPECT_EQ(records[1].sequence, 3u);
    EXPECT_EQ(records[1].missing, 1u);
    EXPECT_EQ(reader->damages(), 1u);
  }
}

TEST(SpoolReader, ATornTailAtTheEndIsNotThereYet) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 3, 3);
  const std::string file = segment_files(path).at(0);
  const std::string whole = bytes_of(file);
  for (std::size_t torn = 1; torn < kRecord; ++torn) {
    write_bytes(file, whole.substr(0, whole.size() - torn));
    const auto reader = reader_of(path);
    EXPECT_EQ(read_on(*reader).size(), 2u);
    EXPECT_EQ(reader->damages(), 0u);
    ASSERT_TRUE(reader->torn_end());
    EXPECT_EQ(reader->torn_end()->bytes, kRecord - torn);
    write_bytes(file, whole);  // the writer was slow
    const auto rest = read_on(*reader);
    ASSERT_EQ(rest.size(), 1u) << torn;
    EXPECT_EQ(rest[0].payload, "2");
    EXPECT_EQ(rest[0].missing, 0u);
  }
}

// Each byte of a header but those of its salt.
TEST(SpoolReader, ADamagedHeaderDoesNotCostTheSegment) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 6, 2);
  const std::string file = segment_files(path).at(1);
  const std::string whole = bytes_of(file);
  for (std::size_t at = 0; at < kSegmentHeaderBytes; ++at) {
    if (at / 8 == 2) continue;
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    write_bytes(file, bytes);
    const auto reader = reader_of(path);
    const auto records = read_on(*reader);
    ASSERT_EQ(records.size(), 6u) << at;
    for (const auto& record : records) EXPECT_EQ(record.missing, 0u) << at;
    const auto damages = reader->take_damages();
    ASSERT_EQ(damages.size(), 1u) << at;
    EXPECT_EQ(damages[0].segment, 3u);
    EXPECT_EQ(damages[0].bytes, kSegmentHeaderBytes);
  }
}

TEST(SpoolReader, BehindADamagedHeaderADamagedRecordIsCounted) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 6, 3);
  const std::string file = segment_files(path).at(1);
  std::string bytes = bytes_of(file);
  bytes[0] ^= 1;
  bytes[kSegmentHeaderBytes + 8] ^= 1;
  write_bytes(file, bytes);
  for (const std::uint64_t from : {0u, 4u}) {
    const auto records = read_all(path, from);
    const auto at = from == 0 ? 3u : 0u;
    ASSERT_EQ(records.size(), at + 2) << from;
    EXPECT_EQ(records[at].sequence, 5u);
    EXPECT_EQ(records[at].missing, 1u);
  }
}

TEST(SpoolReader, ASegmentWithoutAHeaderIsPassedOverAndTold) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 6, 2);
  const std::string file = segment_files(path).at(1);
  std::string bytes = bytes_of(file);
  bytes[16] ^= 1;  // the salt
  write_bytes(file, bytes);
  const auto reader = reader_of(path);
  const auto records = read_on(*reader);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[2].sequence, 5u);
  EXPECT_EQ(records[2].missing, 2u);
  const auto damages = reader->take_damages();
  ASSERT_EQ(damages.size(), 1u);
  EXPECT_EQ(damages[0].segment, 3u);
  EXPECT_EQ(damages[0].bytes, bytes.size());
}

TEST(SpoolReader, ASegmentThatIsGoneIsTold) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 6, 2);
  std::filesystem::remove(segment_files(path).at(1));
  const auto reader = reader_of(path);
  const auto records = read_on(*reader);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[2].missing, 2u);
  EXPECT_EQ(reader->damages(), 1u);
  EXPECT_EQ(read_all(path, 3).at(0).missing, 2u) << "asked for, and not there";
}

TEST(SpoolReader, AMessageThatLooksLikeARecordIsNone) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 2, 2);
  const std::string file = segment_files(path).at(0);
  const std::string forged = bytes_of(file).substr(kSegmentHeaderBytes + kRecord, kRecord);  // with another salt
  const std::string other = directory / "other";
  const std::string topic(24, 't');  // the payload begins at a multiple of eight
  {
    const auto writer = writer_of(other);
    ASSERT_EQ(writer->append(message("0")), SpoolWriter::Outcome::stored);
    ASSERT_EQ(writer->append(message(forged, topic)), SpoolWriter::Outcome::stored);
    ASSERT_EQ(writer->append(message("2")), SpoolWriter::Outcome::stored);
  }
  const std::string damaged = segment_files(other).at(0);
  std::string bytes = bytes_of(damaged);
  bytes[kSegmentHeaderBytes + kRecord] ^= 1;
  write_bytes(damaged, bytes);
  const auto records = read_all(other);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1].payload, "2");
}

TEST(SpoolReader, EveryByteOfRubbishIsSurvived) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_segments(path, 4, 4);
  const std::string file = segment_files(path).at(0);
  const std::string whole = bytes_of(file);
  std::uint32_t random = 1;
  for (int round = 0; round < 500; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 8; ++i) {
      random = random * 1664525 + 1013904223;
      bytes[kSegmentHeaderBytes + (random >> 8) % (whole.size() - kSegmentHeaderBytes)] =
          static_cast<char>(random >> 3);
    }
    if (round % 3 == 0) bytes.resize((random >> 8) % bytes.size());
    write_bytes(file, bytes);
    for (const auto& record : read_all(path)) EXPECT_EQ(record.payload, std::to_string(record.sequence - 1));
  }
}

// A writer that goes on, its segments rotating, and three readers that follow it from different places.
TEST(SpoolReader, SeveralFollowALiveWriter) {
  const TemporaryDirectory directory;
  SpoolOptions options;
  options.path = directory / "spool";
  options.segment_bytes = 64u << 10;
  const auto writer = writer_of(options);
  constexpr std::uint64_t kCount = 20'000;
  std::atomic<bool> failed{false};
  std::vector<std::thread> readers;
  for (const std::uint64_t from : {0u, 1u, 500u}) {
    readers.emplace_back([&, from] {
      const auto reader = reader_of(options.path, from);
      std::uint64_t expected = std::max<std::uint64_t>(from, 1);
      while (expected <= kCount && !failed) {
        for (const auto& record : read_on(*reader)) {
          if (record.sequence != expected++ || record.payload.compare(0, 5, "value") != 0) failed = true;
        }
      }
      if (reader->damages() != 0) failed = true;
    });
  }
  for (std::uint64_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(writer->append(message("value" + std::string(i % 300, 'x'))), SpoolWriter::Outcome::stored);
  }
  for (auto& reader : readers) reader.join();
  EXPECT_FALSE(failed);
  EXPECT_GT(segment_files(options.path).size(), 10u);
}

}  // namespace
}  // namespace honeyframe
