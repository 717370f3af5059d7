#include "spool_source.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::chrono::nanoseconds kLongestWait = std::chrono::hours(24 * 365);  // the clock must not overflow

}  // namespace

Result<std::shared_ptr<SpoolSource>> SpoolSource::open(QueueLimits limits, const SpoolSourceOptions& options) {
  if (Status status = limits.validate(); !status.ok()) return status;
  auto reader = SpoolReader::open(options.path, options.from);
  if (!reader.ok()) return reader.status();
  if (options.from_end) {
    const auto end = reader.value()->end_sequence();
    if (!end.ok()) return end.status();
    reader.value()->seek(end.value());
  }
  return std::shared_ptr<SpoolSource>(new SpoolSource(limits, std::move(reader).value(), options.follow));
}

SpoolSource::SpoolSource(QueueLimits limits, std::unique_ptr<SpoolReader> reader, bool follow)
    : MessageQueue(limits),
      feed_(std::move(reader), {block_arena_bytes_, block_messages_, limits_.max_topics}),
      follow_(follow) {}

std::unique_ptr<MessageBlock> SpoolSource::take(std::chrono::nanoseconds wait) {
  const auto deadline = std::chrono::steady_clock::now() + std::clamp(wait, std::chrono::nanoseconds(0), kLongestWait);
  for (;;) {
    {
      const Lock lock(mutex_);
      if (std::exchange(woken_, false) || closed_) return nullptr;
    }
    bool has_memory = true;
    std::unique_ptr<MessageBlock> block;
    try {
      block = read_on();
    } catch (const std::bad_alloc&) {  // as if there were nothing yet; the feed has passed nothing over
      has_memory = false;
    }
    Lock lock(mutex_);
    if (closed_) return nullptr;
    if (block) {
      const std::uint64_t count = block->size();
      counters_.received += count;
      counters_.received_bytes += block->payload_bytes();
      counters_.in_batch += count;
      return block;
    }
    if (!follow_ && has_memory) {
      lock.unlock();
      tell_torn_end();
      close();
      return nullptr;
    }
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline) return nullptr;
    not_empty_->wait_until(lock, std::min<std::chrono::steady_clock::time_point>(deadline, now + kLook));
  }
}

// Null where there is nothing; closed where it cannot be read.
std::unique_ptr<MessageBlock> SpoolSource::read_on() {
  auto fed = feed_.read(0, std::numeric_limits<std::uint64_t>::max());
  if (!fed.ok()) return fail(fed.status());
  std::uint64_t missing = fed.value().missing;
  if (!fed.value().block) {
    const auto lost = feed_.reader().pass_over_lost();
    if (!lost.ok()) return fail(lost.status());
    missing += lost.value();
  }
  settle_missing(missing);
  tell_damages(missing);
  return std::move(fed.value().block);
}

std::unique_ptr<MessageBlock> SpoolSource::fail(const Status& why) {
  events_.add("read_failed", why.message());
  close(why);
  return nullptr;
}

// They were in the spool: deleted, given up by the stream that writes, or no records any more.
void SpoolSource::settle_missing(std::uint64_t missing) noexcept {
  if (missing == 0) return;
  const Lock lock(mutex_);
  counters_.received += missing;
  counters_.dropped += missing;
  counters_.loss.dropped_spool_damaged += missing;
  note_loss(&LossCounters::dropped_spool_damaged, missing, 0);
}

// A block that was read is not given up where there is no memory to tell what lay before it.
void SpoolSource::tell_damages(std::uint64_t missing) noexcept try {
  const auto& path = feed_.reader().path();
  if (missing > 0) events_.add("missing", describe_missing(missing, path));
  for (const auto& damage : feed_.reader().take_damages()) events_.add("damaged", damage.describe(path));
} catch (const std::bad_alloc&) {
}

void SpoolSource::tell_torn_end() noexcept try {
  const auto torn = feed_.reader().torn_end();
  if (!torn) return;
  const std::string where =
      "segment " + segment_name(torn->segment) + " of the spool in " + in_quotes(feed_.reader().path());
  const std::string bytes = std::to_string(torn->bytes) + (torn->bytes == 1 ? " byte" : " bytes");
  if (torn->offset > 0) {
    events_.add("damaged", "the spool ends with " + bytes + " of a record that is not whole, at " +
                               std::to_string(torn->offset) + " of " + where);
  } else {
    events_.add("damaged", "the spool ends with " + where + ", which has " + bytes + ", and no header");
  }
} catch (const std::bad_alloc&) {
}

}  // namespace honeyframe
