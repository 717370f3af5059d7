#include "subscription_table.h"

#include <algorithm>
#include <new>
#include <utility>

#include "topic_filter.h"
#include "utf8.h"

namespace honeyframe {

Status SubscriptionTable::check_no_local(const SubscribeRequest& request) const {
  for (const auto& text : request.filters) {
    const auto identifier = identifiers_.find(text);
    if (identifier == identifiers_.end() || filters_.at(identifier->second).no_local == request.no_local) continue;
    return Status(ErrorCode::invalid_argument, "another stream of this session has " + in_quotes(text) +
                                                   (request.no_local ? " without" : " with") +
                                                   " no_local, and the broker knows one such option for a filter")
        .with_hint("give both streams the same no_local, or one of them a session of its own")
        .with_subjects({text});
  }
  return {};
}

Result<std::uint64_t> SubscriptionTable::add(const SubscribeRequest& request, std::shared_ptr<MessageQueue> queue) {
  const std::lock_guard lock(mutex_);
  if (auto status = check_no_local(request); !status.ok()) return status;
  const auto subscription = next_subscription_++;
  auto& entry = subscriptions_[subscription];
  entry.queue = std::move(queue);
  entry.queue->subscribed();
  for (const auto& text : request.filters) {
    if (std::find(entry.filters.begin(), entry.filters.end(), text) != entry.filters.end()) continue;
    entry.filters.push_back(text);
    const auto [found, is_new] = identifiers_.try_emplace(text, next_identifier_);
    auto& filter = filters_[found->second];
    if (is_new) {
      ++next_identifier_;
      let_go_.erase(text);
      filter.text = text;
      filter.no_local = request.no_local;
    }
    filter.subscribers.push_back({subscription, request.qos, request.retain_handling, entry.queue});
  }
  forget_topics();
  deliver_held(entry.filters, *entry.queue);
  update_keeps_properties();
  return subscription;
}

void SubscriptionTable::hold_messages() {
  const std::lock_guard lock(mutex_);
  holding_ = true;
  update_keeps_properties();
}

std::size_t SubscriptionTable::stop_holding() {
  const std::lock_guard lock(mutex_);
  const auto forgotten = held_.size();
  counters_.unmatched += std::exchange(counters_.held, 0);
  holding_ = false;
  held_.clear();
  answer_gate_->open();
  let_go_.clear();
  update_keeps_properties();
  return forgotten;
}

// With the lock: what arrives next must not overtake them.
void SubscriptionTable::deliver_held(const std::vector<std::string>& filters, MessageQueue& queue) {
  if (held_.size() == 0) return;
  const auto delivered = held_.deliver(filters, queue);
  counters_.held -= delivered;
  counters_.routed += delivered;
  if (!held_.is_acknowledgeable()) answer_gate_->open();
}

void SubscriptionTable::update_keeps_properties() {
  const bool keeps = (holding_ && subscriptions_.empty()) ||
                     std::any_of(subscriptions_.begin(), subscriptions_.end(),
                                 [](const auto& entry) { return entry.second.queue->limits().keep_properties; });
  keeps_properties_.store(keeps, std::memory_order_relaxed);
}

std::vector<std::string> SubscriptionTable::remove(std::uint64_t subscription) {
  std::shared_ptr<MessageQueue> left;
  auto unwanted = take_out(subscription, left);
  if (left != nullptr) left->unsubscribed();  // without the lock: it may wait for the message in hand
  return unwanted;
}

std::vector<std::string> SubscriptionTable::take_out(std::uint64_t subscription, std::shared_ptr<MessageQueue>& left) {
  std::vector<std::string> unwanted;
  const std::lock_guard lock(mutex_);
  const auto found = subscriptions_.find(subscription);
  if (found == subscriptions_.end()) return unwanted;
  left = found->second.queue;
  for (const auto& text : found->second.filters) {
    const auto identifier = identifiers_.find(text);
    auto& filter = filters_[identifier->second];
    std::erase_if(filter.subscribers, [&](const auto& one) { return one.subscription == subscription; });
    if (filter.retained_for == subscription) filter.retained_for = 0;
    if (!filter.subscribers.empty()) continue;
    unwanted.push_back(text);
    if (holding_) let_go_.insert(text);
    filters_.erase(identifier->second);
    identifiers_.erase(identifier);
  }
  subscriptions_.erase(found);
  forget_topics();
  return unwanted;
}

std::vector<std::string> SubscriptionTable::revoke(std::uint64_t subscription, Status why) {
  std::shared_ptr<MessageQueue> queue;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = subscriptions_.find(subscription); found != subscriptions_.end())
      queue = found->second.queue;
  }
  auto unwanted = remove(subscription);  // first: what arrives from now on is nobody's
  if (queue != nullptr) queue->close(std::move(why));
  return unwanted;
}

