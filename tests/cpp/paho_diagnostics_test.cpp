#include "paho_diagnostics.h"

#include <MQTTAsync.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "paho_packet_memory.h"

namespace honeyframe {
namespace {

std::string elsewhere = "/build/paho/src/MQTTPacket.c";
std::string buffers = "/build/paho/src/SocketBuffer.c";

TEST(PahoDiagnostics, MemoryIsPlain) {
  auto* const memory = static_cast<char*>(honeyframe_paho_mymalloc(elsewhere.data(), 1, 16));
  ASSERT_NE(memory, nullptr);
  std::strcpy(memory, "fifteen letters");
  auto* const grown = static_cast<char*>(honeyframe_paho_myrealloc(elsewhere.data(), 2, memory, 4'096));
  EXPECT_STREQ(grown, "fifteen letters");
  std::free(grown);  // no header, no footer
  honeyframe_paho_myfree(elsewhere.data(), 3, std::malloc(8));
  honeyframe_paho_myfree(elsewhere.data(), 3, nullptr);
}

// Paho frees members of its structs that nobody has written: the properties of a 3.x CONNACK that answers MQTT 5.
TEST(PahoDiagnostics, SmallMemoryIsCleared) {
  for (int round = 0; round < 8; ++round) {
    auto* const used = static_cast<char*>(honeyframe_paho_mymalloc(elsewhere.data(), 1, 48));
    std::memset(used, 0x55, 48);
    honeyframe_paho_myfree(elsewhere.data(), 2, used);
    auto* const fresh = static_cast<char*>(honeyframe_paho_mymalloc(elsewhere.data(), 3, 48));
    EXPECT_EQ(std::string(fresh, 48), std::string(48, '\0'));
    honeyframe_paho_myfree(elsewhere.data(), 4, fresh);
  }
}

TEST(PahoDiagnostics, WhatPahoAllocatesItsApiFrees) {
  auto* const memory = MQTTAsync_malloc(64);
  ASSERT_NE(memory, nullptr);
  MQTTAsync_free(memory);
  MQTTAsync_free(std::malloc(64));
}

TEST(PahoDiagnostics, LargeMemoryOfTheSocketBuffersIsWatched) {
  const auto before = released_packet_bytes();
  auto* memory = static_cast<char*>(honeyframe_paho_mymalloc(buffers.data(), 1, 1'000));
  memory = static_cast<char*>(honeyframe_paho_myrealloc(buffers.data(), 2, memory, 4 * kLargePacket));
  ASSERT_NE(memory, nullptr);
  std::memset(memory, 'p', 4 * kLargePacket);
  packet_memory_filled(memory + 4 * kLargePacket);
  release_packet_memory();
  EXPECT_GE(released_packet_bytes() - before, 3 * kLargePacket);
  honeyframe_paho_myfree(buffers.data(), 3, memory);
  const auto after = released_packet_bytes();
  auto* const other = static_cast<char*>(honeyframe_paho_mymalloc(elsewhere.data(), 4, 4 * kLargePacket));
  packet_memory_filled(other + 4 * kLargePacket);
  release_packet_memory();
  EXPECT_EQ(released_packet_bytes(), after) << "a message's payload is not";
  honeyframe_paho_myfree(elsewhere.data(), 5, other);
}

TEST(PahoDiagnostics, TheRestDoesNothing) {
  EXPECT_EQ(honeyframe_paho_Heap_initialize(), 0);
  EXPECT_EQ(honeyframe_paho_Heap_get_info()->current_size, 0u);
  EXPECT_EQ(honeyframe_paho_Heap_findItem(&elsewhere), nullptr);
  EXPECT_EQ(honeyframe_paho_Log_initialize(nullptr), 0);
  ::testing::internal::CaptureStdout();
  honeyframe_paho_Log(7, -1, "a secret: %s", "s3cret");
  honeyframe_paho_StackTrace_printStack(stdout);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  char text[8] = "before";
  EXPECT_STREQ(honeyframe_paho_StackTrace_get(0, text, sizeof text), "");
}

}  // namespace
}  // namespace honeyframe
