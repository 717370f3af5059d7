#include "row_sender.h"

#include <algorithm>

#include "reason_codes.h"

namespace honeyframe {
namespace {

// Rows that make no message, before others get their turn.
constexpr std::size_t kMaxInvalid = 1'000;
// How long lost() may take to say why Paho gave a message up, and Paho to tell that it has written one of QoS 0 (under
// back pressure it forgets to).
constexpr std::chrono::milliseconds kPatience{1'000};
constexpr std::string_view kNoAnswer = "the broker had not acknowledged it; it may have arrived";
constexpr std::string_view kNotWritten = "it had not been written to the connection yet";

}  // namespace

RowSender::Job::Job(std::shared_ptr<RowPublisher> rows) : publisher(std::move(rows)) {
  const auto& request = publisher->request();
  message.qos = request.qos;
  message.retain = request.retain;
  message.properties = request.properties;
  message.message_expiry_s = request.message_expiry_s;
}

std::size_t RowSender::limit(const Job& job, const PahoClient& client, std::size_t room) const noexcept {
  const auto asked = job.publisher->request().max_in_flight;
  const bool is_unannounced = job.message.qos == 2 && client.protocol() != ProtocolVersion::v5_0;
  const auto most = asked > 0 ? std::min(asked, kMostInFlight) : is_unannounced ? kMaxUnannounced : kMaxInFlight;
  return job.message.qos == 0 ? most : std::min(most, std::max<std::size_t>(room / jobs_.size(), 1));
}

RowSender::Sent RowSender::pump(PahoClient& client, std::size_t room, Check check, const void* context) {
  Sent sent;
  end_finished();
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    Job& job = *jobs_[(turn_ + i) % jobs_.size()];
    const auto most = limit(job, client, room);
    std::size_t invalid = 0;
    while (job.ending.ok() && job.in_flight < most && (job.message.qos == 0 || unacknowledged_ < room)) {
      if (!job.is_written && !write_next(job, check, context)) break;
      if (job.is_written) {
        if (!send(job, client, sent)) break;
      } else if (++invalid == kMaxInvalid) {
        sent.again = true;
        break;
      }
    }
    report(job);
  }
  ++turn_;
  end_finished();
  return sent;
}

// The next row into job.message, or among the refusals; false where there is none for now.
bool RowSender::write_next(Job& job, Check check, const void* context) {
  while (job.batch.rows == nullptr || job.next == job.batch.rows->rows()) {
    job.batch = {};
    job.next = 0;
    const auto supply = job.publisher->take(job.batch);
    if (supply == RowPublisher::Supply::finished) job.is_finished = true;
    if (supply != RowPublisher::Supply::batch) return false;
  }
  auto& message = job.message;
  message.topic.clear();
  message.payload.clear();
  auto& faults = job.batch.faults;
  const bool is_faulty = job.batch.next_fault < faults.size() && faults[job.batch.next_fault].first == job.next;
  auto why = is_faulty ? std::move(faults[job.batch.next_fault++].second)
                       : job.batch.messages->write(*job.batch.rows, job.next, message.topic, message.payload);
  ++job.next;
  if (why.empty()) {
    const auto status = check(context, message);
    if (!status.ok()) why = status.message();
  } else {
    message.topic.clear();  // half of one
  }
  job.is_written = why.empty();
  if (!job.is_written) {
    job.refusals.push_back({job.tried++, RowRefusal::Outcome::invalid, std::nullopt, message.topic, std::move(why)});
  }
  return true;
}

bool RowSender::send(Job& job, PahoClient& client, Sent& sent) {
  const auto request = take_slot(job);
  auto& slot = *find(request);
  const auto taken = client.publish(job.message, request);
  if (taken.ok() && taken.value()) {
    job.is_written = false;
    job.has_started = true;
    ++job.tried;
    sent.without_ack = sent.without_ack || job.message.qos == 0;
    return true;
  }
  free_slot(slot);
  if (taken.ok()) {
    sent.again = true;
    return false;
  }
  if (taken.status().code() == ErrorCode::connection_lost) return false;  // lost() follows
  job.is_written = false;
  job.refusals.push_back(
      {job.tried++, RowRefusal::Outcome::invalid, std::nullopt, job.message.topic, taken.status().message()});
  return true;
}

std::uint32_t RowSender::take_slot(Job& job) {
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint16_t>(slots_.size()));
    slots_.emplace_back();
  }
  const auto index = free_.back();
  free_.pop_back();
  auto& slot = slots_[index];
  slot.job = &job;
  slot.is_taken = true;
  slot.is_acknowledged = job.message.qos > 0;
  slot.row = job.tried;
  slot.sent = Clock::now();
  slot.topic = job.message.topic;
  if (job.in_flight++ == 0) job.last_answer = slot.sent;
  ++in_flight_;
  unacknowledged_ += slot.is_acknowledged ? 1 : 0;
  return kGatheredRequest | static_cast<std::uint32_t>(slot.generation) << 16 | index;
}

