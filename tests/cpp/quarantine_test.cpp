#include "quarantine.h"

#include <gtest/gtest.h>

#include <string>

namespace honeyframe {
namespace {

QuarantineEntry entry(std::uint64_t index, std::size_t size = 10) {
  return {"topic", 0, index, "truncated", "what was found", 3, std::string(size, 'x'), false, 1};
}

TEST(Quarantine, KeepsWhatItIsGiven) {
  Quarantine quarantine(10, 1 << 20);
  EXPECT_EQ(quarantine.add(entry(7)), 0U);
  const auto entries = quarantine.entries();
  ASSERT_EQ(entries.size(), 1U);
  EXPECT_EQ(entries[0].payload_index, 7U);
  EXPECT_EQ(entries[0].reason, "truncated");
  EXPECT_EQ(entries[0].payload, std::string(10, 'x'));
}

TEST(Quarantine, TheOldestGoFirst) {
  Quarantine quarantine(3, 1 << 20);
  std::size_t evicted = 0;
  for (std::uint64_t i = 0; i < 10; ++i) evicted += quarantine.add(entry(i));
  EXPECT_EQ(evicted, 7U);
  EXPECT_EQ(quarantine.entries().front().payload_index, 7U);
  EXPECT_EQ(quarantine.entries().back().payload_index, 9U);
}

TEST(Quarantine, IsBoundedInBytes) {
  Quarantine quarantine(1000, 10'000);
  std::size_t evicted = 0;
  for (std::uint64_t i = 0; i < 100; ++i) evicted += quarantine.add(entry(i, 1'000));
  EXPECT_LE(quarantine.bytes(), 10'000U);
  EXPECT_EQ(evicted + quarantine.entries().size(), 100U);
  // Larger than all of it: it goes at once, after the others.
  EXPECT_EQ(quarantine.add(entry(100, 50'000)), 101U - evicted);
  EXPECT_TRUE(quarantine.entries().empty());
  EXPECT_EQ(quarantine.bytes(), 0U);
}

TEST(Quarantine, OfNoSizeKeepsNothing) {
  Quarantine quarantine(0, 0);
  EXPECT_EQ(quarantine.add(entry(0)), 1U);
  EXPECT_TRUE(quarantine.entries().empty());
}

}  // namespace
}  // namespace honeyframe
