#include "subscriber.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <unordered_set>
#include <utility>

#include "reason_codes.h"
#include "refusals.h"
#include "utf8.h"

namespace honeyframe {
namespace {

constexpr int kDenied = 0x80;

std::vector<std::string> names_of(const std::vector<FilterRequest>& filters) {
  std::vector<std::string> names;
  for (const auto& filter : filters) names.push_back(filter.filter);
  return names;
}

// The first one's, naming all.
template <typename Denials>
Status status_of(const Denials& denials) {
  std::vector<std::string> filters;
  for (const auto& denial : denials) filters.push_back(denial.filter);
  return naming_all(denials.front().status, std::move(filters));
}

}  // namespace

void Subscriber::subscribe(std::uint64_t subscription, OperationPtr operation) {
  auto pending = std::make_shared<Pending>();
  pending->operation = std::move(operation);
  pending->subscription = subscription;
  pending->filters = table_.filters_of(subscription);
  if (pending->filters.empty()) {  // unsubscribed before its turn came
    return pending->operation->complete(
        Status(ErrorCode::closed, "the subscription was taken back before it was sent"));
  }
  waiting_.push_back(pending);
  send(pending);
}

void Subscriber::send(const PendingPtr& pending) {
  pending->codes.assign(pending->filters.size(), kDenied);
  pending->reasons.assign(pending->filters.size(), {});
  pending->unanswered = pending->filters.size();
  if (client_ == nullptr) return;
  pending->sent = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < pending->filters.size(); ++i) {
    const auto request = next_request_();
    requests_.emplace(request, Request{pending, i, nullptr, {}});
    table_.asked(pending->subscription, pending->filters[i].filter);
    // A failure here means that the connection is gone: lost() follows.
    static_cast<void>(client_->subscribe(pending->filters[i], identify_, request));
  }
}

bool Subscriber::on_reply(std::uint32_t number, const PahoReply& reply) {
  const auto found = requests_.find(number);
  if (found == requests_.end()) return false;
  if (!reply.ok && reply.code < kDenied) return true;  // the connection went: lost() follows
  const auto request = std::move(found->second);
  requests_.erase(found);
  if (request.unsubscribing != nullptr) {
    if (request.unsubscribing.use_count() == 1) (*request.unsubscribing)->complete({});
    return true;
  }
  request.pending->codes[request.index] = reply.code;
  request.pending->reasons[request.index] = reply.reason_string;
  if (--request.pending->unanswered == 0) finish(request.pending);
  return true;
}

void Subscriber::finish(const PendingPtr& pending) {
  std::erase(waiting_, pending);
  std::vector<Denial> denials;
  for (std::size_t i = 0; i < pending->filters.size(); ++i) {
    const int code = pending->codes[i];
    const auto& [filter, identifier, asked, retain_handling, no_local] = pending->filters[i];
    if (code >= 0 && code < asked) {
      lowered_(in_quotes(filter) + ": asked for QoS " + std::to_string(asked) + ", the broker grants QoS " +
               std::to_string(code));
    }
    if (code >= 0 && code <= 2) continue;
    denials.push_back({filter, status_for_suback(code < kDenied ? kDenied : code, filter, pending->reasons[i])});
  }
  if (pending->operation == nullptr) return finish_renewal(pending->filters.size(), denials);
  if (!denials.empty()) return deny(pending, status_of(denials));
  pending->operation->complete({}, pending->codes);
}

void Subscriber::deny(const PendingPtr& pending, Status status) {
  refused_(status);
  release(table_.remove(pending->subscription), nullptr);
  pending->operation->complete(std::move(status), pending->codes);
}

void Subscriber::finish_renewal(std::size_t filters, const std::vector<Denial>& denials) {
  renewing_ = false;
  closes_while_renewing_ = 0;
  if (!denials.empty()) {
    refused_(status_of(denials));
    end_streams(denials);
  }
  if (filters > denials.size()) resubscribed_(filters - denials.size());
}

// A subscription that still waits for an answer of its own gets that.
void Subscriber::end_streams(const std::vector<Denial>& denials) {
  std::map<std::uint64_t, std::vector<Denial>> ended;
  for (const auto& denial : denials) {
    for (const auto subscription : table_.subscribers_of(denial.filter)) ended[subscription].push_back(denial);
  }
  for (const auto& pending : waiting_) ended.erase(pending->subscription);
  for (const auto& [subscription, why] : ended) release(table_.revoke(subscription, status_of(why)), nullptr);
}

void Subscriber::unsubscribe(std::uint64_t subscription, OperationPtr operation) {
  take_back(subscription);
  release(table_.remove(subscription), std::move(operation));
}

