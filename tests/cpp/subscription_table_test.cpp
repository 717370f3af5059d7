#include "subscription_table.h"

#include <gtest/gtest.h>

#include "allocation_counter.h"
#include "answer_gate.h"
#include "receive_burst.h"
#include "session_for_tests.h"

namespace honeyframe {
namespace {

using testing::queue;

class SubscriptionTableTest : public ::testing::Test {
 protected:
  void arrive(const std::string& topic, bool retain = false, std::vector<std::uint32_t> identifiers = {},
              std::uint8_t qos = 0) {
    MessageView message;
    message.qos = qos;
    message.topic = topic;
    message.payload = "12345";
    message.retain = retain;
    table.route(message, identifiers);
  }
  std::uint64_t add(std::vector<std::string> filters, const std::shared_ptr<MessageQueue>& to, int qos = 0) {
    return table.add({.filters = std::move(filters), .qos = qos}, to).value();
  }
  static std::uint64_t received(const std::shared_ptr<MessageQueue>& of) { return of->counters().received; }

  SubscriptionTable table;
};

TEST_F(SubscriptionTableTest, MatchesTopicsAndCountsEachMessageOnce) {
  const auto all = queue();
  const auto some = queue();
  add({"#"}, all);
  add({"a/+"}, some);
  arrive("a/b");
  arrive("c");
  arrive("$SYS/uptime");
  EXPECT_EQ(received(all), 2u);
  EXPECT_EQ(received(some), 1u);
  const auto counters = table.counters();
  EXPECT_EQ(counters.arrived, 3u);
  EXPECT_EQ(counters.routed, 2u);
  EXPECT_EQ(counters.unmatched, 1u);
  EXPECT_EQ(counters.arrived_bytes, 3 * 5u + 3 + 1 + 11);
}

TEST_F(SubscriptionTableTest, GivesAQueueOneCopyHoweverManyFiltersMatch) {
  const auto stream = queue();
  add({"a/#", "a/+", "+/b", "a/b"}, stream);
  arrive("a/b");
  EXPECT_EQ(received(stream), 1u);
  table.use_identifiers(true);
  arrive("a/b", false, {1, 2, 3, 4});
  EXPECT_EQ(received(stream), 2u);
}

TEST_F(SubscriptionTableTest, FollowsIdentifiersOnlyWhereItIsTold) {
  const auto first = queue();
  const auto second = queue();
  add({"a/#"}, first);
  add({"b/#"}, second);
  arrive("a/x", false, {2});  // another process's numbers, say
  EXPECT_EQ(received(first), 1u);
  EXPECT_EQ(received(second), 0u);
  table.use_identifiers(true);
  arrive("a/x", false, {2});
  EXPECT_EQ(received(second), 1u);
  arrive("a/x");  // a message without any is matched by topic
  EXPECT_EQ(received(first), 2u);
}

TEST_F(SubscriptionTableTest, SendsRetainedMessagesToWhoseSubscribeLeftLast) {
  const auto now = SubscriptionTable::Clock::now();
  const auto first = queue();
  const auto second = queue();
  const auto id1 = add({"a/#"}, first);
  table.asked(id1, "a/#", now);
  const auto id2 = add({"a/+", "a/#"}, second);
  table.use_identifiers(true);
  arrive("a/b", true, {1});
  table.use_identifiers(false);
  EXPECT_EQ(received(second), 0u);
  EXPECT_EQ(received(first), 1u) << "the second has not asked yet: this one is the first's";
  table.asked(id2, "a/+", now + std::chrono::minutes(1));
  table.asked(id2, "a/#", now + std::chrono::minutes(1));
  arrive("a/b", true);
  EXPECT_EQ(received(first), 1u);
  EXPECT_EQ(received(second), 1u);
  arrive("a/b");
  EXPECT_EQ(received(first), 2u);
  EXPECT_EQ(received(second), 2u);
  static_cast<void>(table.remove(id2));
  arrive("a/b", true);
  EXPECT_EQ(received(first), 3u) << "nobody else is left";
}

TEST_F(SubscriptionTableTest, SendsRetainedMessagesToAllWhereItIsUncertainWhoseTheyAre) {
  const auto now = SubscriptionTable::Clock::now();
  const auto first = queue();
  const auto second = queue();
  const auto id1 = add({"a/#"}, first);
  const auto id2 = add({"a/#"}, second);
  arrive("a/b", true);
  EXPECT_EQ(received(first) + received(second), 2u) << "nobody has asked yet: they come from a resumed session";
  table.asked(id1, "a/#", now);
  table.asked(id2, "a/#", now + std::chrono::seconds(1));
  arrive("a/b", true);
  EXPECT_EQ(received(first) + received(second), 4u) << "one SUBSCRIBE on the heels of the other";
  table.asked(0, "a/#", now + std::chrono::hours(1));
  arrive("a/b", true);
  EXPECT_EQ(received(first) + received(second), 6u) << "a renewal asks for all";
}

TEST_F(SubscriptionTableTest, LetsAFilterGoWithItsLastSubscription) {
  const auto stream = queue();
  const auto first = add({"a", "b"}, stream, 1);
  const auto second = add({"b", "c"}, stream, 2);
  EXPECT_EQ(table.all_filters().size(), 3u);
  EXPECT_EQ(table.filters_of(second)[0].qos, 2) << "the higher of the two";
  EXPECT_EQ(table.filters_of(first)[1].identifier, table.filters_of(second)[0].identifier);
  EXPECT_EQ(table.remove(first), std::vector<std::string>{"a"});
  EXPECT_EQ(table.remove(first), std::vector<std::string>{});
  EXPECT_EQ(table.remove(second), (std::vector<std::string>{"b", "c"}));
  EXPECT_TRUE(table.all_filters().empty());
  arrive("b");
  EXPECT_EQ(table.counters().unmatched, 1u);
}

TEST_F(SubscriptionTableTest, RenewsWithTheWishOfWhoeverWantsRetainedMessages) {
  static_cast<void>(table.add({.filters = {"a"}, .qos = 1, .retain_handling = RetainHandling::send}, queue()));
  static_cast<void>(table.add({.filters = {"a"}, .qos = 0, .retain_handling = RetainHandling::do_not_send}, queue()));
  EXPECT_EQ(table.filters_of(1)[0].retain_handling, RetainHandling::send);
  EXPECT_EQ(table.filters_of(2)[0].retain_handling, RetainHandling::do_not_send) << "its own SUBSCRIBE asks for none";
  EXPECT_EQ(table.filters_of(2)[0].qos, 1) << "but must not lower the other's QoS";
  EXPECT_EQ(table.all_filters()[0].retain_handling, RetainHandling::send);
  EXPECT_TRUE(table.remove(1).empty());
  EXPECT_EQ(table.all_filters()[0].retain_handling, RetainHandling::do_not_send);
  EXPECT_EQ(table.all_filters()[0].qos, 0);
}

TEST_F(SubscriptionTableTest, NeverUsesAnIdentifierTwice) {
  const auto stream = queue();
  const auto first = add({"a"}, stream);
  const auto identifier = table.filters_of(first)[0].identifier;
  table.remove(first);
  const auto second = add({"a"}, stream);
  EXPECT_GT(table.filters_of(second)[0].identifier, identifier);
}

TEST_F(SubscriptionTableTest, ForgetsWhatATopicMatchedWhenFiltersChange) {
  const auto first = queue();
  const auto second = queue();
  add({"a"}, first);
  arrive("a");
  add({"+"}, second);
  arrive("a");
  EXPECT_EQ(received(first), 2u);
  EXPECT_EQ(received(second), 1u);
}

TEST_F(SubscriptionTableTest, MatchesBehindAShare) {
  const auto stream = queue();
  add({"$share/group/a/+"}, stream);
  arrive("a/b");
  EXPECT_EQ(received(stream), 1u);
}

TEST_F(SubscriptionTableTest, RemembersTopicsOnlyUpToABound) {
  const auto stream = queue();
  add({"t/#", "a", "b", "c", "d"}, stream);
  for (std::size_t i = 0; i < SubscriptionTable::kMaxCachedTopics + 10; ++i) arrive("t/" + std::to_string(i));
  EXPECT_EQ(table.counters().routed, SubscriptionTable::kMaxCachedTopics + 10);
}

TEST_F(SubscriptionTableTest, RemembersOnlyTheFirstTopicsWhileFiltersAreFew) {
  const auto stream = queue();
  add({"t/#", "$share/group/t/+", "other"}, stream);
  for (std::size_t i = 0; i < SubscriptionTable::kCachedTopicsOfFew; ++i) arrive("t/" + std::to_string(i));
  const auto bytes = table.cached_topic_bytes();
  EXPECT_GT(bytes, 0u);
  for (int i = 0; i < 100; ++i) arrive("t/new/" + std::to_string(i));
  arrive("t/5");
  arrive("elsewhere");
  EXPECT_EQ(table.cached_topic_bytes(), bytes);
  EXPECT_EQ(table.counters().routed, SubscriptionTable::kCachedTopicsOfFew + 101);
  EXPECT_EQ(table.counters().unmatched, 1u);
  EXPECT_EQ(received(stream), table.counters().routed) << "once, though two filters match";
}

TEST_F(SubscriptionTableTest, WhatOnlyClosedQueuesMatchIsNobodys) {
  const auto closed = queue();
  add({"a/#"}, closed);
  closed->close();
  arrive("a/1");
  EXPECT_EQ(table.counters().routed, 0u);
  EXPECT_EQ(table.counters().unmatched, 1u);
  const auto open = queue();
  add({"a/+"}, open);
  arrive("a/1");
  EXPECT_EQ(table.counters().routed, 1u);
  EXPECT_EQ(table.counters().arrived, 2u);
}

TEST_F(SubscriptionTableTest, AllocatesNothingForAMessageOnceItsTopicIsKnown) {
  const auto closed = queue();  // a closed queue refuses at once: what a push costs is the queue's own test
  add({"a/#"}, closed);
  closed->close();
  const std::string topic = "a/topic/that/is/longer/than/any/small/string";
  const std::vector<std::uint32_t> identifiers{1};
  MessageView message;
  message.topic = topic;
  for (const bool by_identifier : {false, true}) {
    table.use_identifiers(by_identifier);
    table.route(message, identifiers);
    const auto before = testing::allocations_of_this_thread();
    for (int i = 0; i < 1'000; ++i) table.route(message, identifiers);
    EXPECT_EQ(testing::allocations_of_this_thread(), before);
  }
  EXPECT_EQ(table.counters().unmatched, 2'002u);
}

TEST_F(SubscriptionTableTest, ClosesItsQueues) {
  const auto stream = queue();
  add({"a"}, stream);
  table.close_all();
  EXPECT_TRUE(stream->closed());
  arrive("a");
  EXPECT_EQ(table.counters().unmatched, 1u);
}

TEST_F(SubscriptionTableTest, RevokesOneSubscriptionAndTellsItsQueueWhy) {
  const auto first = queue();
  const auto second = queue();
  const auto id1 = add({"a", "b"}, first);
  const auto id2 = add({"b"}, second);
  EXPECT_EQ(table.subscribers_of("b"), (std::vector<std::uint64_t>{id1, id2}));
  EXPECT_EQ(table.revoke(id1, Status(ErrorCode::subscribe_denied, "no")), std::vector<std::string>{"a"});
  EXPECT_EQ(first->close_reason().message(), "no");
  EXPECT_FALSE(second->closed());
  EXPECT_EQ(table.subscribers_of("a"), std::vector<std::uint64_t>{});
  EXPECT_EQ(table.subscribers_of("b"), std::vector<std::uint64_t>{id2});
  EXPECT_TRUE(table.revoke(id1, Status(ErrorCode::subscribe_denied, "again")).empty());
}

TEST_F(SubscriptionTableTest, AddsUpWhatBlockingQueuesMayCost) {
  QueueLimits patient;
  patient.policy = OverflowPolicy::block;
  patient.block_timeout = std::chrono::milliseconds(700);
  add({"a"}, queue(patient));
  add({"b"}, queue());
  add({"c"}, queue(patient));
  EXPECT_EQ(table.longest_block(), std::chrono::milliseconds(1'400));
}

TEST_F(SubscriptionTableTest, HoldsWhatArrivesBeforeAnybodySubscribes) {
  int told = 0;
  table.on_unmatched([&] { ++told; });
  table.hold_messages();
  EXPECT_TRUE(table.keeps_properties());
  arrive("a/1");
  arrive("b");
  EXPECT_EQ(table.counters().held, 2u);
  EXPECT_EQ(table.counters().unmatched, 0u) << "that is not known yet";
  const auto stream = queue();
  add({"a/#"}, stream);
  EXPECT_EQ(received(stream), 1u);
  EXPECT_EQ(table.counters().routed, 1u);
  EXPECT_EQ(table.counters().unmatched, 0u);
  EXPECT_EQ(told, 0) << "b may still find its subscription";
  EXPECT_EQ(table.stop_holding(), 1u);
  EXPECT_EQ(table.counters().unmatched, 1u);
  EXPECT_FALSE(table.keeps_properties());
  arrive("c");
  arrive("c");
  EXPECT_EQ(told, 1);
  EXPECT_EQ(table.counters().unmatched, 3u);
}

TEST_F(SubscriptionTableTest, ShutsTheGateUntilWhatIsHeldAndToBeAcknowledgedIsInQueues) {
  const auto& gate = *table.answer_gate();
  table.hold_messages();
  arrive("a");
  EXPECT_FALSE(gate.is_shut()) << "QoS 0";
  arrive("a", false, {}, 1);
  arrive("b", false, {}, 2);
  EXPECT_TRUE(gate.is_shut());
  add({"a"}, queue());
  EXPECT_TRUE(gate.is_shut()) << "b is held";
  arrive("a", false, {}, 1);
  EXPECT_EQ(table.counters().routed, 3u);
  add({"b"}, queue());
  EXPECT_FALSE(gate.is_shut());
  arrive("a", false, {}, 1);
  EXPECT_FALSE(gate.is_shut());
  arrive("c", false, {}, 1);
  EXPECT_TRUE(gate.is_shut());
  EXPECT_EQ(table.stop_holding(), 1u);
  EXPECT_FALSE(gate.is_shut());
  arrive("c", false, {}, 1);
  EXPECT_FALSE(gate.is_shut()) << "nothing is held any more";
}

// Committed first: what the gate lets out acknowledges it.
TEST_F(SubscriptionTableTest, OpensTheGateBehindTheWriteOfWhatWasHeld) {
  class Answers final : public WithheldAnswers {
   public:
    explicit Answers(const bool& committed) : committed_(committed) {}
    void gate_opened() noexcept override { were_committed = committed_; }
    bool were_committed = false;

   private:
    const bool& committed_;
  };
  class LateQueue final : public MessageQueue, public BurstCommit {
   public:
    LateQueue() : MessageQueue(QueueLimits{}) {}
    PushResult push(const MessageView& message, std::chrono::nanoseconds patience) noexcept override {
      EXPECT_TRUE(ReceiveBurst::commit_later(std::static_pointer_cast<LateQueue>(weak_from_this().lock())));
      return MessageQueue::push(message, patience);
    }
    void commit() noexcept override { committed = true; }
    bool committed = false;
  };
  const auto late = std::make_shared<LateQueue>();
  Answers answers(late->committed);
  table.answer_gate()->attach(answers);
  table.hold_messages();
  arrive("a", false, {}, 1);
  add({"a"}, late);
  EXPECT_TRUE(answers.were_committed);
  table.answer_gate()->detach(answers);
}

TEST_F(SubscriptionTableTest, HoldsNothingOfAFilterThatWasLetGo) {
  table.hold_messages();
  const auto first = add({"a/#", "b"}, queue());
  EXPECT_EQ(table.remove(first).size(), 2u);
  arrive("a/1");
  EXPECT_EQ(table.counters().unmatched, 1u);
  const auto stream = queue();
  add({"a/#"}, stream);
  EXPECT_EQ(received(stream), 0u);
  EXPECT_EQ(table.stop_holding(), 0u);
}

TEST_F(SubscriptionTableTest, BoundsTheBytesOfItsCache) {
  add({"#", "a", "b", "c", "d"}, queue());
  const std::string tail(60'000, 'x');
  for (int i = 0; i < 300; ++i) arrive(std::to_string(i) + tail);
  EXPECT_GT(table.cached_topic_bytes(), 0u);
  EXPECT_LE(table.cached_topic_bytes(), SubscriptionTable::kMaxCachedBytes);
  EXPECT_EQ(table.counters().routed, 300u);
}

TEST_F(SubscriptionTableTest, KnowsWhetherPropertiesAreWanted) {
  EXPECT_FALSE(table.keeps_properties());
  QueueLimits curious;
  curious.keep_properties = true;
  add({"a"}, queue(curious));
  EXPECT_TRUE(table.keeps_properties());
}

// Counts what the table tells it.
class SpooledQueue final : public MessageQueue {
 public:
  SpooledQueue() : MessageQueue(QueueLimits{}) {}
  [[nodiscard]] bool is_spooled() const noexcept override { return true; }
  void subscribed() noexcept override { ++subscriptions; }
  void unsubscribed() noexcept override { --subscriptions; }
  int subscriptions = 0;
};

TEST_F(SubscriptionTableTest, KnowsWhetherAQueueIsSpooledAndTheHighestQos) {
  EXPECT_FALSE(table.is_spooled());
  EXPECT_EQ(table.highest_qos(), 0);
  const auto other = add({"a", "b"}, queue(), 2);
  const auto spooled = add({"b"}, std::make_shared<SpooledQueue>(), 1);
  EXPECT_TRUE(table.is_spooled());
  EXPECT_EQ(table.highest_qos(), 2);
  table.remove(other);
  EXPECT_EQ(table.highest_qos(), 1);
  table.remove(spooled);
  EXPECT_FALSE(table.is_spooled());
}

TEST_F(SubscriptionTableTest, TellsAQueueWhenMessagesMayComeAndWhenNoneMay) {
  const auto spooled = std::make_shared<SpooledQueue>();
  const auto first = add({"a"}, spooled);
  const auto second = add({"b"}, spooled);
  EXPECT_EQ(spooled->subscriptions, 2);
  table.remove(first);
  table.remove(first);
  EXPECT_EQ(spooled->subscriptions, 1);
  table.revoke(second, Status(ErrorCode::subscribe_denied, "no"));
  EXPECT_EQ(spooled->subscriptions, 0);
  add({"c"}, spooled);
  table.close_queues();
  EXPECT_EQ(spooled->subscriptions, 1) << "what arrives still goes to it";
  table.close_all();
  EXPECT_EQ(spooled->subscriptions, 0);
}

}  // namespace
}  // namespace honeyframe
