#pragma once

// SpoolDirectory: a spool's directory and what lies in it, by file descriptor: no name from outside is ever opened, no
// link followed, and others on the machine see nothing (0700, 0600). Used by one writer or one reader, on its thread.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "status.h"

namespace honeyframe {

// A file descriptor that closes itself.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number = -1) noexcept : number_(number) {}
  ~FileDescriptor() { reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : number_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    reset(other.release());
    return *this;
  }
  [[nodiscard]] int get() const noexcept { return number_; }
  [[nodiscard]] bool valid() const noexcept { return number_ >= 0; }
  int release() noexcept {
    const int number = number_;
    number_ = -1;
    return number;
  }
  void reset(int number = -1) noexcept;

 private:
  int number_;
};

// How far the numbers of a spool have come, beside its segments, which may be damaged or gone: in the lock's file. What
// is there and damaged tells that there was a writer, and no more.
struct SpoolMark {
  std::uint64_t least_sequence = 0;  // none below it is to be given out (again); 0 where nothing is known
  std::uint64_t boot = 0;            // of the machine, when it was kept; 0 where unknown
  std::uint64_t due_sequence = 0;    // behind the last one that a record was written with; 0 where unknown
};

// A writer's hold on a directory, and what must outlive all segments.
class SpoolLock {
 public:
  ~SpoolLock();
  SpoolLock(const SpoolLock&) = delete;
  SpoolLock& operator=(const SpoolLock&) = delete;
  [[nodiscard]] SpoolMark kept() const noexcept;
  // False with errno set where it fails.
  bool keep(const SpoolMark& mark) const noexcept;
  bool sync() const noexcept;

 private:
  friend class SpoolDirectory;
  SpoolLock(FileDescriptor file, std::uint64_t device, std::uint64_t inode) noexcept
      : file_(std::move(file)), device_(device), inode_(inode) {}
  FileDescriptor file_;
  std::uint64_t device_;
  std::uint64_t inode_;
};

class SpoolDirectory {
 public:
  struct Segment {
    std::uint64_t first_sequence;
    std::uint64_t bytes;
  };

  // Errors: spool_failed. `create` makes it where it is not there, but not what lies above it.
  static Result<SpoolDirectory> open(const std::string& path, bool create);

  // For as long as the result lives no other writer has this directory, in this process or another.
  // Errors: spool_in_use, spool_failed.
  [[nodiscard]] Result<std::unique_ptr<SpoolLock>> lock() const;

  // What the writer, or the last one, has kept; nothing where there is none. As of now: all that it tells of was
  // written before. Any thread, also where a writer of this process has the lock.
  [[nodiscard]] SpoolMark kept() const noexcept;
  // Whether a writer was ever here, or others might become one: it has a lock or a segment, or has nothing at all.
  [[nodiscard]] bool may_be_a_spool() const;
  // The directory's mode where users other than its owner may delete and replace what is in it; else 0.
  [[nodiscard]] unsigned mode_for_others() const noexcept;

  // The segments, oldest first.
  [[nodiscard]] Result<std::vector<Segment>> segments() const;
  // Invalid with errno set where it cannot be.
  [[nodiscard]] FileDescriptor open_segment(std::uint64_t first_sequence) const noexcept;
  [[nodiscard]] FileDescriptor open_for_repair(std::uint64_t first_sequence) const noexcept;
  [[nodiscard]] FileDescriptor create_segment(std::uint64_t first_sequence) const noexcept;
  bool remove_segment(std::uint64_t first_sequence) const noexcept;
  // Makes names durable: those of files that came and went. False with errno set where it fails.
  bool sync() const noexcept;
  // errno where open() made the directory and could not make its own name durable; 0: it could.
  [[nodiscard]] int sync_error() const noexcept { return sync_error_; }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  SpoolDirectory(std::string path, FileDescriptor directory)
      : path_(std::move(path)), directory_(std::move(directory)) {}
  [[nodiscard]] FileDescriptor open_at(std::uint64_t first_sequence, int flags) const noexcept;

  std::string path_;
  FileDescriptor directory_;
  int sync_error_ = 0;
};

// "cannot read segment 'x': No space left on device", with the code beside it.
[[nodiscard]] Status spool_error(const std::string& what, int error);

// Reads at `offset` until `size` bytes are there or the file ends; how many came, or -1 with errno set.
[[nodiscard]] std::int64_t read_at(int file, char* to, std::size_t size, std::uint64_t offset) noexcept;

// A number for the machine's uptime: another after each boot; 0 where the system does not tell.
[[nodiscard]] std::uint64_t boot_number();

}  // namespace honeyframe