std::vector<std::uint64_t> SubscriptionTable::subscribers_of(const std::string& filter) const {
  std::vector<std::uint64_t> ids;
  const std::lock_guard lock(mutex_);
  const auto identifier = identifiers_.find(filter);
  if (identifier == identifiers_.end()) return ids;
  for (const auto& subscriber : filters_.at(identifier->second).subscribers) ids.push_back(subscriber.subscription);
  return ids;
}

void SubscriptionTable::asked(std::uint64_t subscription, const std::string& filter, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const auto identifier = identifiers_.find(filter);
  if (identifier == identifiers_.end()) return;  // taken back meanwhile
  auto& entry = filters_[identifier->second];
  const bool follows_another = entry.asked && now - *entry.asked < kRetainedBurst;
  entry.retained_for = follows_another ? 0 : subscription;
  entry.asked = now;
}

void SubscriptionTable::close_queues() {
  std::vector<std::shared_ptr<MessageQueue>> queues;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, subscription] : subscriptions_) queues.push_back(subscription.queue);
  }
  for (const auto& queue : queues) queue->close();
}

void SubscriptionTable::close_all() {
  std::vector<std::shared_ptr<MessageQueue>> queues;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [id, subscription] : subscriptions_) queues.push_back(std::move(subscription.queue));
    subscriptions_.clear();
    identifiers_.clear();
    filters_.clear();
    forget_topics();
  }
  for (const auto& queue : queues) {
    queue->close();
    queue->unsubscribed();
  }
}

FilterRequest SubscriptionTable::request_for(std::uint32_t identifier, const Filter& filter) {
  FilterRequest request{filter.text, identifier, 0, RetainHandling::do_not_send, filter.no_local};
  for (const auto& subscriber : filter.subscribers) {
    request.qos = std::max(request.qos, subscriber.qos);
    request.retain_handling = std::min(request.retain_handling, subscriber.retain_handling);
  }
  return request;
}

std::vector<FilterRequest> SubscriptionTable::filters_of(std::uint64_t subscription) const {
  std::vector<FilterRequest> requests;
  const std::lock_guard lock(mutex_);
  const auto found = subscriptions_.find(subscription);
  if (found == subscriptions_.end()) return requests;
  for (const auto& text : found->second.filters) {
    const auto identifier = identifiers_.find(text)->second;
    const auto& filter = filters_.at(identifier);
    requests.push_back(request_for(identifier, filter));
    const auto own = std::find_if(filter.subscribers.begin(), filter.subscribers.end(),
                                  [&](const auto& one) { return one.subscription == subscription; });
    requests.back().retain_handling = own->retain_handling;
  }
  return requests;
}

std::vector<FilterRequest> SubscriptionTable::all_filters() const {
  std::vector<FilterRequest> requests;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [identifier, filter] : filters_) requests.push_back(request_for(identifier, filter));
  }
  std::sort(requests.begin(), requests.end(),
            [](const FilterRequest& a, const FilterRequest& b) { return a.identifier < b.identifier; });
  return requests;
}

std::chrono::milliseconds SubscriptionTable::longest_block() const {
  std::chrono::milliseconds sum{0};
  const std::lock_guard lock(mutex_);
  for (const auto& [id, subscription] : subscriptions_) {
    const auto& limits = subscription.queue->limits();
    if (limits.policy == OverflowPolicy::block) sum += limits.block_timeout;
  }
  return sum;
}

bool SubscriptionTable::is_spooled() const {
  const std::lock_guard lock(mutex_);
  return std::any_of(subscriptions_.begin(), subscriptions_.end(),
                     [](const auto& entry) { return entry.second.queue->is_spooled(); });
}

