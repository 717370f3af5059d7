#include "packet_guard.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "packet_oracle.h"

namespace honeyframe {
namespace {

using testing::framed;
using testing::PacketSource;
using testing::sized;
using testing::with_length;

constexpr std::uint32_t kMaximum = 100'000;

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

std::string connack(int level) {
  return level == kLevel5 ? bytes({0x20, 3, 0, 0, 0}) : bytes({0x20, 2, 0, 0});
}

std::string publish(int level, const std::string& payload, const std::string& topic = "a/b", int qos = 0) {
  return framed(0x30 + 2 * qos,
                sized(topic) + (qos > 0 ? bytes({1, 2}) : "") + (level == kLevel5 ? bytes({0}) : "") + payload);
}

// Behind CONNACK.
PacketGuard connected(int level, std::uint32_t maximum = kMaximum) {
  PacketGuard guard;
  guard.begin(static_cast<std::uint8_t>(level), maximum);
  const auto first = connack(level);
  EXPECT_EQ(guard.check(first.data(), first.size()), first.size());
  return guard;
}

PacketGuard guard_for(const std::string& packet, int level) {
  if (packet[0] >> 4 != 2) return connected(level);
  PacketGuard guard;
  guard.begin(static_cast<std::uint8_t>(level), kMaximum);
  return guard;
}

PacketFault fault_of(const std::string& packet, int level) {
  auto guard = guard_for(packet, level);
  static_cast<void>(guard.check(packet.data(), packet.size()));
  return guard.refusal().fault;
}

// How many of the bytes pass where they come in pieces of `piece`.
std::size_t passed_in_pieces(PacketGuard& guard, std::string_view stream, std::size_t piece) {
  std::size_t passed = 0;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    const auto part = stream.substr(at, piece);
    const auto good = guard.check(part.data(), part.size());
    passed += good;
    if (good < part.size()) break;
  }
  return passed;
}

TEST(PacketGuard, LetsGoodPacketsPassHoweverTheyAreCut) {
  for (const int level : {3, 4, 5}) {
    PacketSource source(7);
    std::string stream = connack(level);
    for (int i = 0; i < 200; ++i) {
      const auto packet = source.good(level);
      ASSERT_TRUE(testing::is_well_formed(packet, level)) << ::testing::PrintToString(packet);
      if (packet[0] != 0x20) stream += packet;
    }
    for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 1000U}) {
      PacketGuard guard;
      guard.begin(static_cast<std::uint8_t>(level), kMaximum);
      EXPECT_EQ(passed_in_pieces(guard, stream, piece), stream.size()) << level << " " << guard.refusal().text();
      EXPECT_TRUE(guard.is_between_packets());
    }
  }
}

TEST(PacketGuard, LetsNothingPassBeforeItKnowsTheVersion) {
  PacketGuard guard;
  const auto packet = connack(4);
  EXPECT_EQ(guard.check(packet.data(), packet.size()), 0u);
  EXPECT_FALSE(guard.has_begun());
}

TEST(PacketGuard, TakesABrokerThatKnowsNoMqtt5AtItsWord) {
  EXPECT_EQ(fault_of(bytes({0x20, 2, 0, 1}), 5), PacketFault::none);
}

struct Bad {
  const char* name;
  int level;
  std::string packet;
  PacketFault fault;
};

std::string with_properties(int first, const std::string& before, const std::string& properties,
                            const std::string& behind = "") {
  return framed(first, before + with_length(properties) + behind);
}