RowSender::Slot* RowSender::find(std::uint32_t request) noexcept {
  const std::size_t index = request & 0xFFFF;
  if ((request & kGatheredRequest) == 0 || index >= slots_.size()) return nullptr;
  auto& slot = slots_[index];
  return slot.is_taken && slot.generation == (request & ~kGatheredRequest) >> 16 ? &slot : nullptr;
}

void RowSender::free_slot(Slot& slot) {
  if (slot.job != nullptr) --slot.job->in_flight;
  --in_flight_;
  unacknowledged_ -= slot.is_acknowledged ? 1 : 0;
  slot.job = nullptr;
  slot.is_taken = false;
  slot.generation = static_cast<std::uint16_t>((slot.generation + 1) & 0x7FFF);  // an answer that is late finds nobody
  free_.push_back(static_cast<std::uint16_t>(&slot - slots_.data()));
}

void RowSender::settle(std::span<const std::uint32_t> requests) {
  const auto now = Clock::now();
  for (const auto request : requests) {
    auto* const slot = find(request);
    if (slot == nullptr) continue;
    if (slot->job != nullptr) {
      ++slot->job->published;
      published_.fetch_add(1, std::memory_order_relaxed);
      slot->job->last_answer = now;
    }
    free_slot(*slot);
  }
  for (const auto& job : jobs_) report(*job);
  end_finished();
}

Status RowSender::refuse(std::uint32_t request, const PahoReply& reply) {
  auto* const slot = find(request);
  if (slot == nullptr) return {};
  Status news;
  if (Job* const job = slot->job; job != nullptr) {
    if (reply.code >= 0x80) {
      if (!std::exchange(job->told, true)) news = status_for_puback(reply.code, slot->topic, reply.reason_string);
      job->refusals.push_back(
          {slot->row, RowRefusal::Outcome::refused, reply.code, std::move(slot->topic), reply.reason_string});
    } else {  // because the connection went, as a rule: lost() knows more
      if (job->ending.ok()) job->ending = Status(ErrorCode::connection_lost, "the connection was lost");
      job->awaits_loss = true;
      job->given_up.push_back({slot->row, RowRefusal::Outcome::unacknowledged, std::nullopt, std::move(slot->topic),
                               std::string(slot->is_acknowledged ? kNoAnswer : kNotWritten)});
    }
    job->last_answer = Clock::now();
    report(*job);
  }
  free_slot(*slot);
  end_finished();
  return news;
}

void RowSender::tick() {
  const auto now = Clock::now();
  for (auto& slot : slots_) {
    if (slot.job == nullptr || slot.is_acknowledged || now - slot.job->last_answer < kPatience) continue;
    ++slot.job->published;
    published_.fetch_add(1, std::memory_order_relaxed);
    free_slot(slot);
  }
  for (const auto& job : jobs_) report(*job);
  end_finished();
}