int SubscriptionTable::highest_qos() const {
  int highest = 0;
  for (const auto& filter : all_filters()) highest = std::max(highest, filter.qos);
  return highest;
}

void SubscriptionTable::use_identifiers(bool use) {
  const std::lock_guard lock(mutex_);
  use_identifiers_ = use;
}

RoutingCounters SubscriptionTable::counters() const {
  const std::lock_guard lock(mutex_);
  return counters_;
}

void SubscriptionTable::route(const MessageView& message, std::span<const std::uint32_t> identifiers) noexcept {
  bool tell = false;
  {
    const std::lock_guard lock(mutex_);
    scratch_.clear();
    try {
      find_targets(message, identifiers);
    } catch (const std::bad_alloc&) {
      // What was found so far gets the message; with nothing found it counts as unmatched.
    }
    ++counters_.arrived;
    counters_.arrived_bytes += message.topic.size() + message.payload.size();
    if (!scratch_.empty()) {
      ++counters_.routed;
    } else if (hold(message)) {
      ++counters_.held;
    } else {
      ++counters_.unmatched;
      tell = !std::exchange(told_unmatched_, true);
    }
  }
  if (tell && unmatched_) unmatched_();
  // Without the lock: a queue with the policy `block` may wait here.
  bool taken = scratch_.empty();
  for (const auto& queue : scratch_) taken = queue->push(message) != PushResult::closed || taken;
  if (!taken) {  // the session ends
    const std::lock_guard lock(mutex_);
    --counters_.routed;
    ++counters_.unmatched;
  }
  scratch_.clear();
}

bool SubscriptionTable::hold(const MessageView& message) noexcept {
  if (!holding_) return false;
  const auto matches = [&](const auto& filter) { return topic_matches(without_share(filter), message.topic); };
  if (std::any_of(let_go_.begin(), let_go_.end(), matches) || !held_.hold(message)) return false;
  if (message.qos > 0) answer_gate_->shut();
  return true;
}

void SubscriptionTable::find_targets(const MessageView& message, std::span<const std::uint32_t> identifiers) {
  if (use_identifiers_ && !identifiers.empty()) {
    for (const auto identifier : identifiers) collect(identifier, message.retain);
  } else if (const auto* const known = cached_filters(message.topic); known != nullptr) {
    for (const auto identifier : *known) collect(identifier, message.retain);
  } else {
    for (const auto& [text, identifier] : identifiers_) {
      if (topic_matches(text, message.topic)) collect(identifier, message.retain);
    }
  }
}

void SubscriptionTable::collect(std::uint32_t identifier, bool retained) {
  const auto found = filters_.find(identifier);
  if (found == filters_.end()) return;
  const auto& filter = found->second;
  for (const auto& subscriber : filter.subscribers) {
    if (retained && filter.retained_for != 0 && filter.retained_for != subscriber.subscription) continue;
    if (std::find(scratch_.begin(), scratch_.end(), subscriber.queue) == scratch_.end()) {
      scratch_.push_back(subscriber.queue);
    }
  }
}

void SubscriptionTable::forget_topics() {
  topics_.clear();
  topics_bytes_ = 0;
}

std::size_t SubscriptionTable::cached_topic_bytes() const {
  const std::lock_guard lock(mutex_);
  return topics_bytes_;
}

// nullptr where it is not worth keeping.
const SubscriptionTable::FilterIds* SubscriptionTable::cached_filters(std::string_view topic) {
  if (const auto known = topics_.find(topic); known != topics_.end()) return &known->second;
  if (identifiers_.size() <= kFewFilters && topics_.size() >= kCachedTopicsOfFew) return nullptr;
  FilterIds matching;
  for (const auto& [text, identifier] : identifiers_) {
    if (topic_matches(text, topic)) matching.push_back(identifier);
  }
  constexpr std::size_t kNode = sizeof(void*) * 4 + sizeof(std::string) + sizeof(FilterIds);  // and its bucket
  const auto bytes = kNode + topic.size() + matching.capacity() * sizeof(std::uint32_t);
  if (topics_.size() >= kMaxCachedTopics || topics_bytes_ + bytes > kMaxCachedBytes) forget_topics();
  const auto& kept = topics_.emplace(std::string(topic), std::move(matching)).first->second;
  topics_bytes_ += bytes;
  return &kept;
}

}  // namespace honeyframe
