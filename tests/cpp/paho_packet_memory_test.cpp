#include "paho_packet_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <vector>

namespace honeyframe {
namespace {

constexpr std::size_t kSize = 8UL * 1024 * 1024;

class PahoPacketMemory : public ::testing::Test {
 protected:
  void SetUp() override {
    // Page-aligned, so that mincore() can be asked; Paho's is not, and need not be.
    memory_ = static_cast<char*>(std::aligned_alloc(4'096, kSize));
    std::memset(memory_, 'p', kSize);
    packet_memory_grew(memory_, kSize);
    begin_ = released_packet_bytes();
  }
  void TearDown() override {
    packet_memory_freed(memory_);
    std::free(memory_);
  }
  [[nodiscard]] std::size_t resident() const {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    std::vector<unsigned char> pages(kSize / page);
    EXPECT_EQ(mincore(memory_, kSize, pages.data()), 0);
    std::size_t count = 0;
    for (const auto flags : pages) count += flags & 1u;
    return count * page;
  }
  [[nodiscard]] std::size_t given_back() const { return released_packet_bytes() - begin_; }

  char* memory_ = nullptr;
  std::size_t begin_ = 0;
};

TEST_F(PahoPacketMemory, GoesBackOnceALargePacketIsWhole) {
  EXPECT_TRUE(has_packet_memory());
  release_packet_memory();
  EXPECT_EQ(given_back(), 0u) << "a packet is on its way";
  packet_memory_filled(memory_ + kSize);
  release_packet_memory();
  EXPECT_GE(given_back(), kSize - 8'192);
  EXPECT_LE(resident(), 8'192u);
  memory_[kSize / 2] = 'x';  // still Paho's
  release_packet_memory();
  EXPECT_EQ(memory_[kSize / 2], 'x') << "nothing large has come since";
}

TEST_F(PahoPacketMemory, StaysForSmallPackets) {
  packet_memory_filled(memory_ + 300);
  release_packet_memory();
  EXPECT_EQ(given_back(), 0u);
  EXPECT_EQ(memory_[0], 'p');
}

TEST_F(PahoPacketMemory, LeavesOtherMemoryAlone) {
  std::vector<char> other(2 * kLargePacket, 'o');
  packet_memory_filled(other.data() + other.size());
  packet_memory_filled(memory_ + kSize + 1);
  release_packet_memory();
  EXPECT_EQ(given_back(), 0u);
  EXPECT_EQ(other[kLargePacket], 'o');
}

TEST_F(PahoPacketMemory, IsForgottenWhenFreed) {
  packet_memory_filled(memory_ + kSize);
  packet_memory_freed(memory_);
  release_packet_memory();
  EXPECT_EQ(given_back(), 0u);
  EXPECT_EQ(memory_[kSize / 2], 'p');
}

TEST_F(PahoPacketMemory, TouchesWholePagesOnly) {
  packet_memory_freed(memory_);
  packet_memory_grew(memory_ + 100, kSize - 200);
  packet_memory_filled(memory_ + kSize - 100);
  release_packet_memory();
  EXPECT_EQ(memory_[0], 'p');
  EXPECT_EQ(memory_[4'095], 'p');
  EXPECT_EQ(memory_[4'096], '\0');
  EXPECT_EQ(memory_[kSize - 1], 'p');
  EXPECT_EQ(memory_[kSize - 4'096], 'p');
  packet_memory_freed(memory_ + 100);
}

}  // namespace
}  // namespace honeyframe
