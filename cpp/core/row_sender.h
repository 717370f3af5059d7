#pragma once

// RowSender: a session's rows in flight. Takes rows from RowPublishers in turn, as many at once as the broker allows,
// and settles them as Paho's answers come back, in groups. Owned by the session's Publisher, which says how much room
// there is beside its own messages. Control thread only.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "paho_client.h"
#include "row_publisher.h"
#include "session.h"

namespace honeyframe {

class RowSender {
 public:
  // Paho's copies at once of QoS 0, and of more where the broker sets no limit.
  static constexpr std::size_t kMaxInFlight = 200;
  // Of QoS 2 where the broker cannot say (MQTT 3): Mosquitto acknowledges what is beyond its own limit of 20, and drops
  // it.
  static constexpr std::size_t kMaxUnannounced = 20;
  static constexpr std::size_t kMostInFlight = 900;  // that a caller may ask for: below Paho's own limit

  // `published` counts on with every row, before its RowPublisher is told.
  explicit RowSender(std::atomic<std::uint64_t>& published) : published_(published) {}

  void add(std::shared_ptr<RowPublisher> publisher) { jobs_.push_back(std::make_unique<Job>(std::move(publisher))); }

  struct Sent {
    bool again = false;        // Paho's buffer was full, or there is more to do: come back soon
    bool without_ack = false;  // rows of QoS 0 went out
  };
  // Sends while less than `room` rows are unacknowledged. `check` is what the broker does not take (see
  // Publisher::check_limits).
  using Check = Status (*)(const void* context, const PublishRequest& message);
  Sent pump(PahoClient& client, std::size_t room, Check check, const void* context);

  // Rows whose good answer has come.
  void settle(std::span<const std::uint32_t> requests);
  // A bad one: the broker's code from 0x80 on, or Paho's. The status that is worth an event: the first refusal of a
  // RowPublisher.
  [[nodiscard]] Status refuse(std::uint32_t request, const PahoReply& reply);
  // What Paho gave up and no loss of the connection explains; QoS 0 whose answer Paho forgot.
  void tick();

  // The connection is gone. `kept`: Paho will repeat what it holds. Whether anybody was told.
  bool lost(const Status& cause, bool kept);
  void fail_all(const Status& status);
  // Nothing new is sent; ends when the broker has answered what is in flight.
  void wind_up(const Status& status);

  [[nodiscard]] bool idle() const noexcept { return jobs_.empty() && in_flight_ == 0; }
  // Whether tick() has something to wait for.
  [[nodiscard]] bool needs_tick() const noexcept;
  [[nodiscard]] std::size_t in_flight() const noexcept { return in_flight_; }
  [[nodiscard]] std::size_t unacknowledged() const noexcept { return unacknowledged_; }
  // The topics of what was sent since `then`; of QoS 0, what they are made from.
  void add_suspects(std::chrono::steady_clock::time_point then, std::vector<std::string_view>& topics) const;
  [[nodiscard]] std::vector<std::string_view> topics_without_ack() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    explicit Job(std::shared_ptr<RowPublisher> rows);
    std::shared_ptr<RowPublisher> publisher;
    RowPublisher::Batch batch;
    std::int64_t next = 0;     // of the batch
    std::int64_t tried = 0;    // of all
    PublishRequest message;    // the row before `next`, where it is still to be sent
    bool is_written = false;   // `message` is such a row
    bool is_finished = false;  // no more rows
    bool has_started = false;  // something was handed to Paho
    bool told = false;         // of a refusal
    Status ending;             // nothing new is sent
    bool awaits_loss = false;  // ... and lost() will tell why
    std::size_t in_flight = 0;
    Clock::time_point last_answer{};
    std::int64_t published = 0;  // not yet told to the publisher, as refusals
    std::vector<RowRefusal> refusals;
    std::vector<RowRefusal> given_up;  // by Paho, while awaits_loss: told when it is known whether Paho repeats them
  };
  struct Slot {
    Job* job = nullptr;  // null: free, or of a job that has ended
    bool is_taken = false;
    bool is_acknowledged = false;  // QoS 1 or 2
    std::uint16_t generation = 0;
    std::int64_t row = 0;
    Clock::time_point sent{};
    std::string topic;
  };

  [[nodiscard]] bool write_next(Job& job, Check check, const void* context);
  [[nodiscard]] bool send(Job& job, PahoClient& client, Sent& sent);
  [[nodiscard]] std::size_t limit(const Job& job, const PahoClient& client, std::size_t room) const noexcept;
  [[nodiscard]] std::uint32_t take_slot(Job& job);
  [[nodiscard]] Slot* find(std::uint32_t request) noexcept;
  void free_slot(Slot& slot);
  void report(Job& job);
  void give_up(Job& job, std::string_view why, std::optional<int> code, bool keep_slots);
  void end(Job& job, Status error);
  void end_finished();

  std::atomic<std::uint64_t>& published_;
  std::vector<std::unique_ptr<Job>> jobs_;
  std::size_t turn_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint16_t> free_;
  std::size_t in_flight_ = 0;
  std::size_t unacknowledged_ = 0;  // of in_flight_, those of QoS 1 and 2
};

}  // namespace honeyframe