// Every kind of fault. The text of each is looked at by refusals' own test.
std::vector<Bad> bad_packets() {
  const auto topic = sized("a");
  const auto id = bytes({0, 9});
  return {
      {"type 0", 4, bytes({0x00, 0}), PacketFault::not_from_a_broker},
      {"CONNECT", 4, framed(0x10, sized("MQTT")), PacketFault::not_from_a_broker},
      {"SUBSCRIBE", 5, framed(0x82, id), PacketFault::not_from_a_broker},
      {"UNSUBSCRIBE", 5, framed(0xA2, id), PacketFault::not_from_a_broker},
      {"PINGREQ", 4, bytes({0xC0, 0}), PacketFault::not_from_a_broker},
      {"DISCONNECT before MQTT 5", 4, bytes({0xE0, 0}), PacketFault::not_in_this_version},
      {"AUTH before MQTT 5", 3, bytes({0xF0, 0}), PacketFault::not_in_this_version},
      {"AUTH", 5, bytes({0xF0, 0}), PacketFault::not_asked_for},
      {"flags of PINGRESP", 4, bytes({0xD1, 0}), PacketFault::flags},
      {"flags of PUBACK", 5, framed(0x42, id), PacketFault::flags},
      {"flags of PUBREL", 4, framed(0x60, id), PacketFault::flags},
      {"PUBREL with DUP", 4, framed(0x6A, id), PacketFault::flags},
      {"flags of CONNACK", 4, bytes({0x21, 2, 0, 0}), PacketFault::flags},
      {"QoS 3", 4, framed(0x36, topic + id), PacketFault::qos_3},
      {"a length of five bytes", 4, bytes({0x30, 0xff, 0xff, 0xff, 0xff, 0x7f}), PacketFault::length_of_five_bytes},
      {"a padded length", 5, bytes({0x40, 0x82, 0x00, 0, 9}), PacketFault::length_padded},
      {"a padded length of a PUBLISH", 5, bytes({0x30, 0x84, 0x00, 0, 1, 'a', 0}), PacketFault::length_padded},
      {"a packet of 100,001 bytes", 4, framed(0x30, topic + std::string(99'994, 'x')), PacketFault::too_large},
      {"CONNACK of 1 byte", 5, bytes({0x20, 1, 0}), PacketFault::too_short},
      {"CONNACK of 3 bytes before MQTT 5", 4, bytes({0x20, 3, 0, 0, 0}), PacketFault::wrong_length},
      {"CONNACK with reserved bits", 4, bytes({0x20, 2, 2, 0}), PacketFault::acknowledge_flags},
      {"CONNACK with bytes behind", 5, bytes({0x20, 4, 0, 0, 0, 7}), PacketFault::left_over},
      {"an empty PUBLISH", 4, bytes({0x30, 0}), PacketFault::too_short},
      {"PUBLISH of one byte", 4, bytes({0x30, 1, 0}), PacketFault::too_short},
      {"a topic beyond the packet", 4, bytes({0x30, 5, 0, 16, 'a', 'b', 'c'}), PacketFault::topic_length},
      {"a topic up to the packet identifier", 4, bytes({0x32, 4, 0, 2, 'a', 'b'}), PacketFault::topic_length},
      {"a topic up to the property length", 5, bytes({0x30, 3, 0, 1, 'a'}), PacketFault::topic_length},
      {"packet identifier 0", 4, framed(0x32, topic + bytes({0, 0})), PacketFault::packet_id_zero},
      {"packet identifier 0 of MQTT 5", 5, framed(0x34, topic + bytes({0, 0, 0})), PacketFault::packet_id_zero},
      {"PUBACK of 1 byte", 4, bytes({0x40, 1, 0}), PacketFault::wrong_length},
      {"PUBACK with a code before MQTT 5", 4, framed(0x40, id + "x"), PacketFault::wrong_length},
      {"PUBREC for packet 0", 5, bytes({0x50, 2, 0, 0}), PacketFault::packet_id_zero},
      {"PUBCOMP with bytes behind", 5, framed(0x70, id + bytes({0, 0, 1})), PacketFault::left_over},
      {"SUBACK without a code", 4, framed(0x90, id), PacketFault::wrong_length},
      {"SUBACK without a code of MQTT 5", 5, framed(0x90, id + bytes({0})), PacketFault::too_short},
      {"SUBACK whose properties take the code", 5, with_properties(0x90, id, "\x1f" + sized("why")),
       PacketFault::codes},
      {"SUBACK of two codes", 5, with_properties(0x90, id, "", bytes({0, 0})), PacketFault::codes},
      {"SUBACK of two codes before MQTT 5", 3, framed(0x90, id + bytes({0, 0})), PacketFault::wrong_length},
      {"UNSUBACK with a code before MQTT 5", 4, framed(0xB0, id + "x"), PacketFault::wrong_length},
      {"UNSUBACK without a code", 5, framed(0xB0, id + bytes({0})), PacketFault::too_short},
      {"PINGRESP with a body", 5, bytes({0xD0, 1, 0}), PacketFault::wrong_length},
      {"DISCONNECT with bytes behind", 5, framed(0xE0, bytes({0, 0, 0})), PacketFault::left_over},
      {"properties beyond the packet", 5, framed(0x30, topic + bytes({0xAC, 2}) + "0123456789"),
       PacketFault::property_length},
      {"properties beyond the packet by one", 5, framed(0x30, topic + bytes({3, 1, 1})), PacketFault::property_length},
      {"a property length that does not end", 5, framed(0x30, topic + bytes({0x80})), PacketFault::property_length},
      {"a property length of five bytes", 5, framed(0x30, topic + bytes({0x80, 0x80, 0x80, 0x80, 0})),
       PacketFault::property_length},
      {"a padded property length", 5, framed(0x30, topic + bytes({0x80, 0})), PacketFault::property_length_padded},
      {"an unknown property", 5, with_properties(0x30, topic, bytes({4, 0})), PacketFault::property_unknown},
      {"a property above all", 5, with_properties(0x30, topic, bytes({0xA6, 0})), PacketFault::property_unknown},
      {"a client's property", 5, with_properties(0x30, topic, bytes({0x17, 0})), PacketFault::property_unknown},
      {"CONNACK's property in PUBLISH", 5, with_properties(0x30, topic, bytes({0x24, 0})),
       PacketFault::property_misplaced},
      {"PUBLISH's property in SUBACK", 5, with_properties(0x90, id, bytes({0x0b, 1}), "x"),
       PacketFault::property_misplaced},
      {"a property twice", 5, with_properties(0x30, topic, bytes({1, 0, 1, 0})), PacketFault::property_twice},
      {"half a number", 5, with_properties(0x30, topic, bytes({2, 0, 0, 0})), PacketFault::property_cut},
      {"no byte of a byte", 5, with_properties(0x30, topic, bytes({1})), PacketFault::property_cut},
      {"half a text's length", 5, with_properties(0x30, topic, bytes({3, 0}), "payload"), PacketFault::property_cut},
      {"a text beyond the properties", 5, with_properties(0x30, topic, bytes({3, 0, 9, 'x'}), "payload to read"),
       PacketFault::property_cut},
      {"a name alone", 5, with_properties(0x30, topic, bytes({0x26, 0, 1, 'k'}), "payload"), PacketFault::property_cut},
      {"a name and half a length", 5, with_properties(0x30, topic, bytes({0x26, 0, 1, 'k', 0}), "payload"),
       PacketFault::property_cut},
      {"an identifier that does not end", 5, with_properties(0x30, topic, bytes({0x0b, 0x80}), "payload"),
       PacketFault::property_cut},
      {"an identifier of five bytes", 5, with_properties(0x30, topic, bytes({0x0b, 0x80, 0x80, 0x80, 0x80, 1})),
       PacketFault::property_cut},
      {"a padded identifier", 5, with_properties(0x30, topic, bytes({0x0b, 0x81, 0})), PacketFault::property_value},
      {"subscription identifier 0", 5, with_properties(0x30, topic, bytes({0x0b, 0})), PacketFault::property_value},
      {"receive maximum 0", 5, with_properties(0x20, bytes({0, 0}), bytes({0x21, 0, 0})), PacketFault::property_value},
      {"maximum packet size 0", 5, with_properties(0x20, bytes({0, 0}), bytes({0x27, 0, 0, 0, 0})),
       PacketFault::property_value},
      {"maximum QoS 2", 5, with_properties(0x20, bytes({0, 0}), bytes({0x24, 2})), PacketFault::property_value},
      {"a topic alias", 5, with_properties(0x30, topic, bytes({0x23, 0, 1})), PacketFault::alias_not_allowed},
  };
}

TEST(PacketGuard, NamesEveryFault) {
  std::vector<bool> seen(static_cast<std::size_t>(PacketFault::frame_masked));
  for (const auto& bad : bad_packets()) {
    EXPECT_EQ(to_string(fault_of(bad.packet, bad.level)), to_string(bad.fault)) << bad.name;
    seen[static_cast<std::size_t>(bad.fault)] = true;
  }
  for (const auto fault : {PacketFault::none, PacketFault::before_connack, PacketFault::second_connack})
    seen[static_cast<std::size_t>(fault)] = true;  // below
  for (std::size_t i = 0; i < seen.size(); ++i)
    EXPECT_TRUE(seen[i]) << "no packet with the fault " << to_string(static_cast<PacketFault>(i));
}

TEST(PacketGuard, KeepsTheOrderOfAConnection) {
  auto guard = connected(4);
  EXPECT_EQ(guard.check("\x20\x02\x00\x00", 4), 0u);
  EXPECT_EQ(guard.refusal().fault, PacketFault::second_connack);
  for (const int level : {4, 5}) {
    PacketGuard early;
    early.begin(static_cast<std::uint8_t>(level), kMaximum);
    const auto packet = publish(level, "payload");
    EXPECT_EQ(early.check(packet.data(), packet.size()), 0u);
    EXPECT_EQ(early.refusal().fault, PacketFault::before_connack);
  }
}

TEST(PacketGuard, LeavesToMqtt31WhatItAllows) {
  EXPECT_EQ(fault_of(framed(0x6A, bytes({0, 9})), 3), PacketFault::none) << "a repeated PUBREL";
  EXPECT_EQ(fault_of(bytes({0x20, 2, 7, 0}), 3), PacketFault::none) << "a reserved byte";
  EXPECT_EQ(fault_of(bytes({0x40, 0x82, 0x00, 0, 9}), 4), PacketFault::none) << "a length in two bytes";
}

TEST(PacketGuard, DoesNotReadTexts) {
  for (const auto& topic : {std::string("a\0b", 3), std::string("\xff\xfe"), std::string(), std::string("a/#")}) {
    EXPECT_EQ(fault_of(framed(0x30, sized(topic) + "x"), 4), PacketFault::none) << "the queue rejects and counts it";
    EXPECT_EQ(fault_of(framed(0x30, sized(topic) + with_length("\x03" + sized(topic)) + "x"), 5), PacketFault::none);
  }
}

// Whatever the pieces: the same fault, what is before it has passed, and never the packet's last byte.
TEST(PacketGuard, RefusesTheSameHoweverItIsCut) {
  for (const auto& bad : bad_packets()) {
    const bool is_connack = bad.packet[0] >> 4 == 2;
    const auto before = is_connack ? std::string() : publish(bad.level, "before", "t", 1);
    const auto stream = before + bad.packet + "behind it";
    for (std::size_t cut = 0; cut <= std::min<std::size_t>(stream.size(), 200); ++cut) {
      auto guard = guard_for(bad.packet, bad.level);
      auto passed = guard.check(stream.data(), cut);
      if (passed == cut) passed += guard.check(stream.data() + cut, stream.size() - cut);
      ASSERT_EQ(to_string(guard.refusal().fault), to_string(bad.fault)) << bad.name << ", cut at " << cut;
      EXPECT_GE(passed, before.size()) << bad.name;
      EXPECT_LT(passed, before.size() + bad.packet.size()) << bad.name;
      EXPECT_EQ(guard.check(before.data(), before.size()), 0u) << "nothing passes any more";
    }
    auto whole = guard_for(bad.packet, bad.level);
    EXPECT_EQ(whole.check(stream.data(), stream.size()), before.size()) << bad.name << ": all that is before it";
  }
}

TEST(PacketGuard, NotesWhichPacketsOfQos2CameAgain) {
  for (const int level : {kLevel311, kLevel5}) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
      SentAgain again;
      PacketGuard guard;
      guard.begin(static_cast<std::uint8_t>(level), kMaximum, &again);
      const auto id = [](std::string packet, char low, bool dup) {
        packet[8] = low;  // behind header, length, "a/b": 1 << 8 | low
        if (dup) packet[0] = static_cast<char>(packet[0] | 8);
        return packet;
      };
      const auto one = publish(level, "{}", "a/b", 1);
      const auto two = publish(level, "{}", "a/b", 2);
      const auto stream = connack(level) + id(two, 2, true) + id(two, 3, false) + id(one, 4, true) + id(two, 5, true);
      EXPECT_EQ(passed_in_pieces(guard, stream, piece), stream.size());
      EXPECT_TRUE(again.knows(0x102));
      EXPECT_FALSE(again.knows(0x103));
      EXPECT_FALSE(again.knows(0x104)) << "QoS 1: Paho tells";
      EXPECT_TRUE(again.knows(0x105));
      const auto next = id(two, 2, false);
      EXPECT_EQ(passed_in_pieces(guard, next, piece), next.size());
      EXPECT_FALSE(again.knows(0x102)) << "another message has the identifier";
    }
  }
}

TEST(PacketGuard, KnowsALargePayloadByItsHead) {
  auto guard = connected(5, 16U << 20);
  const auto packet = publish(5, std::string(3'000'000, 'x'), "large", 1);
  EXPECT_EQ(passed_in_pieces(guard, packet, 65'536), packet.size());
  EXPECT_TRUE(guard.is_between_packets());
  EXPECT_EQ(guard.check(packet.data(), 10), 10u);
  EXPECT_FALSE(guard.is_between_packets());
}

TEST(PacketGuard, RefusesAnAnnouncedSizeBeforeItsLengthHasPassed) {
  auto guard = connected(4);
  const auto header = bytes({0x30, 0x80, 0x80, 0x80, 0x60});
  EXPECT_LT(passed_in_pieces(guard, header, 1), header.size()) << "Paho would allocate 200 MB";
  EXPECT_EQ(guard.refusal().found, 201'326'597u);
  EXPECT_EQ(guard.refusal().limit, kMaximum);
}

// HONEYFRAME_HOSTILE_PACKETS=1000000 for more.
TEST(PacketGuard, LetsPassWhatAnotherReaderCallsWellFormedAndNothingElse) {
  const char* const wanted = std::getenv("HONEYFRAME_HOSTILE_PACKETS");
  const auto count = wanted == nullptr ? 50'000U : static_cast<std::uint32_t>(std::strtoul(wanted, nullptr, 10));
  PacketSource source(20'261'125);
  std::uint32_t passed = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const int level = static_cast<int>(3 + source.below(3));
    const auto packet = source.spoiled(level);
    auto guard = guard_for(packet, level);
    auto bytewise = guard_for(packet, level);
    // On the heap, to its size: a byte read beyond it is seen.
    const std::vector<char> exact(packet.begin(), packet.end());
    const bool good = guard.check(exact.data(), exact.size()) == exact.size() && guard.is_between_packets();
    std::size_t good_bytes = 0;
    while (good_bytes < exact.size() && bytewise.check(exact.data() + good_bytes, 1) == 1) ++good_bytes;
    ASSERT_EQ(guard.refusal().fault, bytewise.refusal().fault) << level << " " << ::testing::PrintToString(packet);
    // More than one packet, or less: only what is one by its own length is compared.
    const bool is_one = testing::is_well_formed(packet, level);
    if (is_one) {
      ASSERT_TRUE(good) << level << " " << ::testing::PrintToString(packet) << guard.refusal().text();
    }
    if (good && !is_one) {  // then it is several
      auto again = guard_for(packet, level);
      std::size_t begin = 0;
      for (std::size_t at = 1; at <= packet.size(); ++at) {
        ASSERT_EQ(again.check(&packet[at - 1], 1), 1u);
        if (!again.is_between_packets()) continue;
        ASSERT_TRUE(testing::is_well_formed(packet.substr(begin, at - begin), level))
            << level << " " << ::testing::PrintToString(packet.substr(begin, at - begin));
        begin = at;
      }
    }
    passed += good ? 1 : 0;
  }
  EXPECT_GT(passed, count / 50) << "hardly any is good: nothing was compared";
  EXPECT_LT(passed, count * 49 / 50);
}

}  // namespace
}  // namespace honeyframe
