#include "row_publisher.h"

#include <iterator>
#include <utility>

#include "publish_check.h"
#include "session.h"

namespace honeyframe {

std::string_view to_string(RowRefusal::Outcome outcome) noexcept {
  using Outcome = RowRefusal::Outcome;
  switch (outcome) {
    case Outcome::invalid:
      return "invalid";
    case Outcome::refused:
      return "refused";
    case Outcome::unacknowledged:
      return "unacknowledged";
  }
  return "unknown";
}

RowPublisher::RowPublisher(RowPublishRequest request, RowTopic topic, std::function<void()> wake)
    : request_(std::move(request)), topic_(std::move(topic)), wake_(std::move(wake)) {}

Status RowPublisher::validate(const RowPublishRequest& request) {
  auto topic = RowMessages::topic_of(request.rows);
  if (!topic.ok()) return topic.status();
  PublishRequest message;
  message.topic = "topic";  // the rows have theirs
  message.qos = request.qos;
  message.properties = request.properties;
  return honeyframe::validate(message);
}

Status RowPublisher::offer(RecordBatchPtr batch, const RowForm& form, Faults faults) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (plan_ == nullptr || form.payload_column != planned_form_.payload_column ||
        form.raw_json != planned_form_.raw_json || *planned_for_ != *batch->schema()) {
      auto plan = RowMessages::plan(topic_, *batch->schema(), request_.rows, form);
      if (!plan.ok()) return plan.status();
      plan_ = std::move(plan).value();
      planned_for_ = batch->schema();
      planned_form_ = form;
    }
    waiting_.push_back({std::move(batch), plan_, std::move(faults)});
    wake = std::exchange(hungry_, false);
  }
  if (wake) wake_();
  return {};
}

void RowPublisher::finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
  }
  wake_();
}

void RowPublisher::stop(Status why) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || !stopped_.ok()) return;
    stopped_ = std::move(why);
  }
  wake_();
}

bool RowPublisher::wait_for_room(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, wait, [this] { return ended_ || waiting_.size() < kMaxWaiting; });
}

bool RowPublisher::wait_until_ended(std::chrono::milliseconds wait) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, wait, [this] { return ended_; });
}

bool RowPublisher::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

bool RowPublisher::is_idle() const {
  const std::lock_guard lock(mutex_);
  return waiting_.empty() && hungry_;
}

std::chrono::steady_clock::time_point RowPublisher::last_progress() const {
  const std::lock_guard lock(mutex_);
  return last_progress_;
}

RowReport RowPublisher::report() const {
  const std::lock_guard lock(mutex_);
  return report_;
}

RowPublisher::Supply RowPublisher::take(Batch& batch) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      hungry_ = true;
      return finished_ ? Supply::finished : Supply::later;
    }
    batch = std::move(waiting_.front());
    waiting_.pop_front();
  }
  changed_.notify_all();
  return Supply::batch;
}

Status RowPublisher::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

void RowPublisher::add(std::int64_t tried, std::int64_t published, std::vector<RowRefusal>& refusals) {
  const std::lock_guard lock(mutex_);
  report_.tried = tried;
  report_.published += published;
  if (published > 0 || !refusals.empty()) last_progress_ = std::chrono::steady_clock::now();
  report_.refusals.insert(report_.refusals.end(), std::make_move_iterator(refusals.begin()),
                          std::make_move_iterator(refusals.end()));
  refusals.clear();
  if (report_.refusals.size() >= kMaxRefusals && stopped_.ok()) {
    stopped_ = Status(ErrorCode::publish_denied,
                      std::to_string(report_.refusals.size()) + " rows were refused; publishing has stopped");
  }
}

void RowPublisher::end(Status error) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    ended_ = true;
    report_.error = std::move(error);
    waiting_.clear();
  }
  changed_.notify_all();
}

}  // namespace honeyframe
