#include "packet_properties.h"

#include <gtest/gtest.h>

namespace honeyframe {
namespace {

// MQTT 5.0, table 2-4, without what only clients send.
TEST(PacketProperties, StandWhereTheSpecificationPutsThem) {
  int in_connack = 0;
  int in_publish = 0;
  int in_disconnect = 0;
  for (const auto& rule : kPropertyRules) {
    EXPECT_EQ(rule.kind == PropertyKind::none, rule.packets == 0);
    in_connack += rule.belongs_to(2) ? 1 : 0;
    in_publish += rule.belongs_to(3) ? 1 : 0;
    in_disconnect += rule.belongs_to(14) ? 1 : 0;
    for (const unsigned client : {0U, 1U, 8U, 10U, 12U, 13U, 15U}) EXPECT_FALSE(rule.belongs_to(client));
  }
  EXPECT_EQ(in_connack, 17);
  EXPECT_EQ(in_publish, 8);
  EXPECT_EQ(in_disconnect, 4);
  for (const unsigned answer : {4U, 5U, 6U, 7U, 9U, 11U}) {
    EXPECT_TRUE(kPropertyRules[0x1F].belongs_to(answer));
    EXPECT_TRUE(kPropertyRules[0x26].belongs_to(answer));
    EXPECT_FALSE(kPropertyRules[0x1C].belongs_to(answer));
  }
}

TEST(PacketProperties, TwoMayStandMoreThanOnce) {
  for (unsigned id = 0; id <= kLastProperty; ++id) EXPECT_EQ(kPropertyRules[id].may_repeat, id == 0x0B || id == 0x26);
}

}  // namespace
}  // namespace honeyframe
