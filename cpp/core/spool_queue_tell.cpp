// SpoolQueue's events, in words: what, in which spool, what becomes of the messages, and what to do.

#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include "spool_queue.h"
#include "utf8.h"

namespace honeyframe {
namespace {

std::string times(std::uint64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string in_spool(const std::string& path) {
  return "in the spool " + in_quotes(path) + ": ";
}

// What was found at the end of the spool, and done.
std::string describe(const SpoolWriter::Repair& repair, const std::string& path) {
  const std::string segment = "segment " + segment_name(repair.segment);
  std::string text = in_spool(path);
  if (repair.is_deleted) {
    text += segment + " had " + times(repair.bytes, "byte") + ", and no header, and was deleted";
  } else if (repair.bytes == 0) {
    text += "there is nothing from number " + std::to_string(repair.segment) + " on";
  } else if (repair.offset == 0) {
    text += segment + " has no header that can be read, and stays as it is";
  } else {
    text += "a torn tail of " + times(repair.bytes, "byte") + " was cut off " + segment + " at " +
            std::to_string(repair.offset);
  }
  if (!repair.lost_is_known)
    return text + "; how many messages are lost with it nothing tells: its lock is damaged or gone";
  if (repair.lost == 0) return text + "; no message that was stored is lost with it";
  return text + "; lost: " + times(repair.lost, "message") +
         ", damaged or deleted. Look at the disk, and at who else writes there";
}

}  // namespace

void SpoolQueue::tell_opened() {
  const std::string& path = writer_->directory().path();
  if (const auto* repair = writer_->repair()) events_.add("repaired", describe(*repair, path));
  if (const unsigned mode = writer_->directory().mode_for_others(); mode != 0) {
    char octal[16];
    std::snprintf(octal, sizeof(octal), "%04o", mode);
    events_.add("writable_by_others",
                "the directory " + in_quotes(path) + " has mode " + octal +
                    ": others on this machine may delete or replace what is in it. Run: chmod 700 " + in_quotes(path));
  }
}

void SpoolQueue::tell_damages(std::uint64_t missing) {
  const std::string& path = feed_.reader().path();
  if (missing > 0) events_.add("missing", describe_missing(missing, path));
  for (const auto& damage : feed_.reader().take_damages()) events_.add("damaged", damage.describe(path));
}

void SpoolQueue::tell_sync_error(int error) {
  events_.add("sync_failed",
              in_spool(feed_.reader().path()) + std::generic_category().message(error) +
                  "; from here on it outlives the process, and not for certain the machine. Look at the disk, "
                  "and open the stream anew");
}

LossReason SpoolQueue::tell_refused(SpoolWriter::Outcome why) {
  if (SpoolWriter::is_full(why)) {
    tell_full(why, "what arrives is acknowledged and dropped");
  } else if (events_.begins_episode("write_failed")) {
    events_.add("write_failed", in_spool(feed_.reader().path()) + std::generic_category().message(writer_->error()) +
                                    "; what arrives is acknowledged and dropped until it can be written again. See to "
                                    "the directory's owner and mode, and to the disk");
  }
  if (SpoolWriter::is_full(why) && limits_.policy == OverflowPolicy::drop_newest) return &LossCounters::dropped_newest;
  if (SpoolWriter::is_full(why) && limits_.policy == OverflowPolicy::block) return &LossCounters::dropped_block_timeout;
  return &LossCounters::dropped_spool_failed;  // drop_oldest: there was nothing older
}

void SpoolQueue::tell_full(SpoolWriter::Outcome why, const std::string& what) {
  const bool disk = why == SpoolWriter::Outcome::disk_full;
  const char* const kind = disk ? "disk_full" : "full";
  if (!events_.begins_episode(kind)) return;
  const std::string reason = disk ? std::generic_category().message(writer_->error()) : "spool_max_bytes are reached";
  const char* const remedy = disk ? "Make room on its disk" : "Read faster, or give it more: spool_max_bytes=";
  events_.add(kind, in_spool(feed_.reader().path()) + reason + "; " + what + ". " + remedy);
}

}  // namespace honeyframe
