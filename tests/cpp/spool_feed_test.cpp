#include "spool_feed.h"

#include <gtest/gtest.h>

#include <limits>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "allocation_counter.h"
#include "spool_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;

constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();

SpoolFeed feed_of(const std::string& path, SpoolFeed::Limits limits = {64u << 10, 100, 1000}) {
  return {reader_of(path), limits};
}

void write_spool(const std::string& path, int count, std::string_view topic = "a/b") {
  const auto writer = writer_of(path);
  for (int i = 0; i < count; ++i) {
    ASSERT_EQ(writer->append(message(std::to_string(i), topic)), SpoolWriter::Outcome::stored);
  }
}

TEST(SpoolFeed, FillsBlocksWithConsecutiveNumbers) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 250);
  SpoolFeed feed = feed_of(directory / "spool");
  std::uint64_t due = 1;
  for (const std::size_t size : {100u, 100u, 50u}) {
    auto fed = feed.read(due, kAll);
    ASSERT_TRUE(fed.ok() && fed.value().block);
    MessageBlock& block = *fed.value().block;
    EXPECT_EQ(block.first_sequence(), due);
    ASSERT_EQ(block.size(), size);
    EXPECT_EQ(block.payload(block[0]), std::to_string(due - 1));
    EXPECT_EQ(block.topic(block[0]), "a/b");
    due += size;
    feed.recycle(std::move(fed.value().block));
  }
  EXPECT_FALSE(feed.read(due, kAll).value().block);
}

TEST(SpoolFeed, StopsBelowTheBound) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 10);
  SpoolFeed feed = feed_of(directory / "spool");
  EXPECT_EQ(feed.read(1, 5).value().block->size(), 4u);
  EXPECT_FALSE(feed.read(5, 5).value().block);
  EXPECT_EQ(feed.read(5, kAll).value().block->size(), 6u);
  EXPECT_EQ(feed.read(2, kAll).value().block->first_sequence(), 2u) << "and goes back";
}

TEST(SpoolFeed, ABlockEndsBeforeAGap) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_spool(path, 5);
  const std::string file = segment_files(path).at(0);
  std::string bytes = bytes_of(file);
  bytes[kSegmentHeaderBytes + 2 * record_bytes(3, 0, 1) + 8] ^= 1;
  write_bytes(file, bytes);
  SpoolFeed feed = feed_of(path);
  EXPECT_EQ(feed.read(1, kAll).value().block->size(), 2u);
  const auto fed = feed.read(3, kAll);
  EXPECT_EQ(fed.value().missing, 1u);
  EXPECT_EQ(fed.value().block->first_sequence(), 4u);
  EXPECT_EQ(fed.value().block->size(), 2u);
}

TEST(SpoolFeed, ABlockEndsWhereNumbersJump) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_spool(path, 3);
  fake_boot(path);
  write_spool(path, 2);
  SpoolFeed feed = feed_of(path);
  EXPECT_EQ(feed.read(0, kAll).value().block->size(), 3u);
  const auto fed = feed.read(0, kAll);
  ASSERT_TRUE(fed.ok() && fed.value().block);
  EXPECT_EQ(fed.value().missing, 0u);
  EXPECT_EQ(fed.value().block->first_sequence(), read_all(path).at(3).sequence);
  EXPECT_GT(fed.value().block->first_sequence(), 1'000'000u);
  EXPECT_EQ(fed.value().block->size(), 2u);
}

