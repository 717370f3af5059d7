#pragma once

// Extractor: payload bytes in, rows of typed columns out. Knows JSON; the builder behind it knows Arrow. The rules of
// section "docs/frame-rules.md" live here. One thread at a time; holds no lock.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "extract_counters.h"
#include "extract_options.h"
#include "ledger.h"
#include "message_block.h"
#include "quarantine.h"
#include "record_batch.h"
#include "status.h"

namespace honeyframe {

class Extractor {
 public:
  // Text columns have 32-bit offsets. A batch takes no more payloads once it holds this much text, and a payload brings
  // at most as much again.
  static constexpr std::size_t kFullTextBytes = std::size_t{1} << 30;

  // `full_text_bytes`: from 1 to kFullTextBytes.
  static Result<std::unique_ptr<Extractor>> create(ExtractOptions options,
                                                   std::size_t full_text_bytes = kFullTextBytes);
  virtual ~Extractor() = default;

  // Reads the messages [begin, end) of `block` into the open batch; stops early, and returns how far it came, once the
  // open batch has `max_rows` rows or is full(). A payload lands whole or is quarantined; it is never cut: a batch may
  // exceed max_rows by one payload's rows. Errors only where on_conflict is "raise" (does_not_fit; the message is then
  // quarantined too, and counts as read: open_messages() and take_quarantined_count() together say how far it came).
  virtual Result<std::size_t> extract(const MessageBlock& block, std::size_t begin, std::size_t end,
                                      std::int64_t max_rows) = 0;

  // The open batch, which has rows, holds as much text as a batch can: extract() reads nothing until it is finished.
  [[nodiscard]] virtual bool full() const { return false; }
  [[nodiscard]] virtual std::int64_t open_rows() const = 0;
  // Messages read into the open batch, quarantined ones not counted.
  [[nodiscard]] virtual std::uint64_t open_messages() const = 0;
  // Quarantined since the last call.
  [[nodiscard]] virtual std::uint64_t take_quarantined_count() = 0;
  // The open batch, closed; the next one keeps the columns and their order. A batch of no rows has the schema all the
  // same.
  [[nodiscard]] virtual RecordBatchPtr finish() = 0;
  [[nodiscard]] virtual SchemaPtr schema() const = 0;

  [[nodiscard]] virtual ExtractCounters counters() const = 0;
  [[nodiscard]] virtual std::vector<QuarantineEntry> quarantine() const = 0;
  [[nodiscard]] virtual std::vector<ExtractEvent> take_events() = 0;
  // Changes of shape, misfits, quarantined messages and what `sequence` finds, by episode.
  [[nodiscard]] virtual std::vector<LedgerRow> ledger() const { return {}; }
};

}  // namespace honeyframe
