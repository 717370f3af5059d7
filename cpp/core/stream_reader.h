#pragma once

// StreamReader: the consumer of one MessageQueue. Takes blocks, extracts, cuts batches, and keeps the queue's book.
//
// Extraction runs in the caller of next(). While there is a tap, a native pump thread extracts instead, cuts a batch
// every 100 ms, hands it to each tap, and keeps it for next() within the queue's own limits and policy: `drop_oldest`
// evicts the oldest kept batch, `drop_newest` drops the new one, `block` lets the pump wait for room (the taps then
// stand still, too). A tap never takes a batch from next(). Thread safe: next() may be called from one thread at a time
// (others wait), everything else from any. No member needs the caller to hold, or not hold, the GIL; discard() and the
// destructor wait for the pump, some milliseconds. In a child of fork() next() and open_window() answer
// ErrorCode::forked.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "extractor.h"
#include "message_queue.h"
#include "record_batch.h"
#include "status.h"

namespace honeyframe {

struct BatchLimits {
  std::int64_t max_rows = 50'000;
  std::chrono::nanoseconds max_age{1'000'000'000};  // counts from the batch's first row; 0: what is there
};

enum class NextKind : std::uint8_t { batch, not_yet, ended };

struct NextBatch {
  NextKind kind = NextKind::not_yet;
  RecordBatchPtr batch;  // for NextKind::batch; at the end of the stream it may have no rows, only messages
  bool woken = false;    // for NextKind::not_yet: by wake()
};

struct WindowLimits {
  std::chrono::nanoseconds duration{};
  std::int64_t max_rows = 10'000'000;
  std::size_t max_bytes = 512u << 20;
};

// A rolling window over a stream: filled by the pump, read by snapshot(), emptied by take(). Closes when the last
// reference goes.
class WindowTap {
 public:
  virtual ~WindowTap() = default;
  // The batches that still hold a row within the window (their oldest rows may lie outside: the reader trims), oldest
  // first, and the schema to which all of them cast.
  struct Snapshot {
    SchemaPtr schema;
    std::vector<RecordBatchPtr> batches;
    std::uint64_t evicted_rows = 0;  // gone before their time because of max_rows or max_bytes
  };
  [[nodiscard]] virtual Snapshot snapshot() const = 0;
  // All batches that came since the last take(), and none of them again: for one reader that goes along.
  [[nodiscard]] virtual Snapshot take() = 0;
};

class StreamReader {
 public:
  static Result<std::shared_ptr<StreamReader>> create(std::shared_ptr<MessageQueue> queue, ExtractOptions options);
  static std::shared_ptr<StreamReader> create(std::shared_ptr<MessageQueue> queue,
                                              std::unique_ptr<Extractor> extractor);
  virtual ~StreamReader() = default;

  // A batch as soon as it is complete by `limits`; not_yet after `wait` (rows read so far stay in the open batch for
  // the next call); ended when the queue is closed and everything has been handed out. Errors: does_not_fit, once for
  // each message that "raise" refuses (the next call goes on behind it; under a tap a few wait, and the last of them
  // counts the others); invalid_argument.
  virtual Result<NextBatch> next(const BatchLimits& limits, std::chrono::nanoseconds wait) = 0;

  // The next next() returns it again: an interrupt came before the caller had it. It counts as delivered meanwhile.
  virtual void give_back(RecordBatchPtr batch) = 0;

  // Starts the pump when it is the first. Sees every message that no earlier next() has handed out, and holds the
  // reader by no reference.
  virtual Result<std::shared_ptr<WindowTap>> open_window(const WindowLimits& limits) = 0;

  // Makes a waiting next(), or else the next one that would wait, return not_yet.
  virtual void wake() = 0;
  // Closes the queue; what is queued stays readable through next().
  virtual void close() = 0;
  // Why next() says ended: ok by close(), by discard(), or where the queue was closed without a reason.
  [[nodiscard]] virtual Status end_reason() const = 0;
  // close(), stops the pump, and counts what was not read as discarded. Idempotent.
  virtual void discard() = 0;

  [[nodiscard]] virtual StreamCounters counters() const = 0;
  [[nodiscard]] virtual ExtractCounters extract_counters() const = 0;
  [[nodiscard]] virtual std::vector<QuarantineEntry> quarantine() const = 0;
  [[nodiscard]] virtual std::vector<ExtractEvent> take_events() = 0;
  // The queue's and the extraction's, by episode; in no order of time.
  [[nodiscard]] virtual std::vector<LedgerRow> ledger() const = 0;
  [[nodiscard]] virtual SchemaPtr schema() const = 0;
  // True where nothing but next(), open_window() (which answer ErrorCode::forked) and the destructor may be called.
  [[nodiscard]] virtual bool in_forked_child() const noexcept = 0;
};

}  // namespace honeyframe