void Subscriber::detach(std::uint64_t subscription) {
  take_back(subscription);
  static_cast<void>(table_.remove(subscription));
}

// Where nobody has answered its SUBSCRIBE yet.
void Subscriber::take_back(std::uint64_t subscription) {
  const auto pending = std::find_if(waiting_.begin(), waiting_.end(),
                                    [&](const auto& one) { return one->subscription == subscription; });
  if (pending != waiting_.end()) {
    (*pending)->operation->complete(
        Status(ErrorCode::closed, "the subscription was taken back before the broker answered"));
    std::erase_if(requests_, [&](const auto& entry) { return entry.second.pending == *pending; });
    waiting_.erase(pending);
  }
}

void Subscriber::release(const std::vector<std::string>& filters, OperationPtr operation) {
  if (client_ == nullptr) stale_.insert(stale_.end(), filters.begin(), filters.end());
  if (client_ == nullptr || filters.empty()) {
    if (operation != nullptr) operation->complete({});
    return;
  }
  const auto shared =
      std::make_shared<OperationPtr>(operation != nullptr ? std::move(operation) : std::make_shared<Operation>());
  for (const auto& filter : filters) {
    const auto request = next_request_();
    requests_.emplace(request, Request{nullptr, 0, shared, filter});
    static_cast<void>(client_->unsubscribe(filter, request));
  }
}

void Subscriber::connected(PahoClient& client, bool identify, bool session_is_new) {
  client_ = &client;
  identify_ = identify;
  const auto stale = std::exchange(stale_, {});
  if (!session_is_new) release_unwanted(stale);
  if (session_is_new || renewing_) renew();
  for (const auto& pending : std::deque(waiting_)) send(pending);
}

void Subscriber::release_unwanted(const std::vector<std::string>& stale) {
  std::unordered_set<std::string> wanted;
  for (const auto& filter : table_.all_filters()) wanted.insert(filter.filter);
  std::vector<std::string> unwanted;
  std::copy_if(stale.begin(), stale.end(), std::back_inserter(unwanted),
               [&](const auto& filter) { return !wanted.contains(filter); });
  release(unwanted, nullptr);
}

void Subscriber::renew() {
  std::unordered_set<std::string> waited_for;
  for (const auto& pending : waiting_) {
    for (const auto& filter : pending->filters) waited_for.insert(filter.filter);
  }
  auto pending = std::make_shared<Pending>();
  for (auto& filter : table_.all_filters()) {
    if (waited_for.contains(filter.filter)) continue;
    // The session is new, so a retained message may have changed while we were away.
    filter.retain_handling = std::max(filter.retain_handling, RetainHandling::send_if_new);
    pending->filters.push_back(std::move(filter));
  }
  renewing_ = !pending->filters.empty();
  if (renewing_) waiting_.push_front(pending);
}

std::optional<Status> Subscriber::lost(const Loss& loss) {
  client_ = nullptr;
  std::vector<PendingPtr> unanswered;
  std::vector<OperationPtr> unsubscribed;
  for (const auto& [number, request] : requests_) {
    if (request.unsubscribing != nullptr) {
      unsubscribed.push_back(*request.unsubscribing);
      stale_.push_back(request.unwanted);  // it may never have arrived
    }
    if (request.pending != nullptr &&
        std::find(unanswered.begin(), unanswered.end(), request.pending) == unanswered.end()) {
      unanswered.push_back(request.pending);
    }
  }
  requests_.clear();
  for (const auto& operation : unsubscribed) operation->complete({});  // out of the table, so it will not be renewed
  std::optional<Status> verdict;
  const auto now = std::chrono::steady_clock::now();
  for (const auto& pending : unanswered) {
    const bool suspicious = loss.names_no_reason && now - pending->sent < kDenialWindow;
    const auto denial = [&] {
      return loss.refusal ? *loss.refusal : status_for_close_on_subscribe(names_of(pending->filters));
    };
    if (pending->operation == nullptr) {  // a renewal
      std::erase(waiting_, pending);      // connected() makes a new one
      if ((loss.refusal || suspicious) && ++closes_while_renewing_ >= 2) verdict = denial();
    } else if (loss.refusal || (suspicious && (loss.closing_is_denying || ++pending->closes >= 2))) {
      std::erase(waiting_, pending);
      deny(pending, denial());
    }
  }
  return verdict;
}

void Subscriber::fail_all(const Status& status) {
  client_ = nullptr;
  for (const auto& [number, request] : requests_) {
    if (request.unsubscribing != nullptr) (*request.unsubscribing)->complete({});
  }
  for (const auto& pending : waiting_) {
    if (pending->operation != nullptr) pending->operation->complete(status);
  }
  requests_.clear();
  waiting_.clear();
  stale_.clear();
}

}  // namespace honeyframe
