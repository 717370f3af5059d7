#include "spool_source.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "allocation_counter.h"
#include "spool_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;
using namespace std::chrono_literals;

void write_spool(const std::string& path, int count) {
  const auto writer = writer_of(path);
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(writer->append(message(std::to_string(i))), SpoolWriter::Outcome::stored);
  }
}

std::shared_ptr<SpoolSource> source_of(const SpoolSourceOptions& options) {
  auto source = SpoolSource::open({}, options);
  EXPECT_TRUE(source.ok()) << source.status().message();
  return std::move(source).value();
}

std::size_t count_all(SpoolSource& source) {
  std::size_t count = 0;
  while (const auto block = source.take(0ms)) {
    count += block->size();
    EXPECT_TRUE(source.settle_delivered(block->size(), block->size()));
  }
  return count;
}

TEST(SpoolSource, ReadsFromAnySequenceAndEnds) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 10);
  for (const auto& [options, count] : {std::pair<SpoolSourceOptions, std::size_t>{{directory / "spool"}, 10},
                                       {{directory / "spool", 4}, 7},
                                       {{directory / "spool", 11}, 0},
                                       {{directory / "spool", 0, true}, 0}}) {
    const auto source = source_of(options);
    EXPECT_FALSE(source->drained());
    EXPECT_EQ(count_all(*source), count);
    EXPECT_TRUE(source->drained());
    EXPECT_TRUE(source->close_reason().ok());
    EXPECT_EQ(source->counters().received, count);
    EXPECT_EQ(source->counters().delivered, count);
  }
}

TEST(SpoolSource, ResumesBehindTheLastNumberAlsoAfterAnotherStartOfTheMachine) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  for (int boot = 0; boot < 3; ++boot) {
    write_spool(path, 2);
    fake_boot(path);
  }
  std::uint64_t last = 0;
  const auto source = source_of({path});
  while (const auto block = source->take(0ms)) last = block->first_sequence() + block->size() - 1;
  EXPECT_EQ(last, read_all(path).back().sequence);
  EXPECT_EQ(count_all(*source_of({path, last + 1})), 0u) << "nothing comes twice";
  EXPECT_EQ(count_all(*source_of({path, last})), 1u);
}

TEST(SpoolSource, FollowsAWriterUntilItIsClosed) {
  const TemporaryDirectory directory;
  const auto writer = writer_of(directory / "spool");
  const auto source = source_of({directory / "spool", 0, true, true});
  EXPECT_FALSE(source->take(20ms));
  EXPECT_FALSE(source->drained());
  auto taken = std::async(std::launch::async, [&] { return source->take(5s); });
  std::this_thread::sleep_for(20ms);
  ASSERT_EQ(writer->append(message("x")), SpoolWriter::Outcome::stored);
  ASSERT_EQ(taken.wait_for(4s), std::future_status::ready);
  EXPECT_TRUE(taken.get());
  auto waiting = std::async(std::launch::async, [&] { return source->take(5s); });
  std::this_thread::sleep_for(20ms);
  source->close();
  ASSERT_EQ(waiting.wait_for(4s), std::future_status::ready);
  EXPECT_TRUE(source->drained());
}

TEST(SpoolSource, NobodyPushesToIt) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 1);
  EXPECT_EQ(source_of({directory / "spool"})->push(message("x")), PushResult::closed);
  EXPECT_EQ(read_all(directory / "spool").size(), 1u);
}

TEST(SpoolSource, WithoutMemoryItHandsOutNothingAndLosesNothing) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 10);
  for (std::uint64_t after = 0; after < 60; ++after) {
    const auto source = source_of({directory / "spool"});
    std::size_t count = 0;
    {
      const FailingAllocations none(after);
      if (const auto block = source->take(0ms)) count = block->size();
    }
    ASSERT_FALSE(source->closed()) << after;
    EXPECT_EQ(count + count_all(*source), 10u) << after;
    EXPECT_TRUE(source->close_reason().ok());
  }
}

TEST(SpoolSource, TellsWhatIsMissingAndTorn) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 3);
  const std::string file = segment_files(directory / "spool").at(0);
  std::string bytes = bytes_of(file);
  bytes[kSegmentHeaderBytes + record_bytes(message("0").topic.size(), 0, 1) + 8] ^= 1;
  write_bytes(file, bytes + "torn");
  const auto source = source_of({directory / "spool"});
  EXPECT_EQ(count_all(*source), 2u);
  std::vector<std::string> kinds;
  for (const auto& event : source->take_events()) kinds.push_back(event.kind);
  EXPECT_EQ(kinds, (std::vector<std::string>{"damaged", "missing", "damaged"}));
}

// Nothing comes behind them; the lock's file tells how many there were.
TEST(SpoolSource, CountsWhatIsLostAtTheEnd) {
  const std::size_t record = record_bytes(message("0").topic.size(), 0, 1);
  for (const std::size_t size : {std::size_t{0}, std::size_t{30}, kSegmentHeaderBytes, kSegmentHeaderBytes + 2 * record,
                                 kSegmentHeaderBytes + 3 * record - 1}) {
    const TemporaryDirectory directory;
    write_spool(directory / "spool", 9);
    std::filesystem::resize_file(segment_files(directory / "spool").at(0), size);
    const auto source = source_of({directory / "spool"});
    const std::size_t left = size < kSegmentHeaderBytes ? 0 : (size - kSegmentHeaderBytes) / record;
    EXPECT_EQ(count_all(*source), left) << size;
    EXPECT_EQ(source->counters().received, 9u) << size;
    EXPECT_EQ(source->counters().loss.dropped_spool_damaged, 9 - left);
    const auto told = source->take_events();
    ASSERT_FALSE(told.empty()) << size;
    EXPECT_EQ(told[0].kind, "missing");
    for (const auto& event : told) EXPECT_NE(event.detail.find(directory / "spool"), std::string::npos) << event.detail;
  }
}

TEST(SpoolSource, FollowsAcrossWhatIsLostAndCountsItOnce) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 3);
  std::filesystem::resize_file(segment_files(directory / "spool").at(0), 0);
  const auto source = source_of({directory / "spool", 0, false, true});
  EXPECT_FALSE(source->take(20ms));
  write_spool(directory / "spool", 1);
  EXPECT_EQ(count_all(*source), 1u);
  EXPECT_EQ(source->counters().dropped, 3u);
  EXPECT_EQ(source->counters().received, 4u);
}

TEST(SpoolSource, TheNewestOfASpoolWhoseSegmentsAreGoneMissesNothing) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 3);
  std::filesystem::remove(segment_files(directory / "spool").at(0));
  const auto source = source_of({directory / "spool", 0, true, true});
  write_spool(directory / "spool", 1);
  EXPECT_EQ(count_all(*source), 1u);
  EXPECT_EQ(source->counters().dropped, 0u);
}

}  // namespace
}  // namespace honeyframe
