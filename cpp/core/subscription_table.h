#pragma once

// SubscriptionTable: which filters the session holds, who wants them, and where an arriving message goes.
//
// A filter is subscribed at the broker once, however many subscriptions name it. Where the broker knows subscription
// identifiers (MQTT 5.0, 3.8.2.1.2) each filter has one, and a message names the filters it came for; else its topic is
// matched against all of them, and the answer is kept per topic. A message goes to each queue once for each copy that
// arrives.
//
// Retained messages come because somebody subscribed just now; the filter's other subscribers had theirs. They go to
// the one whose SUBSCRIBE left last, but to everybody where that is uncertain: before the first SUBSCRIBE and after a
// renewal, and where one SUBSCRIBE followed another within kRetainedBurst, for MQTT does not say whose the messages
// are. So a subscriber may see a retained message twice; it misses one only where a broker takes longer than that to
// send them.
//
// A session that another process left with the broker starts to send before anybody subscribes: messages that match
// nothing may be held for the first subscription that wants them. Held ones count as `held` until they are routed or
// given up, and until then the session's answer_gate is shut: they are not acknowledged before they are in a queue.
// What matches a filter that was let go is not held: it was sent before UNSUBSCRIBE arrived.
//
// Changed by callers and the control thread, read by Paho's receive thread; all members are guarded by mutex_ but for
// scratch_.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "answer_gate.h"
#include "held_messages.h"
#include "message_queue.h"
#include "session.h"

namespace honeyframe {

// One filter as SUBSCRIBE has to name it.
struct FilterRequest {
  std::string filter;
  std::uint32_t identifier = 0;
  int qos = 0;
  RetainHandling retain_handling = RetainHandling::send;
  bool no_local = false;
};

struct RoutingCounters {
  std::uint64_t arrived = 0;  // = routed + unmatched + held
  std::uint64_t routed = 0;
  std::uint64_t unmatched = 0;
  std::uint64_t held = 0;  // goes back: each becomes routed or unmatched
  std::uint64_t arrived_bytes = 0;
};

class SubscriptionTable {
 public:
  // Topics whose answer is kept, and the bytes for it; beyond either the cache starts anew.
  static constexpr std::size_t kMaxCachedTopics = 100'000;
  static constexpr std::size_t kMaxCachedBytes = 8u << 20;
  // With so few filters a topic is matched in less time than it takes to remember it: the answers for the first ones
  // are kept, and no others.
  static constexpr std::size_t kFewFilters = 4;
  static constexpr std::size_t kCachedTopicsOfFew = 1'024;
  // As long may a broker take to send the retained messages that a SUBSCRIBE asked for.
  static constexpr std::chrono::seconds kRetainedBurst{10};
  using Clock = std::chrono::steady_clock;

  // Calls `unmatched` (receive thread, no lock held; must not throw) at the first message that nobody gets and that
  // cannot be held. Before any message can arrive.
  void on_unmatched(std::function<void()> unmatched) { unmatched_ = std::move(unmatched); }
  // Before connecting: what nobody wants yet is held.
  void hold_messages();
  // The broker had no session for us, it is over, or the time for it is. Forgets what is held; how many those were, now
  // unmatched.
  std::size_t stop_holding();

  // Any thread. The id of the new subscription; its filters count from now on, and it gets what is held for them.
  // Errors: invalid_argument, where another subscription of one of its filters differs in no_local. The broker has one
  // option for a filter, and who published a message cannot be seen here.
  Result<std::uint64_t> add(const SubscribeRequest& request, std::shared_ptr<MessageQueue> queue);
  // Any thread. The filters that nobody wants any more.
  std::vector<std::string> remove(std::uint64_t subscription);
  // Any thread. remove() it, and close its queue with the reason why.
  std::vector<std::string> revoke(std::uint64_t subscription, Status why);
  // Any thread. Who wants `filter`.
  [[nodiscard]] std::vector<std::uint64_t> subscribers_of(const std::string& filter) const;
  // Any thread. Closes every queue; what arrives still counts as routed.
  void close_queues();
  // Any thread. Closes every queue, forgets everything.
  void close_all();

