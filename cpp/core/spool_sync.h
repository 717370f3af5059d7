#pragma once

// SpoolFile: the segment that is being written, and what of it is not on the disk yet. SpoolSync: the thread that
// brings it there every so often, one a process, there only while a spool with sync="interval" is.
//
// A file whose writer has let it go is synced once more and then closed. Thread safe.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "spool_directory.h"

namespace honeyframe {

class SpoolFile {
 public:
  explicit SpoolFile(FileDescriptor file) noexcept : file_(std::move(file)) {}
  [[nodiscard]] int get() const noexcept { return file_.get(); }

  void written() noexcept { dirty_.store(true, std::memory_order_release); }
  // fdatasync, where anything was written since the last one. False with the error kept where it fails: what was
  // written by then may be lost, and no later success changes that.
  bool sync() noexcept;
  [[nodiscard]] int sync_error() const noexcept { return sync_error_.load(std::memory_order_acquire); }
  [[nodiscard]] std::uint64_t syncs() const noexcept { return syncs_.load(std::memory_order_relaxed); }

 private:
  FileDescriptor file_;
  std::atomic<bool> dirty_{false};
  std::atomic<int> sync_error_{0};
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
