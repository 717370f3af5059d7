#include "traffic.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace honeyframe {
namespace {

TEST(Traffic, LosesNothingAmongThreads) {
  Traffic traffic;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 10'000; ++k) traffic.add({.mqtt_in = 1, .mqtt_out = 2, .wire_in = 3, .wire_out = 4});
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(traffic.bytes(),
            (TrafficBytes{.mqtt_in = 40'000, .mqtt_out = 80'000, .wire_in = 120'000, .wire_out = 160'000}));
}

}  // namespace
}  // namespace honeyframe
