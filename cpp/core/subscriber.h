#pragma once

// Subscriber: sends SUBSCRIBE and UNSUBSCRIBE, checks every code that comes back, and renews the subscriptions on a new
// connection. Control thread only; the filters themselves live in the SubscriptionTable.
//
// A closed connection is taken for a denial only where a broker has no other voice: before MQTT 5, and right after the
// SUBSCRIBE left. MQTT 5 brokers deny in SUBACK or in DISCONNECT.

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "paho_client.h"
#include "session.h"
#include "subscription_table.h"

namespace honeyframe {

class Subscriber {
 public:
  // A broker that denies a SUBSCRIBE by closing does so at once: later closes are losses like any other.
  static constexpr std::chrono::seconds kDenialWindow{5};

  using NextRequest = std::function<std::uint32_t()>;
  // Tells the session of a refusal. An operation carries it, or, where the session itself renewed, the end of the
  // streams that named the filter.
  using Refused = std::function<void(const Status& status)>;
  using Resubscribed = std::function<void(std::size_t filters)>;
  // The broker granted a lower QoS than was asked for: which filter, and both.
  using Lowered = std::function<void(std::string detail)>;

  Subscriber(SubscriptionTable& table, NextRequest next_request, Refused refused, Resubscribed resubscribed,
             Lowered lowered)
      : table_(table),
        next_request_(std::move(next_request)),
        refused_(std::move(refused)),
        resubscribed_(std::move(resubscribed)),
        lowered_(std::move(lowered)) {}

  // `subscription` is in the table already.
  void subscribe(std::uint64_t subscription, OperationPtr operation);
  // Takes it out of the table; done when the broker has let go of the filters that nobody else wants.
  void unsubscribe(std::uint64_t subscription, OperationPtr operation);
  // Takes it out of the table, and leaves it with the broker.
  void detach(std::uint64_t subscription);

  // `session_is_new`: the broker has no session of ours, so everything is subscribed again. So it is where the last
  // renewal was cut off: then the session that the broker resumes may be an empty one. `client` stays valid until
  // lost() or fail_all().
  void connected(PahoClient& client, bool identify, bool session_is_new);
  // False where the request is not ours.
  bool on_reply(std::uint32_t request, const PahoReply& reply);

  struct Loss {
    bool names_no_reason = false;     // a 3.x broker closed
    bool closing_is_denying = false;  // MQTT 3.1: the only way a broker can deny
    std::optional<Status> refusal;    // the broker's DISCONNECT, where it is about a subscription
  };
  // The connection is gone. A status: stop, for the filters we hold are denied (subscribe_denied).
  [[nodiscard]] std::optional<Status> lost(const Loss& loss);
  void fail_all(const Status& status);
  [[nodiscard]] bool awaits_answer() const { return !requests_.empty(); }

 private:
  struct Pending {
    OperationPtr operation;  // null where the session itself renews
    std::uint64_t subscription = 0;
    std::vector<FilterRequest> filters;
    std::vector<int> codes;
    std::vector<std::string> reasons;
    std::size_t unanswered = 0;
    std::chrono::steady_clock::time_point sent{};
    int closes = 0;  // connections that a 3.x broker closed instead of answering
  };
  using PendingPtr = std::shared_ptr<Pending>;
  struct Request {
    PendingPtr pending;  // of a SUBSCRIBE
    std::size_t index = 0;
    std::shared_ptr<OperationPtr> unsubscribing;  // of an UNSUBSCRIBE: completed when the last of its requests lets go
    std::string unwanted;                         // of an UNSUBSCRIBE: its filter
  };

  void renew();
  void release_unwanted(const std::vector<std::string>& stale);
  void send(const PendingPtr& pending);
  void finish(const PendingPtr& pending);
  void deny(const PendingPtr& pending, Status status);
  struct Denial {
    std::string filter;
    Status status;
  };
  void finish_renewal(std::size_t filters, const std::vector<Denial>& denials);
  void end_streams(const std::vector<Denial>& denials);
  void take_back(std::uint64_t subscription);
  void release(const std::vector<std::string>& filters, OperationPtr operation);

  SubscriptionTable& table_;
  NextRequest next_request_;
  Refused refused_;
  Resubscribed resubscribed_;
  Lowered lowered_;
  PahoClient* client_ = nullptr;
  bool identify_ = false;
  std::deque<PendingPtr> waiting_;  // every one that has no full answer yet, sent or not
  std::unordered_map<std::uint32_t, Request> requests_;
  std::vector<std::string> stale_;  // unwanted, but a broker that kept our session still holds them
  bool renewing_ = false;           // from the start of a renewal until every filter has its answer
  int closes_while_renewing_ = 0;
};

}  // namespace honeyframe