bool RowSender::needs_tick() const noexcept {
  return in_flight_ > 0 || std::any_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return job->awaits_loss; });
}

void RowSender::report(Job& job) {
  job.publisher->add(job.tried, std::exchange(job.published, 0), job.refusals);
}

void RowSender::give_up(Job& job, std::string_view why, std::optional<int> code, bool keep_slots) {
  for (auto& refusal : std::exchange(job.given_up, {})) {
    refusal.reason_code = code;
    if (!why.empty()) refusal.reason.insert(0, std::string(why) += "; ");
    job.refusals.push_back(std::move(refusal));
  }
  for (auto& slot : slots_) {
    if (slot.job != &job) continue;
    std::string reason(slot.is_acknowledged ? why : std::string_view());
    if (!reason.empty()) reason += "; ";
    reason += slot.is_acknowledged ? kNoAnswer : kNotWritten;
    job.refusals.push_back(
        {slot.row, RowRefusal::Outcome::unacknowledged, code, std::move(slot.topic), std::move(reason)});
    if (keep_slots) {  // until Paho's answer comes, it counts among what the broker takes
      slot.job = nullptr;
      --job.in_flight;
    } else {
      free_slot(slot);
    }
  }
}

void RowSender::end(Job& job, Status error) {
  give_up(job, {}, std::nullopt, true);  // where that has not been done with a better reason
  report(job);
  job.publisher->end(std::move(error));
  std::erase_if(jobs_, [&](const auto& other) { return other.get() == &job; });
}

void RowSender::end_finished() {
  for (std::size_t i = 0; i < jobs_.size();) {
    Job& job = *jobs_[i];
    auto stopped = job.publisher->stopped();
    if (!stopped.ok()) {
      give_up(job, {}, std::nullopt, true);
      end(job, std::move(stopped));
    } else if (job.in_flight == 0 && job.ending.ok() && job.is_finished && !job.is_written) {
      end(job, {});
    } else if (job.in_flight == 0 && !job.ending.ok() &&
               (!job.awaits_loss || Clock::now() - job.last_answer >= kPatience)) {
      end(job, job.ending);
    } else {
      ++i;
    }
  }
}

bool RowSender::lost(const Status& cause, bool kept) {
  bool told = false;
  for (std::size_t i = 0; i < jobs_.size();) {
    Job& job = *jobs_[i];
    if (!job.has_started) {  // it waits for the next connection
      ++i;
      continue;
    }
    give_up(job, kept ? "it is repeated when the session goes on" : "", cause.reason_code(), kept);
    end(job, cause);
    told = true;
  }
  for (auto& slot : slots_) {
    if (slot.is_taken && !kept) free_slot(slot);
  }
  return told;
}

void RowSender::fail_all(const Status& status) {
  while (!jobs_.empty()) {
    give_up(*jobs_.front(), {}, std::nullopt, false);
    end(*jobs_.front(), status);
  }
  for (auto& slot : slots_) {
    if (slot.is_taken) free_slot(slot);
  }
}

void RowSender::wind_up(const Status& status) {
  for (const auto& job : jobs_) {
    if (!job->is_finished || job->is_written) job->ending = status;
  }
  end_finished();
}

void RowSender::add_suspects(Clock::time_point then, std::vector<std::string_view>& topics) const {
  for (const auto& slot : slots_) {
    if (slot.is_taken && slot.is_acknowledged && slot.sent >= then) topics.push_back(slot.topic);
  }
  for (const auto& job : jobs_) {
    for (const auto& refusal : job->given_up) topics.push_back(refusal.topic);
  }
}

std::vector<std::string_view> RowSender::topics_without_ack() const {
  std::vector<std::string_view> topics;
  for (const auto& job : jobs_) {
    if (job->message.qos == 0 && job->has_started) topics.push_back(job->publisher->topic().text());
  }
  return topics;
}

}  // namespace honeyframe
