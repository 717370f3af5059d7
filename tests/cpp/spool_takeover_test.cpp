#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "spool_for_tests.h"
#include "spool_queue_for_tests.h"
#include "spool_writer.h"

namespace honeyframe {
namespace {

using namespace testing;

constexpr std::uint64_t kCount = 100;
constexpr std::uint64_t kJump = std::uint64_t{1} << 32;
const std::size_t kRecord = record_bytes(message("00").topic.size(), 0, 2);

// Of two digits each, so that every record has the same size.
void append_messages(SpoolWriter& writer, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    ASSERT_EQ(writer.append(message(i % 2 == 0 ? "00" : "11")), SpoolWriter::Outcome::stored);
  }
}

void write_spool(const std::string& path, std::uint64_t count) {
  const auto writer = writer_of(path);
  append_messages(*writer, count);
}

void flip(const std::string& file, std::size_t at) {
  std::string bytes = bytes_of(file);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  write_bytes(file, bytes);
}

struct Damage {
  const char* name;
  std::function<void(const std::string&)> to;
  std::uint64_t left;  // messages that are still there
};

std::vector<Damage> damages() {
  const auto cut_to = [](std::size_t size) {
    return [size](const std::string& file) { std::filesystem::resize_file(file, size); };
  };
  const std::size_t all = kSegmentHeaderBytes + kCount * kRecord;
  return {{"nothing", [](const std::string&) {}, kCount},
          {"last record flipped", [=](const std::string& file) { flip(file, all - 20); }, kCount - 1},
          {"last record's size flipped", [=](const std::string& file) { flip(file, all - kRecord + 25); }, kCount - 1},
          {"last record torn", cut_to(all - 3), kCount - 1},
          {"half", cut_to(all / 2 + 3), kCount / 2 - 1},
          {"no record left", cut_to(kSegmentHeaderBytes), 0},
          {"half a header", cut_to(30), 0},
          {"empty", cut_to(0), 0},
          {"header's magic flipped", [](const std::string& file) { flip(file, 3); }, kCount},
          {"header's number flipped", [](const std::string& file) { flip(file, 24); }, kCount},
          {"salt flipped", [](const std::string& file) { flip(file, 16); }, 0},
          {"zeros", [=](const std::string& file) { write_bytes(file, std::string(all, '\0')); }, 0}};
}

// Who has processed all of them, and begins behind the last, finds what comes next; who reads all is told what is lost.
TEST(SpoolTakeover, NumbersNeverComeAgainAndWhatIsLostIsCounted) {
  for (const auto& damage : damages()) {
    const TemporaryDirectory directory;
    const std::string path = directory / "spool";
    write_spool(path, kCount);
    damage.to(segment_files(path).at(0));
    {
      const auto writer = writer_of(path);
      EXPECT_EQ(writer->next_sequence(), kCount + 1) << damage.name;
      std::uint64_t earlier = 0;
      for (const auto& range : writer->earlier_numbers()) earlier += range.end - range.first;
      EXPECT_EQ(earlier, kCount) << damage.name;
      ASSERT_EQ(writer->append(message("new")), SpoolWriter::Outcome::stored);
    }
    const auto behind = read_all(path, kCount + 1);
    ASSERT_EQ(behind.size(), 1u) << damage.name;
    EXPECT_EQ(behind[0].payload, "new");
    EXPECT_EQ(behind[0].missing, 0u);
    const auto all = read_all(path, 1);
    EXPECT_EQ(all.size(), damage.left + 1) << damage.name;
    std::uint64_t missing = 0;
    for (const auto& record : all) missing += record.missing;
    EXPECT_EQ(missing, kCount - damage.left) << damage.name;
  }
}

TEST(SpoolTakeover, TheBookOfAStreamFromTheOldestHasWhatIsLost) {
  for (const auto& damage : damages()) {
    const TemporaryDirectory directory;
    const std::string path = directory / "spool";
    write_spool(path, kCount);
    damage.to(segment_files(path).at(0));
    auto options = options_of(path);
    options.from = 0;
    const auto queue = queue_of(options);
    EXPECT_EQ(queue->earlier_messages(), kCount) << damage.name;
    ASSERT_EQ(queue->push(message("new")), PushResult::stored);
    EXPECT_EQ(deliver_all(*queue).size(), damage.left + 1) << damage.name;
    EXPECT_EQ(queue->counters().received, kCount + 1) << damage.name;
    EXPECT_EQ(queue->counters().loss.dropped_spool_damaged, kCount - damage.left) << damage.name;
    expect_exact(*queue);
    const auto told = queue->take_events();
    EXPECT_EQ(told.empty(), damage.name == std::string("nothing")) << damage.name;
    for (const auto& event : told) EXPECT_NE(event.detail.find(path), std::string::npos) << event.detail;
  }
}

TEST(SpoolTakeover, ALastSegmentThatIsDeletedIsLostAndTold) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_spool(path, 3);
  write_spool(path, 2);
  std::filesystem::remove(segment_files(path).at(1));
  const auto writer = writer_of(path);
  EXPECT_EQ(writer->next_sequence(), 6u);
  ASSERT_NE(writer->repair(), nullptr);
  EXPECT_EQ(writer->repair()->lost, 2u);
  append_messages(*writer, 1);
  EXPECT_EQ(read_all(path).at(3).missing, 2u);
}

