#include "traffic_estimate.h"

#include <gtest/gtest.h>

namespace honeyframe {
namespace {

TEST(TrafficEstimate, KnowsAPublishToTheByte) {
  const TrafficEstimate v3(false, false, false);
  EXPECT_EQ(v3.publish_size(1, 1, 0, 0), 1u + 1u + 2u + 1u + 1u);
  EXPECT_EQ(v3.publish_size(1, 1, 1, 0), 8u) << "with its packet id";
  EXPECT_EQ(v3.publish_size(1, 124, 0, 0), 2u + 127u);
  EXPECT_EQ(v3.publish_size(1, 125, 0, 0), 3u + 128u) << "the length takes a byte more";
  const TrafficEstimate v5(false, false, true);
  EXPECT_EQ(v5.publish_size(1, 1, 0, 0), 7u);
  EXPECT_EQ(v5.publish_size(1, 1, 0, 7), 14u);
}

TEST(TrafficEstimate, AddsWhatAnswersAndWhatCarries) {
  const TrafficEstimate plain(false, false, false);
  EXPECT_EQ(plain.arrived(100, 0), (TrafficBytes{.mqtt_in = 100, .mqtt_out = 0, .wire_in = 100, .wire_out = 0}));
  EXPECT_EQ(plain.arrived(100, 1), (TrafficBytes{.mqtt_in = 100, .mqtt_out = 4, .wire_in = 100, .wire_out = 4}));
  EXPECT_EQ(plain.arrived(100, 2), (TrafficBytes{.mqtt_in = 104, .mqtt_out = 8, .wire_in = 104, .wire_out = 8}));
  EXPECT_EQ(plain.published(100, 2), (TrafficBytes{.mqtt_in = 8, .mqtt_out = 104, .wire_in = 8, .wire_out = 104}));
  const TrafficEstimate tls(true, false, false);
  EXPECT_EQ(tls.published(100, 1), (TrafficBytes{.mqtt_in = 4, .mqtt_out = 100, .wire_in = 26, .wire_out = 122}));
  EXPECT_GT(tls.connected(6).wire_in, plain.connected(6).wire_in + 2'000);
}

}  // namespace
}  // namespace honeyframe
