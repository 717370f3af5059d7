#include "extraction.h"

#include <string>
#include <utility>

namespace honeyframe {

Result<ExtractionRun> ExtractionRun::open(ExtractOptions options, std::int64_t max_rows) {
  if (max_rows < 1) {
    return Status(ErrorCode::invalid_argument, "max_rows must be at least 1; found " + std::to_string(max_rows));
  }
  Result<std::unique_ptr<Extractor>> extractor = Extractor::create(std::move(options));
  if (!extractor.ok()) return extractor.status();
  return ExtractionRun(std::move(extractor).value(), max_rows);
}

Status ExtractionRun::read(const MessageBlock& block) {
  std::size_t begin = 0;
  while (begin < block.size()) {
    Result<std::size_t> reached = extractor_->extract(block, begin, block.size(), max_rows_);
    if (!reached.ok()) return reached.status();
    begin = reached.value();
    if (extractor_->open_rows() >= max_rows_ || extractor_->full()) close_batch();
  }
  return {};
}

void ExtractionRun::close_batch() {
  batches_.push_back(extractor_->finish());
}

Extraction ExtractionRun::finish() && {
  if (extractor_->open_rows() > 0 || extractor_->open_messages() > 0) close_batch();
  Extraction result;
  result.batches = std::move(batches_);
  result.schema = extractor_->schema();
  result.counters = extractor_->counters();
  result.quarantine = extractor_->quarantine();
  result.events = extractor_->take_events();
  return result;
}

}  // namespace honeyframe
