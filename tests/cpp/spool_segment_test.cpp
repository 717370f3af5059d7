#include "spool_segment.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <new>
#include <string>

#include "allocation_counter.h"
#include "spool_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;

SegmentCursor cursor_of(const std::string& file) {
  return SegmentCursor(FileDescriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC)));
}

TEST(SegmentCursor, ReadsRecordsLargerThanItsBuffer) {
  const TemporaryDirectory directory;
  const std::string large(1'000'000, 'L');
  {
    const auto writer = writer_of(directory / "spool");
    for (const auto& payload : {std::string("a"), large, std::string("b")}) {
      ASSERT_EQ(writer->append(message(payload)), SpoolWriter::Outcome::stored);
    }
  }
  SegmentCursor cursor = cursor_of(segment_files(directory / "spool").at(0));
  ASSERT_TRUE(cursor.read_header());
  std::size_t sizes = 0;
  for (ReadRecord read = cursor.peek(); read.found == RecordFound::whole; read = cursor.peek()) {
    sizes += read.record.payload.size();
    cursor.skip(read.needed);
  }
  EXPECT_EQ(sizes, large.size() + 2);
  EXPECT_EQ(cursor.peek().found, RecordFound::none);
  EXPECT_EQ(cursor.offset(), cursor.size());
}

TEST(SegmentCursor, ASearchThatCostsTooMuchIsGivenUp) {
  const TemporaryDirectory directory;
  {
    const auto writer = writer_of(directory / "spool");
    for (int i = 0; i < 3; ++i) ASSERT_EQ(writer->append(message("x")), SpoolWriter::Outcome::stored);
  }
  const std::string file = segment_files(directory / "spool").at(0);
  std::string bytes = bytes_of(file);
  const std::string record = bytes.substr(kSegmentHeaderBytes, kRecordPrefixBytes);
  bytes.resize(kSegmentHeaderBytes);
  // Heads that each claim a megabyte: every one would have to be checked.
  std::string head = record;
  const std::uint32_t claimed = 1u << 20;
  head.replace(24, 4, std::string(reinterpret_cast<const char*>(&claimed), 4));
  while (bytes.size() < (4u << 20)) bytes += head;
  write_bytes(file, bytes);
  SegmentCursor cursor = cursor_of(file);
  ASSERT_TRUE(cursor.read_header());
  EXPECT_EQ(cursor.peek().found, RecordFound::damaged);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(cursor.find_record());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  EXPECT_EQ(cursor.offset(), kSegmentHeaderBytes) << "the position stays";
}

TEST(SegmentCursor, ASearchThatFindsNoMemoryLeavesThePosition) {
  const TemporaryDirectory directory;
  {
    const auto writer = writer_of(directory / "spool");
    for (const auto& payload : {std::string("a"), std::string(1'000'000, 'L')}) {
      ASSERT_EQ(writer->append(message(payload)), SpoolWriter::Outcome::stored);
    }
  }
  SegmentCursor cursor = cursor_of(segment_files(directory / "spool").at(0));
  ASSERT_TRUE(cursor.read_header());
  {
    const FailingAllocations none;
    EXPECT_THROW(static_cast<void>(cursor.find_record()), std::bad_alloc);
  }
  EXPECT_EQ(cursor.offset(), kSegmentHeaderBytes);
  EXPECT_TRUE(cursor.find_record());
}

TEST(SurveySegment, TellsTheLastWholeRecord) {
  const TemporaryDirectory directory;
  {
    const auto writer = writer_of(directory / "spool");
    for (int i = 0; i < 3; ++i) ASSERT_EQ(writer->append(message("x")), SpoolWriter::Outcome::stored);
  }
  const std::string file = segment_files(directory / "spool").at(0);
  const std::string whole = bytes_of(file);
  write_bytes(file, whole + "torn");
  const auto survey = survey_segment(FileDescriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC)));
  ASSERT_TRUE(survey.ok());
  EXPECT_EQ(survey.value().end_sequence, 4u);
  EXPECT_EQ(survey.value().end_offset, whole.size());
}

TEST(SurveySegment, AFileThatCannotBeOpenedIsAnErrorUnlessItIsGone) {
  errno = EMFILE;
  const auto refused = survey_segment(FileDescriptor());
  EXPECT_EQ(refused.status().code(), ErrorCode::spool_failed);
  EXPECT_EQ(refused.status().native_code(), EMFILE);
  errno = ENOENT;
  const auto gone = survey_segment(FileDescriptor());
  ASSERT_TRUE(gone.ok());
  EXPECT_FALSE(gone.value().header);
}

}  // namespace
}  // namespace honeyframe
