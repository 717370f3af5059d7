#pragma once

// SubscriptionTable: which filters the session holds, who wants them, and where an arriving message goes.
//
// A filter is subscribed at the broker once, however many subscriptions name it. Where the broker knows subscription
// identifiers (MQTT 5.0, 3.8.2.1.2) each filter has one, and a message names the filters it came for; else its topic is
// matched against all of them, and the answer is kept per topic. A message goes to each queue once for each copy that
// arrives.
//
// Changed by callers and the control thread, read by Paho's receive thread; all members are guarded by mutex_ but for
// scratch_.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

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
  std::uint64_t arrived = 0;  // = routed + unmatched
  std::uint64_t routed = 0;
  std::uint64_t unmatched = 0;
  std::uint64_t arrived_bytes = 0;
};

class SubscriptionTable {
 public:
  // Topics whose answer is kept; beyond that the cache starts anew.
  static constexpr std::size_t kMaxCachedTopics = 100'000;

  // Any thread. The id of the new subscription; its filters count from now on.
  std::uint64_t add(const SubscribeRequest& request, std::shared_ptr<MessageQueue> queue);
  // Any thread. The filters that nobody wants any more.
  std::vector<std::string> remove(std::uint64_t subscription);
  // Any thread. Closes every queue, forgets everything.
  void close_all();

  // The filters of one subscription (in its order), or all of them: what to SUBSCRIBE to.
  [[nodiscard]] std::vector<FilterRequest> filters_of(std::uint64_t subscription) const;
  [[nodiscard]] std::vector<FilterRequest> all_filters() const;
  // The sum of the longest waits that queues with the policy `block` can cost the receive thread.
  [[nodiscard]] std::chrono::milliseconds longest_block() const;

  // False while the broker does not number subscriptions, or numbers that another process gave are about.
  void use_identifiers(bool use);

  // Paho's receive thread. Allocates nothing once a topic has been seen.
  void route(const MessageView& message, std::span<const std::uint32_t> identifiers) noexcept;
  // Any thread. Whether some queue keeps MQTT 5 properties: else they need not be decoded.
  [[nodiscard]] bool keeps_properties() const noexcept { return keeps_properties_.load(std::memory_order_relaxed); }
  [[nodiscard]] RoutingCounters counters() const;

 private:
  struct Subscription {
    std::vector<std::string> filters;
    std::shared_ptr<MessageQueue> queue;
  };
  struct Filter {
    FilterRequest request;
    std::vector<std::uint64_t>
        subscribers;  // in the order in which they asked: the last one gets the retained messages
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  using FilterIds = std::vector<std::uint32_t>;

  void find_targets(const MessageView& message, std::span<const std::uint32_t> identifiers);
  void collect(std::uint32_t identifier, bool retained);
  const FilterIds& matching_filters(std::string_view topic);

  mutable std::mutex mutex_;
  std::unordered_map<std::uint64_t, Subscription> subscriptions_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> identifiers_;  // filter text -> its identifier
  std::unordered_map<std::uint32_t, Filter> filters_;
  std::unordered_map<std::string, FilterIds, Hash, std::equal_to<>> topics_;  // what each topic matched
  std::uint64_t next_subscription_ = 1;
  std::uint32_t next_identifier_ = 1;
  bool use_identifiers_ = false;
  std::atomic<bool> keeps_properties_{false};
  RoutingCounters counters_;
  std::vector<std::shared_ptr<MessageQueue>> scratch_;  // receive thread only: the targets of the message in hand
};

}  // namespace honeyframe
