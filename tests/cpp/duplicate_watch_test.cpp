#include "duplicate_watch.h"

#include <gtest/gtest.h>

#include "allocation_counter.h"

namespace honeyframe {
namespace {

MessageView publish(std::uint8_t qos, std::uint16_t packet_id, bool dup) {
  MessageView message;
  message.qos = qos;
  message.packet_id = packet_id;
  message.dup = dup;
  return message;
}

TEST(DuplicateWatch, TellsARepeatedPacketIdFromTheFlagAlone) {
  DuplicateWatch watch;
  EXPECT_EQ(watch.look_at(publish(1, 7, false)), Repetition::none);
  EXPECT_EQ(watch.look_at(publish(1, 7, true)), Repetition::packet_id_seen);
  EXPECT_EQ(watch.look_at(publish(1, 8, true)), Repetition::dup_flag);  // the first one never arrived
  EXPECT_EQ(watch.look_at(publish(2, 8, true)), Repetition::packet_id_seen);
  EXPECT_EQ(watch.look_at(publish(1, 7, false)), Repetition::none);  // ids are used again
  EXPECT_EQ(watch.look_at(publish(1, 65'535, true)), Repetition::dup_flag);
}

TEST(DuplicateWatch, WithoutAPacketIdTheFlagIsAllThereIs) {
  DuplicateWatch watch;
  EXPECT_EQ(watch.look_at(publish(1, 0, false)), Repetition::none);
  EXPECT_EQ(watch.look_at(publish(1, 0, true)), Repetition::dup_flag);
  EXPECT_EQ(watch.look_at(publish(1, 0, true)), Repetition::dup_flag);
  EXPECT_EQ(watch.look_at(publish(0, 0, true)), Repetition::none);  // QoS 0 has no DUP flag
}

TEST(DuplicateWatch, WithoutMemoryItGoesByTheFlag) {
  DuplicateWatch watch;
  Repetition found = Repetition::none;
  {
    const testing::FailingAllocations no_memory;
    (void)watch.look_at(publish(1, 7, false));
    found = watch.look_at(publish(1, 7, true));
  }
  EXPECT_EQ(found, Repetition::dup_flag);
}

}  // namespace
}  // namespace honeyframe
