#include "packet_refusal.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace honeyframe {
namespace {

TEST(PacketRefusal, SaysWhatWasSentAndWhatIsWrongWithIt) {
  const PacketRefusal properties{
      .fault = PacketFault::property_length, .type = 3, .property = 0, .found = 300, .limit = 12};
  EXPECT_EQ(properties.text(),
            "the broker sent a malformed PUBLISH: property length 300 exceeds the packet's 12 bytes");
  const PacketRefusal flags{.fault = PacketFault::flags, .type = 6, .property = 0, .found = 0, .limit = 2};
  EXPECT_EQ(flags.text(), "the broker sent a malformed PUBREL: flags 0x0, 0x2 expected");
  const PacketRefusal large{.fault = PacketFault::too_large, .type = 3, .property = 0, .found = 200, .limit = 100};
  EXPECT_EQ(large.text(), "the broker sent PUBLISH of 200 bytes, and maximum_packet_size is 100");
  EXPECT_NE(large.hint().find("maximum_packet_size="), std::string::npos);
  const PacketRefusal twice{.fault = PacketFault::property_twice, .type = 2, .property = 0x21, .found = 0, .limit = 0};
  EXPECT_EQ(twice.text(), "the broker sent a malformed CONNACK: property 0x21 twice");
  const PacketRefusal masked{.fault = PacketFault::frame_masked, .type = 0, .property = 0, .found = 0, .limit = 0};
  EXPECT_EQ(masked.text(), "the broker sent a malformed WebSocket frame: masked, as only a client's is");
  const PacketRefusal nothing;
  EXPECT_EQ(nothing.text(), "");
  EXPECT_FALSE(nothing);
}

TEST(PacketRefusal, HasATextOfItsOwnForEachFault) {
  std::set<std::string> texts;
  std::set<std::string_view> names;
  const auto last = static_cast<int>(PacketFault::frame_too_large);
  for (int i = 1; i <= last; ++i) {
    const PacketRefusal refusal{
        .fault = static_cast<PacketFault>(i), .type = 3, .property = 0x26, .found = 17, .limit = 4};
    const auto text = refusal.text();
    EXPECT_EQ(text.find_first_of("{}"), std::string::npos) << text;
    EXPECT_TRUE(texts.insert(text).second) << text;
    EXPECT_TRUE(names.insert(to_string(refusal.fault)).second);
    EXPECT_FALSE(refusal.hint().empty());
  }
}

}  // namespace
}  // namespace honeyframe
