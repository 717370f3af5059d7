#include "packet_watch.h"

#include <gtest/gtest.h>

namespace honeyframe {
namespace {

TEST(PacketWatch, IsFoundByClientAndAddress) {
  const auto here = PacketWatch::make("bridge", "one.example", 8883, 1'000);
  const auto there = PacketWatch::make("bridge", "two.example", 8883, 2'000);
  EXPECT_EQ(PacketWatch::find("bridge", "one.example", 8883), here);
  EXPECT_EQ(PacketWatch::find("bridge", "two.example", 8883), there);
  EXPECT_EQ(PacketWatch::find("bridge", "three.example", 8883), there) << "the newest, where no address fits";
  EXPECT_EQ(PacketWatch::find("another", "one.example", 8883), nullptr);
  EXPECT_EQ(here->maximum_packet(), 1'000u);
}

TEST(PacketWatch, IsFoundByAddressWhereNothingElseIsKnown) {
  const auto traffic = std::make_shared<Traffic>();
  const auto first = PacketWatch::make("first", "busy.example", 8883, 1'000);
  const auto second = PacketWatch::make("second", "busy.example", 8883, 1'000, traffic);
  EXPECT_EQ(PacketWatch::find_address("busy.example", 8883), second) << "the newest";
  EXPECT_EQ(PacketWatch::find_address("busy.example", 1883), nullptr);
  EXPECT_EQ(second->traffic(), traffic);
  EXPECT_EQ(first->traffic(), nullptr);
}

TEST(PacketWatch, IsGoneWithItsOwner) {
  auto watch = PacketWatch::make("short-lived", "host", 1, 1'000);
  auto connection = PacketWatch::find("short-lived", "host", 1);
  watch.reset();
  EXPECT_NE(PacketWatch::find("short-lived", "host", 1), nullptr) << "a connection holds it still";
  connection.reset();
  EXPECT_EQ(PacketWatch::find("short-lived", "host", 1), nullptr);
}

TEST(PacketWatch, TellsARefusalOnce) {
  const auto watch = PacketWatch::make("told", "host", 1, 1'000);
  EXPECT_FALSE(watch->take());
  watch->refuse({.fault = PacketFault::qos_3, .type = 3, .property = 0, .found = 0, .limit = 0});
  const auto refusal = watch->take();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->fault, PacketFault::qos_3);
  EXPECT_FALSE(watch->take());
}

}  // namespace
}  // namespace honeyframe