  // Control thread, before SUBSCRIBE for `filter` leaves. `subscription` is 0 for a renewal.
  void asked(std::uint64_t subscription, const std::string& filter, Clock::time_point now = Clock::now());

  // The filters of one subscription (in its order), or all of them: what to SUBSCRIBE to. Of those that share a filter
  // the highest QoS counts. One subscription's asks for retained messages as it likes itself; that for all asks for
  // them as soon as one of them does.
  [[nodiscard]] std::vector<FilterRequest> filters_of(std::uint64_t subscription) const;
  [[nodiscard]] std::vector<FilterRequest> all_filters() const;
  // The sum of the longest waits that queues with the policy `block` can cost the receive thread.
  [[nodiscard]] std::chrono::milliseconds longest_block() const;

  // Whether some queue is spooled, and the highest QoS asked for.
  [[nodiscard]] bool is_spooled() const;
  [[nodiscard]] int highest_qos() const;

  // False while the broker does not number subscriptions, or numbers that another process gave are about.
  void use_identifiers(bool use);

  // Any thread. Shut while a message is held that is to be acknowledged.
  [[nodiscard]] const std::shared_ptr<AnswerGate>& answer_gate() const noexcept { return answer_gate_; }

  // Paho's receive thread. Allocates nothing once a topic has been seen.
  void route(const MessageView& message, std::span<const std::uint32_t> identifiers) noexcept;
  // Any thread. Whether some queue keeps MQTT 5 properties: else they need not be decoded.
  [[nodiscard]] bool keeps_properties() const noexcept { return keeps_properties_.load(std::memory_order_relaxed); }
  [[nodiscard]] RoutingCounters counters() const;
  [[nodiscard]] std::size_t cached_topic_bytes() const;

 private:
  struct Subscription {
    std::vector<std::string> filters;
    std::shared_ptr<MessageQueue> queue;
  };
  struct Subscriber {
    std::uint64_t subscription;
    int qos;
    RetainHandling retain_handling;
    std::shared_ptr<MessageQueue> queue;
  };
  struct Filter {
    std::string text;
    bool no_local = false;
    std::vector<Subscriber> subscribers;  // never empty
    std::uint64_t retained_for = 0;       // the subscriber that gets retained messages; 0: all of them
    std::optional<Clock::time_point> asked;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  using FilterIds = std::vector<std::uint32_t>;

  [[nodiscard]] Status check_no_local(const SubscribeRequest& request) const;
  [[nodiscard]] static FilterRequest request_for(std::uint32_t identifier, const Filter& filter);
  std::vector<std::string> take_out(std::uint64_t subscription, std::shared_ptr<MessageQueue>& left);
  void deliver_held(const std::vector<std::string>& filters, MessageQueue& queue);
  void update_keeps_properties();
  bool hold(const MessageView& message) noexcept;
  void find_targets(const MessageView& message, std::span<const std::uint32_t> identifiers);
  void collect(std::uint32_t identifier, bool retained);
  void forget_topics();
  const FilterIds* cached_filters(std::string_view topic);

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Subscription> subscriptions_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> identifiers_;  // filter text -> its identifier
  std::unordered_map<std::uint32_t, Filter> filters_;
  std::unordered_map<std::string, FilterIds, Hash, std::equal_to<>> topics_;  // what each topic matched
  std::size_t topics_bytes_ = 0;                                              // of topics_, estimated
  std::uint64_t next_subscription_ = 1;
  std::uint32_t next_identifier_ = 1;
  bool use_identifiers_ = false;
  std::atomic<bool> keeps_properties_{false};
  RoutingCounters counters_;
  HeldMessages held_;
  const std::shared_ptr<AnswerGate> answer_gate_ = std::make_shared<AnswerGate>();  // changed with the lock
  bool holding_ = false;
  std::unordered_set<std::string> let_go_;  // filters, while holding_
  bool told_unmatched_ = false;
  std::function<void()> unmatched_;
  std::vector<std::shared_ptr<MessageQueue>> scratch_;  // receive thread only: the targets of the message in hand
};

}  // namespace honeyframe