TEST(SpoolFeed, AMessageLargerThanABlockComesAlone) {
  const TemporaryDirectory directory;
  {
    const auto writer = writer_of(directory / "spool");
    for (const auto& payload : {std::string("a"), std::string(500'000, 'L'), std::string("b")}) {
      ASSERT_EQ(writer->append(message(payload)), SpoolWriter::Outcome::stored);
    }
  }
  SpoolFeed feed = feed_of(directory / "spool");
  EXPECT_EQ(feed.read(0, kAll).value().block->size(), 1u);
  EXPECT_EQ(feed.read(0, kAll).value().block->payload_bytes(), 500'000u);
  EXPECT_EQ(feed.read(0, kAll).value().block->first_sequence(), 3u);
}

TEST(SpoolFeed, ABlockEndsWherePropertiesFillIt) {
  const TemporaryDirectory directory;
  MessageProperties properties;
  properties.user_properties.emplace_back("k", std::string(20'000, 'v'));
  {
    const auto writer = writer_of(directory / "spool");
    for (int i = 0; i < 10; ++i) {
      MessageView view = message("x");
      if (i != 9) view.properties = &properties;
      ASSERT_EQ(writer->append(view), SpoolWriter::Outcome::stored);
    }
  }
  SpoolFeed feed = feed_of(directory / "spool");
  for (const std::size_t size : {3u, 3u, 4u}) {
    auto fed = feed.read(0, kAll);
    ASSERT_TRUE(fed.ok() && fed.value().block);
    const MessageBlock& block = *fed.value().block;
    ASSERT_EQ(block.size(), size);
    EXPECT_LE(block.capacity_bytes() - MessageBlock::capacity_bytes(64u << 10, 100), 64u << 10);
    ASSERT_NE(block.properties(block[0]), nullptr);
    EXPECT_EQ(block.properties(block[0])->user_properties, properties.user_properties);
    feed.recycle(std::move(fed.value().block));
  }
  SpoolFeed narrow = feed_of(directory / "spool", {10'000, 100, 1000});
  EXPECT_EQ(narrow.read(0, kAll).value().block->size(), 1u) << "larger properties than a block's come alone";
}

// Memory that runs out at any allocation costs no message and no gap, and hands out none twice.
TEST(SpoolFeed, WithoutMemoryNothingIsPassedOver) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  MessageProperties properties{"text/plain; charset=of some length", "", "", {{"k", "v"}}};
  for (int run = 0; run < 2; ++run) {
    const auto writer = writer_of(path);
    for (const auto* topic : {"a", "b/#", "a/topic/that/is/no/short/string", "c"}) {
      MessageView view = message("x", topic);
      view.properties = &properties;
      ASSERT_EQ(writer->append(view), SpoolWriter::Outcome::stored);
    }
  }
  const std::string file = segment_files(path).at(0);
  std::string bytes = bytes_of(file);
  bytes[bytes.size() - 8 * 3] ^= 1;  // of the fourth record
  write_bytes(file, bytes);
  for (std::uint64_t after = 0; after < 100; ++after) {
    SpoolFeed feed = feed_of(path);
    std::vector<std::uint64_t> sequences;
    std::uint64_t missing = 0;
    for (int round = 0;; ++round) {
      SpoolFeed::Fed fed;
      try {
        std::optional<FailingAllocations> none;
        if (round < 3) none.emplace(after);
        fed = feed.read(0, kAll).value();
        if (!fed.block && fed.missing == 0) break;
      } catch (const std::bad_alloc&) {
        continue;
      }
      missing += fed.missing;
      for (std::size_t i = 0; fed.block && i < fed.block->size(); ++i) {
        sequences.push_back(fed.block->first_sequence() + i);
        EXPECT_NE(fed.block->properties((*fed.block)[i]), nullptr);
      }
    }
    EXPECT_EQ(sequences, (std::vector<std::uint64_t>{1, 3, 5, 7, 8})) << after;
    EXPECT_EQ(missing, 3u) << after;
    EXPECT_EQ(feed.reader().damages(), feed.reader().take_damages().size());
    EXPECT_LE(feed.reader().damages(), 2u) << after;
  }
}

TEST(SpoolFeed, TopicsThatNoBrokerMaySendAreNotPassedOn) {
  const TemporaryDirectory directory;
  {
    const auto writer = writer_of(directory / "spool");
    for (const auto* topic : {"a", "b/#", "\xFF", "c"}) {
      ASSERT_EQ(writer->append(message("x", topic)), SpoolWriter::Outcome::stored);
    }
  }
  SpoolFeed feed = feed_of(directory / "spool");
  EXPECT_EQ(feed.read(0, kAll).value().block->size(), 1u);
  const auto fed = feed.read(0, kAll);
  EXPECT_EQ(fed.value().missing, 2u);
  EXPECT_EQ(fed.value().block->first_sequence(), 4u);
}

TEST(SpoolFeed, TheDictionaryStartsAnewAtItsBound) {
  const TemporaryDirectory directory;
  {
    const auto writer = writer_of(directory / "spool");
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(writer->append(message("x", "topic/" + std::to_string(i))), SpoolWriter::Outcome::stored);
    }
  }
  SpoolFeed feed = feed_of(directory / "spool", {64u << 10, 100, 10});
  int read = 0;
  for (auto fed = feed.read(0, kAll); fed.value().block; fed = feed.read(0, kAll)) {
    const MessageBlock& block = *fed.value().block;
    EXPECT_LE(block.topics().size(), 10u);
    for (std::size_t i = 0; i < block.size(); ++i) EXPECT_EQ(block.topic(block[i]), "topic/" + std::to_string(read++));
  }
  EXPECT_EQ(read, 50);
}

}  // namespace
}  // namespace honeyframe
