#pragma once

// SpoolFile: the segment that is being written, and what of it is not on the disk yet. SpoolSync: the thread that
// brings it there every so often, one a process, there only while a spool with sync="interval" is.
//
// A file whose writer has let it go is synced once more and then closed. Thread safe.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "spool_directory.h"

namespace honeyframe {

// What the syncs of a writer's files came to, also of those that it has let go. Thread safe.
class SyncError {
 public:
  // The first one stays: what was written by then may be lost, and no later success changes that.
  void note(int error) noexcept {
    int none = 0;
    first_.compare_exchange_strong(none, error, std::memory_order_acq_rel);
  }
  [[nodiscard]] int get() const noexcept { return first_.load(std::memory_order_acquire); }

 private:
  std::atomic<int> first_{0};  // an errno
};

class SpoolFile {
 public:
  SpoolFile(FileDescriptor file, std::shared_ptr<SyncError> error) noexcept
      : file_(std::move(file)), error_(std::move(error)) {}
  [[nodiscard]] int get() const noexcept { return file_.get(); }

  void written() noexcept { dirty_.store(true, std::memory_order_release); }
  // fdatasync, where anything was written since the last one. False where it, or another of the writer's, has failed.
  bool sync() noexcept;
  [[nodiscard]] std::uint64_t syncs() const noexcept { return syncs_.load(std::memory_order_relaxed); }

 private:
  FileDescriptor file_;
  const std::shared_ptr<SyncError> error_;
  std::atomic<bool> dirty_{false};
  std::atomic<std::uint64_t> syncs_{0};
};

class SpoolSync {
 public:
  // Syncs `file` every `interval` from now on. False where there is no thread for it.
  static bool watch(std::shared_ptr<SpoolFile> file, std::chrono::milliseconds interval) noexcept;
  // Whether the thread is there; for tests.
  [[nodiscard]] static bool running() noexcept;
};

}  // namespace honeyframe
