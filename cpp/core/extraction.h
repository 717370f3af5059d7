#pragma once

// Extraction: the whole of a finite set of payloads, read. ExtractionRun makes it, block by block, on one thread.

#include <cstdint>
#include <memory>
#include <vector>

#include "extractor.h"
#include "message_block.h"
#include "record_batch.h"
#include "status.h"

namespace honeyframe {

struct Extraction {
  std::vector<RecordBatchPtr> batches;  // each has the columns known when it was closed: see cast_all()
  SchemaPtr schema;                     // the last one
  ExtractCounters counters;
  std::vector<QuarantineEntry> quarantine;
  std::vector<ExtractEvent> events;
};

class ExtractionRun {
 public:
  // `max_rows`: at which a batch is closed; sooner where its text is all that one can hold.
  static Result<ExtractionRun> open(ExtractOptions options, std::int64_t max_rows);

  // `max_rows`: 1 or more.
  ExtractionRun(std::unique_ptr<Extractor> extractor, std::int64_t max_rows)
      : extractor_(std::move(extractor)), max_rows_(max_rows) {}

  // Errors: does_not_fit, where on_conflict is "raise".
  [[nodiscard]] Status read(const MessageBlock& block);
  // Once.
  [[nodiscard]] Extraction finish() &&;

 private:
  void close_batch();

  std::unique_ptr<Extractor> extractor_;
  std::int64_t max_rows_;
  std::vector<RecordBatchPtr> batches_;
};

}  // namespace honeyframe
