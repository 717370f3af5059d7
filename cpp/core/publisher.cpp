#include "publisher.h"

#include <algorithm>
#include <utility>

#include "publish_check.h"
#include "reason_codes.h"
#include "refusals.h"

namespace honeyframe {
namespace {

// Of ours at once; the broker's receive maximum may ask for fewer. One below it: Paho 1.3.12 may sleep for a second at
// the edge.
constexpr std::size_t kMaxUnacknowledged = 100;
// Topics of QoS 0 that are remembered as possible culprits.
constexpr std::size_t kMaxRemembered = 1'000;
// How long the reason why Paho gave a message up may take to arrive.
constexpr std::chrono::milliseconds kLossNotice{1'000};

std::size_t window(const Connack& connack) {
  if (!connack.receive_maximum) return kMaxUnacknowledged;
  return std::clamp<std::size_t>(*connack.receive_maximum - std::size_t{1}, 1, kMaxUnacknowledged);
}

// Of messages and rows together.
std::size_t most_unacknowledged(const Connack& connack) {
  if (!connack.receive_maximum) return RowSender::kMostInFlight;
  return std::clamp<std::size_t>(*connack.receive_maximum - std::size_t{1}, 1, RowSender::kMostInFlight);
}

}  // namespace

Status Publisher::check_limits(const PublishRequest& message) const {
  const auto size = packet_size(message);
  if (connack_.maximum_packet_size && size > *connack_.maximum_packet_size) {
    return Status(ErrorCode::packet_too_large, "the message to '" + message.topic + "' makes a packet of " +
                                                   std::to_string(size) + " bytes; the broker takes at most " +
                                                   std::to_string(*connack_.maximum_packet_size))
        .with_hint("split the payload, or compress it");
  }
  if (connack_.maximum_qos && message.qos > static_cast<int>(*connack_.maximum_qos)) {
    return Status(ErrorCode::invalid_argument,
                  "the broker takes messages of QoS " + std::to_string(*connack_.maximum_qos) +
                      " at most; the message to '" + message.topic + "' has QoS " + std::to_string(message.qos));
  }
  const auto& properties = message.properties;
  if (client_ != nullptr && client_->protocol() != ProtocolVersion::v5_0 &&
      (message.message_expiry_s || !properties.content_type.empty() || !properties.response_topic.empty() ||
       !properties.correlation_data.empty() || !properties.user_properties.empty())) {
    return Status(ErrorCode::invalid_argument,
                  "the message to '" + message.topic +
                      "' has properties, which exist in MQTT 5 only; this broker speaks an older version");
  }
  if (message.retain && !connack_.retain_available) {
    return Status(ErrorCode::invalid_argument,
                  "the broker keeps no retained messages; publish to '" + message.topic + "' without retain");
  }
  return {};
}

void Publisher::publish(PublishRequest message, OperationPtr operation) {
  if (auto status = check_limits(message); !status.ok()) return operation->complete(std::move(status));
  if (outbox_.size() >= kMaxWaiting ||
      outbox_bytes_ + message.payload.size() > std::max(kMaxWaitingBytes, message.payload.size())) {
    return operation->complete(
        Status(ErrorCode::connection_lost, std::to_string(outbox_.size()) +
                                               " messages wait to be sent already; the message to '" + message.topic +
                                               "' was not taken")
            .with_hint("wait for the connection to come back, or publish more slowly"));
  }
  outbox_bytes_ += message.payload.size();
  outbox_.push_back({std::move(message), std::move(operation)});
  pump();
}

void Publisher::connected(PahoClient& client, const Connack& connack) {
  client_ = &client;
  connack_ = connack;
  sent_without_ack_.clear();
  for (auto& [request, outgoing] : in_flight_) outgoing.sent = Clock::now();  // Paho repeats these
  pump();
}

void Publisher::publish_rows(std::shared_ptr<RowPublisher> rows) {
  const auto& request = rows->request();
  PublishRequest message{rows->topic().text(),    {}, request.qos, request.retain, request.properties,
                         request.message_expiry_s};
  if (auto status = check_limits(message); !status.ok()) return rows->end(std::move(status));
  rows_.add(std::move(rows));
  pump();
}

void Publisher::pump() {
  pump_messages();
  pump_rows();
}

void Publisher::pump_rows() {
  if (client_ == nullptr || rows_.idle()) return;
  const auto most = most_unacknowledged(connack_);
  const auto check = [](const void* self, const PublishRequest& message) {
    return static_cast<const Publisher*>(self)->check_limits(message);
  };
  const auto sent = rows_.pump(*client_, most - std::min(most, unacknowledged_), check, this);
  rows_again_ = sent.again;
  if (sent.without_ack) {
    // Of rows that go to many topics the first may do well and a later one be denied: the whole stays suspect.
    for (const auto topic : rows_.topics_without_ack()) {
      sent_without_ack_.erase(std::string(topic));
      remember_without_ack(std::string(topic), Clock::now());
    }
  }
}

void Publisher::on_published(std::span<const std::uint32_t> requests) {
  rows_.settle(requests);
  pump();
}

void Publisher::remember_without_ack(const std::string& topic, Clock::time_point sent) {
  if (sent_without_ack_.size() >= kMaxRemembered) sent_without_ack_.clear();
  const auto [known, is_new] = sent_without_ack_.try_emplace(topic, Sent{sent, sent});
  if (!is_new) known->second.last = sent;
}

void Publisher::pump_messages() {
  while (client_ != nullptr && !outbox_.empty()) {
    auto& next = outbox_.front();
    const bool acknowledged = next.message.qos > 0;
    if (acknowledged && (unacknowledged_ >= window(connack_) ||
                         unacknowledged_ + rows_.unacknowledged() >= most_unacknowledged(connack_))) {
      return;
    }
    if (next.message.qos == 2 && client_->protocol() != ProtocolVersion::v5_0 &&
        unacknowledged_ + rows_.unacknowledged() >= RowSender::kMaxUnannounced) {
      return;
    }
    if (auto status = check_limits(next.message); !status.ok()) {  // taken before CONNACK told the limits
      next.operation->complete(std::move(status));
    } else {
      const auto request = next_request_();
      auto sent = client_->publish(next.message, request);
      if (!sent.ok() && sent.status().code() == ErrorCode::connection_lost) return;  // lost() follows
      if (sent.ok() && !sent.value()) return;                                        // tick() comes back
      if (!sent.ok()) {
        next.operation->complete(sent.status());
      } else {
        next.sent = Clock::now();
        if (!acknowledged) {
          remember_without_ack(next.message.topic, next.sent);
          published_.fetch_add(1, std::memory_order_relaxed);
          next.operation->complete({}, {0});
        }
        outbox_bytes_ -= next.message.payload.size();
        if (!acknowledged) next.message.payload.clear();  // Paho has its copy
        unacknowledged_ += acknowledged ? 1 : 0;
        in_flight_.emplace(request, std::move(next));
        outbox_.pop_front();
        continue;
      }
    }
    outbox_bytes_ -= next.message.payload.size();
    outbox_.pop_front();
  }
}

bool Publisher::on_reply(std::uint32_t request, const PahoReply& reply) {
  if ((request & kGatheredRequest) != 0) {
    if (reply.code >= 0x80) last_refusal_ = Refusal{reply.code, Clock::now()};
    if (const auto news = rows_.refuse(request, reply); !news.ok()) refused_(news, false);
    pump();
    return true;
  }
  const auto found = in_flight_.find(request);
  if (found == in_flight_.end()) return false;
  auto& outgoing = found->second;
  if (!reply.ok && reply.code < 0x80 && outgoing.message.qos > 0) {
    given_up_ += outgoing.given_up_by_paho ? 0 : 1;
    outgoing.given_up_by_paho = true;  // because the connection went, as a rule: lost() knows more
    outgoing.sent = Clock::now();
    return true;
  }
  if (outgoing.message.qos > 0) {
    --unacknowledged_;
    if (reply.ok) {
      published_.fetch_add(1, std::memory_order_relaxed);
      suspected_at_last_close_.erase(outgoing.message.topic);
      outgoing.operation->complete({}, {reply.code});
    } else {
      refuse(outgoing, reply.code, reply.reason_string);
    }
  }
  in_flight_.erase(found);
  pump();
  return true;
}

void Publisher::refuse(Outgoing& outgoing, int code, const std::string& reason) {
  auto status = status_for_puback(code, outgoing.message.topic, reason);
  last_refusal_ = Refusal{code, Clock::now()};
  refused_(status, false);
  outgoing.operation->complete(std::move(status), {code});
}

bool Publisher::refused_lately(int code) const {
  return last_refusal_ && last_refusal_->code == code && Clock::now() - last_refusal_->time < kDenialWindow;
}

bool Publisher::tick() {
  rows_.tick();
  pump();
  bool again = client_ != nullptr && !outbox_.empty() && unacknowledged_ < window(connack_);
  again = again || rows_.needs_tick() || (client_ != nullptr && rows_again_);
  if (given_up_ == 0) return again;
  const auto now = Clock::now();
  for (auto entry = in_flight_.begin(); entry != in_flight_.end();) {
    auto& outgoing = entry->second;
    if (!outgoing.given_up_by_paho || now - outgoing.sent < kLossNotice) {
      ++entry;
      continue;
    }
    --unacknowledged_;
    --given_up_;
    settle_lost(outgoing);
    entry = in_flight_.erase(entry);
  }
  return again || given_up_ > 0;
}

// QoS 1 is sent once more on the next connection. QoS 2 is not: the broker may have it, and has forgotten that it does.
void Publisher::settle_lost(Outgoing& outgoing) {
  if (outgoing.message.qos == 1 && !outgoing.repeated) {
    outgoing.repeated = true;
    outgoing.given_up_by_paho = false;
    outbox_bytes_ += outgoing.message.payload.size();
    outbox_.push_front(std::move(outgoing));
    return;
  }
  outgoing.operation->complete(
      Status(ErrorCode::connection_lost, "the connection was lost before the broker acknowledged the message to '" +
                                             outgoing.message.topic + "'; it may have arrived")
          .with_hint("publish it again if a second copy does no harm"));
}

std::unordered_set<std::string> Publisher::suspects() const {
  std::unordered_set<std::string> topics;
  const auto now = Clock::now();
  for (const auto& [request, outgoing] : in_flight_) {
    if (outgoing.message.qos > 0 && now - outgoing.sent < kDenialWindow) topics.insert(outgoing.message.topic);
  }
  std::vector<std::string_view> of_rows;
  rows_.add_suspects(now - kDenialWindow, of_rows);
  for (const auto topic : of_rows) topics.emplace(topic);
  // Where an earlier message to the topic survived, this one was not denied either.
  for (const auto& [topic, sent] : sent_without_ack_) {
    if (now - sent.last < kDenialWindow && now - sent.first < kDenialWindow) topics.insert(topic);
  }
  return topics;
}

Status Publisher::refusal(int code, const std::string& reason) const {
  const auto topics = suspects();
  return status_for_disconnect_on_publish({topics.begin(), topics.end()}, code, reason);
}

std::optional<Status> Publisher::lost(const Loss& loss) {
  client_ = nullptr;
  const auto suspected = suspects();
  std::optional<Status> verdict;
  if (loss.refusal) {
    verdict = *loss.refusal;
  } else if (loss.names_no_reason) {
    std::vector<std::string> twice;
    for (const auto& topic : suspected) {
      if (suspected_at_last_close_.contains(topic)) twice.push_back(topic);
    }
    if (!twice.empty()) {
      verdict = status_for_close_on_publish(std::move(twice));
    }
    suspected_at_last_close_ = suspected;
  }
  const auto is_culprit = [&](const std::string& topic) {
    const auto& named = verdict->subjects();
    return std::find(named.begin(), named.end(), topic) != named.end();
  };
  bool carried = false;
  std::vector<Outgoing> unfinished;
  for (auto entry = in_flight_.begin(); entry != in_flight_.end();) {
    auto& outgoing = entry->second;
    if (outgoing.message.qos > 0 && loss.kept_by_paho && !outgoing.given_up_by_paho && !verdict) {
      ++entry;
      continue;
    }
    if (outgoing.message.qos > 0) unfinished.push_back(std::move(outgoing));
    entry = in_flight_.erase(entry);
  }
  unacknowledged_ = in_flight_.size();
  given_up_ = 0;
  std::sort(unfinished.begin(), unfinished.end(), [](const Outgoing& a, const Outgoing& b) { return a.sent > b.sent; });
  for (auto& outgoing : unfinished) {
    if (verdict && is_culprit(outgoing.message.topic)) {
      outgoing.operation->complete(*verdict);
      carried = true;
    } else {
      settle_lost(outgoing);
    }
  }
  const bool rows_are_kept = loss.kept_by_paho && !verdict;
  carried = rows_.lost(verdict ? *verdict : loss.cause, rows_are_kept) || carried;
  sent_without_ack_.clear();
  if (verdict && !suspected.empty()) refused_(*verdict, !carried);
  return loss.refusal ? std::nullopt : verdict;
}

void Publisher::fail_all(const Status& status) {
  client_ = nullptr;
  rows_.fail_all(status);
  for (auto& outgoing : outbox_) outgoing.operation->complete(status);
  for (auto& [request, outgoing] : in_flight_) outgoing.operation->complete(status);
  outbox_.clear();
  outbox_bytes_ = 0;
  in_flight_.clear();
  unacknowledged_ = given_up_ = 0;
}

}  // namespace honeyframe
