#include "spool_events.h"

#include <gtest/gtest.h>

#include "allocation_counter.h"

namespace honeyframe {
namespace {

TEST(SpoolEvents, AreTakenOnceAndInOrder) {
  SpoolEvents events;
  events.add("full", "a");
  events.add("damaged", "b");
  const auto taken = events.take();
  ASSERT_EQ(taken.size(), 2u);
  EXPECT_EQ(taken[0].kind, "full");
  EXPECT_EQ(taken[1].detail, "b");
  EXPECT_GT(taken[0].time_ns, 1'600'000'000'000'000'000);
  EXPECT_TRUE(events.take().empty());
}

TEST(SpoolEvents, AnEpisodeBeginsOnce) {
  SpoolEvents events;
  EXPECT_TRUE(events.begins_episode("full"));
  for (int i = 0; i < 1'000; ++i) EXPECT_FALSE(events.begins_episode("full"));
  EXPECT_TRUE(events.begins_episode("disk_full"));
}

TEST(SpoolEvents, AreBoundedAndNeedNoMemoryToBeLeftOut) {
  SpoolEvents events;
  for (int i = 0; i < 2'000; ++i) events.add("damaged", "x");
  EXPECT_EQ(events.take().size(), SpoolEvents::kMaxKept);
  const testing::FailingAllocations none;
  events.add("a kind of more than fifteen letters", {});
  EXPECT_FALSE(events.begins_episode("a kind of more than fifteen letters"));
}

}  // namespace
}  // namespace honeyframe
