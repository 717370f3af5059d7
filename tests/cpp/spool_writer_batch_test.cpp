// SpoolWriter: batches.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <string>

#include "spool_for_tests.h"
#include "spool_writer.h"

namespace honeyframe {
namespace {

using namespace testing;
using Outcome = SpoolWriter::Outcome;

TEST(SpoolWriterBatch, IsWrittenAndSyncedAsOne) {
  const TemporaryDirectory directory;
  SpoolOptions options;
  options.path = directory / "spool";
  options.sync = SyncMode::always;
  const auto writer = writer_of(options);
  EXPECT_FALSE(writer->batch(message("no segment yet")));
  ASSERT_EQ(writer->append(message("first")), Outcome::stored);
  MessageProperties properties;
  properties.content_type = "application/json";
  auto rich = message("with properties");
  rich.properties = &properties;
  ASSERT_TRUE(writer->batch(rich));
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(writer->batch(message(std::to_string(i))));
  EXPECT_TRUE(writer->has_batch());
  EXPECT_EQ(read_all(options.path).size(), 1u);
  EXPECT_EQ(writer->commit(), Outcome::stored);
  EXPECT_FALSE(writer->has_batch());
  EXPECT_EQ(writer->syncs(), 2u);
  const auto records = read_all(options.path);
  ASSERT_EQ(records.size(), 102u);
  EXPECT_EQ(records.back().sequence, 102u);
  EXPECT_EQ(records.back().payload, "99");
  EXPECT_EQ(writer->next_sequence(), 103u);
  EXPECT_EQ(writer->segments().back().end, 103u);
  EXPECT_EQ(writer->bytes(), bytes_of(segment_files(options.path).front()).size());
  EXPECT_EQ(writer->commit(), Outcome::stored) << "nothing to do";
  EXPECT_EQ(writer->syncs(), 2u);
}

TEST(SpoolWriterBatch, IsBounded) {
  const TemporaryDirectory directory;
  SpoolOptions options;
  options.path = directory / "spool";
  options.max_bytes = SpoolOptions::kMinBytes;
  options.segment_bytes = 100'000;
  const auto writer = writer_of(options);
  ASSERT_EQ(writer->append(message("first")), Outcome::stored);
  EXPECT_FALSE(writer->batch(message(std::string(40'000, 'x')))) << "it would be copied for nothing";
  int batched = 0;
  while (writer->batch(message(std::string(1'000, 'x')))) ++batched;
  EXPECT_GT(batched, 80);
  EXPECT_LT(batched, 100) << "the segment's bound";
  EXPECT_EQ(writer->commit(), Outcome::stored);
  EXPECT_LE(bytes_of(segment_files(options.path).front()).size(), options.segment_bytes);
}

TEST(SpoolWriterBatch, TheRestOfOneThatIsWrittenInPartCanBeTriedAgain) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  const int kept = in_child([&] {
    std::signal(SIGXFSZ, SIG_IGN);
    const auto writer = writer_of(path);
    if (writer->append(message("first")) != Outcome::stored) return 200;
    const rlimit few{10'100, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &few);
    for (int i = 0; i < 30; ++i) {
      if (!writer->batch(message(std::to_string(i) + std::string(700, 'p')))) return 201;
    }
    if (writer->commit() != Outcome::disk_full) return 202;
    const int stored = static_cast<int>(writer->next_sequence()) - 2;
    if (!writer->front_of_batch().payload.starts_with(std::to_string(stored) + "p")) return 203;
    writer->pop_batch();
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &all);
    for (; writer->has_batch(); writer->pop_batch()) {
      if (writer->append(writer->front_of_batch()) != Outcome::stored) return 204;
    }
    return stored;
  });
  ASSERT_GT(kept, 5);
  ASSERT_LT(kept, 20);
  const auto reader = reader_of(path);
  const auto records = read_on(*reader);
  EXPECT_EQ(records.size(), 30u) << "all but the one that was given up";
  EXPECT_EQ(records.back().sequence, 30u);
  EXPECT_TRUE(records.back().payload.starts_with("29p"));
  EXPECT_EQ(reader->damages(), 0u);
}

}  // namespace
}  // namespace honeyframe
