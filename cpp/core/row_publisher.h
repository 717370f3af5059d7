#pragma once

// RowPublisher: many rows on their way to the broker, as the caller sees it: batches go in, bounded; what became of the
// rows comes out. The session's RowSender, on the control thread, takes them from here row by row.
//
//   offer() ... finish()  ->  waiting batches  ->  RowSender: in flight  ->  published | a RowRefusal each
//
// All members are thread safe. Nothing here is sent twice: where the connection goes, what was in flight is reported as
// unacknowledged, and what comes behind it is left to the caller.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "message.h"
#include "record_batch.h"
#include "row_messages.h"
#include "status.h"

namespace honeyframe {

struct RowPublishRequest {
  RowOptions rows = {};
  int qos = 1;
  bool retain = false;
  MessageProperties properties = {};                             // MQTT 5
  std::optional<std::uint32_t> message_expiry_s = std::nullopt;  // MQTT 5
  std::size_t max_in_flight = 0;                                 // 0: as many as the broker takes, up to 200
};

struct RowRefusal {
  enum class Outcome : std::uint8_t {
    invalid,         // not sent: the row makes no message
    refused,         // by the broker
    unacknowledged,  // sent, and no answer: it may have arrived
  };
  std::int64_t row;
  Outcome outcome;
  std::optional<int> reason_code;  // the broker's
  std::string topic;
  std::string reason;  // ours, or the broker's reason string
};
[[nodiscard]] std::string_view to_string(RowRefusal::Outcome outcome) noexcept;

struct RowReport {
  std::int64_t published = 0;  // QoS 0: written; QoS 1: PUBACK; QoS 2: PUBCOMP
  std::int64_t tried = 0;      // rows that were sent or refused; those from here on were not touched
  std::vector<RowRefusal> refusals;
  Status error;  // why it ended before its rows did
};

class RowPublisher {
 public:
  // Beyond: it ends. Keeps the report bounded.
  static constexpr std::size_t kMaxRefusals = 1'000'000;
  static constexpr std::size_t kMaxWaiting = 2;  // batches

  // `wake` posts to the control thread: there is something to do.
  RowPublisher(RowPublishRequest request, RowTopic topic, std::function<void()> wake);

  // Errors: invalid_topic, invalid_topic_template, invalid_argument.
  [[nodiscard]] static Status validate(const RowPublishRequest& request);
  [[nodiscard]] const RowPublishRequest& request() const noexcept { return request_; }
  [[nodiscard]] const RowTopic& topic() const noexcept { return topic_; }

  // --- The caller.
  // Takes a batch, whether or not there is room. Errors: invalid_argument, as RowMessages::plan().
  // `faults`: rows of it that the caller already knows to be no messages, in order, and why.
  using Faults = std::vector<std::pair<std::int64_t, std::string>>;
  [[nodiscard]] Status offer(RecordBatchPtr batch, const RowForm& form, Faults faults = {});
  void finish();
  // Ends it: what is in flight counts as unacknowledged. `why` becomes the report's error.
  void stop(Status why);
  // True when there is room for a batch, or it has ended.
  [[nodiscard]] bool wait_for_room(std::chrono::milliseconds wait);
  [[nodiscard]] bool wait_until_ended(std::chrono::milliseconds wait);
  [[nodiscard]] bool ended() const;
  // Nothing waits to be sent.
  [[nodiscard]] bool is_idle() const;
  // When a row was last published or refused.
  [[nodiscard]] std::chrono::steady_clock::time_point last_progress() const;
  [[nodiscard]] RowReport report() const;

  // --- RowSender, on the control thread.
  struct Batch {
    RecordBatchPtr rows;
    std::shared_ptr<const RowMessages> messages;
    Faults faults;
    std::size_t next_fault = 0;
  };
  enum class Supply : std::uint8_t { batch, later, finished };
  [[nodiscard]] Supply take(Batch& batch);
  // Why stop() was called; ok: it was not.
  [[nodiscard]] Status stopped() const;
  // `tried` rows so far; of these `published` more, and these `refusals` (which are moved from).
  void add(std::int64_t tried, std::int64_t published, std::vector<RowRefusal>& refusals);
  void end(Status error);

 private:
  const RowPublishRequest request_;
  const RowTopic topic_;
  const std::function<void()> wake_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> waiting_;  // guarded by mutex_, as all below
  SchemaPtr planned_for_;
  RowForm planned_form_;
  std::shared_ptr<const RowMessages> plan_;
  bool hungry_ = true;  // the sender has come for a batch and found none
  bool finished_ = false;
  bool ended_ = false;
  Status stopped_;
  std::chrono::steady_clock::time_point last_progress_ = std::chrono::steady_clock::now();
  RowReport report_;
};

}  // namespace honeyframe