TEST(SpoolTakeover, WhatTheStreamDeletedItselfIsNotLost) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  {
    const auto writer = writer_of(path);
    append_messages(*writer, 5);
    ASSERT_NE(writer->oldest(), nullptr);
    ASSERT_TRUE(writer->remove_oldest());
  }
  const auto writer = writer_of(path);
  EXPECT_EQ(writer->next_sequence(), 6u);
  EXPECT_EQ(writer->repair(), nullptr);
  EXPECT_TRUE(writer->earlier_numbers().empty());
}

// What a process that is killed leaves: the mark is behind the last record, or the record is half written.
TEST(SpoolTakeover, AfterAKillNothingIsLostAndNoNumberLeftOut) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  std::string lock;
  {
    const auto writer = writer_of(path);
    append_messages(*writer, 2);
    lock = bytes_of(path + "/lock");
    append_messages(*writer, 1);
  }
  const std::string file = segment_files(path).at(0);
  const std::string whole = bytes_of(file);
  for (std::size_t torn = 0; torn < kRecord; ++torn) {
    for (const auto& later : segment_files(path)) std::filesystem::remove(later);
    write_bytes(file, whole.substr(0, whole.size() - torn));
    write_bytes(path + "/lock", lock);
    const auto writer = writer_of(path);
    EXPECT_EQ(writer->next_sequence(), torn == 0 ? 4u : 3u) << torn;
    EXPECT_EQ(writer->repair() != nullptr, torn != 0) << torn;
    if (writer->repair() != nullptr) {
      EXPECT_EQ(writer->repair()->lost, 0u) << torn;
      EXPECT_EQ(writer->repair()->bytes, kRecord - torn);
    }
    append_messages(*writer, 1);
    for (const auto& record : read_all(path)) EXPECT_EQ(record.missing, 0u) << torn;
  }
}

TEST(SpoolTakeover, ASegmentThatWasJustBegunIsNoLoss) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_spool(path, 3);
  write_bytes(path + "/" + segment_name(4), "");
  const auto queue = queue_of(path);
  EXPECT_EQ(queue->first_sequence(), 4u);
  const auto events = queue->take_events();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].kind, "repaired");
  EXPECT_NE(events[0].detail.find("no message that was stored is lost"), std::string::npos) << events[0].detail;
}

// The system had written the mark, and not the records.
TEST(SpoolTakeover, WhatAStartOfTheMachineLeavesOutIsCountedAndTheJumpIsNot) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_spool(path, kCount);
  fake_boot(path);
  std::filesystem::resize_file(segment_files(path).at(0), kSegmentHeaderBytes + 60 * kRecord);
  write_spool(path, 1);
  const auto records = read_all(path);
  ASSERT_EQ(records.size(), 61u);
  EXPECT_EQ(records[60].sequence, kJump + kCount + 1);
  EXPECT_EQ(records[60].missing, 40u);
}

// Kept by a stream that ended before it wrote anything.
TEST(SpoolTakeover, AJumpThatNothingWasWrittenBehindIsNoLoss) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_spool(path, 3);
  fake_boot(path);
  write_spool(path, 0);
  auto options = options_of(path);
  options.from = 0;
  const auto queue = queue_of(options);
  EXPECT_EQ(queue->earlier_messages(), 3u);
  ASSERT_EQ(queue->push(message("new")), PushResult::stored);
  EXPECT_EQ(deliver_all(*queue).size(), 4u);
  EXPECT_EQ(queue->counters().dropped, 0u);
  EXPECT_TRUE(queue->take_events().empty());
}

TEST(SpoolTakeover, WhereTheMarkIsDamagedTooNumbersJump) {
  for (const bool is_there : {true, false}) {
    const TemporaryDirectory directory;
    const std::string path = directory / "spool";
    write_spool(path, kCount);
    std::filesystem::resize_file(segment_files(path).at(0), kSegmentHeaderBytes + 60 * kRecord + 8);
    if (is_there) {
      flip(path + "/lock", 5);
    } else {
      std::filesystem::remove(path + "/lock");
    }
    const auto writer = writer_of(path);
    EXPECT_GE(writer->next_sequence(), kJump) << is_there;
    ASSERT_NE(writer->repair(), nullptr);
    EXPECT_FALSE(writer->repair()->lost_is_known);
  }
}

}  // namespace
}  // namespace honeyframe
