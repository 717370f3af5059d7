#include "spool_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "crc32c.h"
#include "spool_format.h"
#include "utf8.h"

namespace honeyframe {
namespace {

constexpr const char* kLockName = "lock";
constexpr ::mode_t kDirectoryMode = 0700;
constexpr ::mode_t kFileMode = 0600;

using FileId = std::pair<std::uint64_t, std::uint64_t>;

// The system's locks are those of a process: they do not keep it from itself.
struct LockedHere {
  std::mutex mutex;
  std::map<FileId, int> files;  // and their descriptors; guarded by mutex

  static LockedHere& instance() {
    static auto* const leaked = new LockedHere;
    return *leaked;
  }
};

// Not copied to a child of fork(), as an flock() would be: the child does not write.
bool lock_file(int file) noexcept {
  struct flock whole{};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  return ::fcntl(file, F_SETLK, &whole) == 0;
}

// Three numbers and their checksum.
using MarkBytes = std::array<char, 4 * sizeof(std::uint64_t)>;
constexpr std::size_t kMarkChecked = 3 * sizeof(std::uint64_t);

MarkBytes to_bytes(const SpoolMark& mark) noexcept {
  MarkBytes bytes{};
  const std::array<std::uint64_t, 3> numbers{mark.least_sequence, mark.boot, mark.due_sequence};
  std::memcpy(bytes.data(), numbers.data(), kMarkChecked);
  const std::uint64_t crc = crc32c(0, {bytes.data(), kMarkChecked});
  std::memcpy(bytes.data() + kMarkChecked, &crc, sizeof(crc));
  return bytes;
}

SpoolMark read_mark(int file) noexcept {
  constexpr int kTries = 3;  // its writer may be in the middle of it
  for (int i = 0; i < kTries; ++i) {
    MarkBytes bytes{};
    const auto size = read_at(file, bytes.data(), bytes.size(), 0);
    if (size <= 0) return {};
    std::array<std::uint64_t, 3> numbers{};
    std::memcpy(numbers.data(), bytes.data(), kMarkChecked);
    if (size <= static_cast<std::int64_t>(2 * sizeof(numbers[0])))
      return {numbers[0], numbers[1], 0};  // an older version's
    const SpoolMark mark{numbers[0], numbers[1], numbers[2]};
    if (to_bytes(mark) == bytes) return mark;
  }
  return {kFirstSequence, 0, 0};
}

bool sync_above(int directory) noexcept {
  const FileDescriptor above(::openat(directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return above.valid() && ::fsync(above.get()) == 0;
}

Status in_use(const std::string& path) {
  return Status(ErrorCode::spool_in_use, "another stream writes the spool in " + in_quotes(path))
      .with_hint(
          "give each stream a spool of its own; any number may read one. A stream that ended on a session which the "
          "broker keeps writes on until its client is closed, or close(unsubscribe=True)");
}

}  // namespace

void FileDescriptor::reset(int number) noexcept {
  if (number_ >= 0) ::close(number_);
  number_ = number;
}

Status spool_error(const std::string& what, int error) {
  return Status(ErrorCode::spool_failed, what + ": " + std::generic_category().message(error)).with_native_code(error);
}

std::int64_t read_at(int file, char* to, std::size_t size, std::uint64_t offset) noexcept {
  std::size_t done = 0;
  while (done < size) {
    const auto got = ::pread(file, to + done, size - done, static_cast<::off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<std::int64_t>(done);
}

std::uint64_t boot_number() {
  const FileDescriptor file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  char text[64];
  const auto size = file.valid() ? read_at(file.get(), text, sizeof(text), 0) : -1;
  if (size <= 0) return 0;
  const std::string_view id(text, static_cast<std::size_t>(size));
  return std::uint64_t{crc32c(0, id)} << 32 | crc32c(1, id);
}

Result<SpoolDirectory> SpoolDirectory::open(const std::string& path, bool create) {
  const bool made = create && ::mkdir(path.c_str(), kDirectoryMode) == 0;
  if (create && !made && errno != EEXIST) {
    return spool_error("cannot make the directory " + in_quotes(path) + " for a spool", errno);
  }
  FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) return spool_error("cannot open the spool in " + in_quotes(path), errno);
  SpoolDirectory spool(path, std::move(directory));
  if (made && !sync_above(spool.directory_.get())) spool.sync_error_ = errno;
  return spool;
}

Result<std::unique_ptr<SpoolLock>> SpoolDirectory::lock() const {
  auto& here = LockedHere::instance();
  const std::lock_guard lock(here.mutex);
  struct stat found{};
  // Looked at before it is opened: to close it again would end the other's lock, which is that of the whole process.
  if (::fstatat(directory_.get(), kLockName, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
      here.files.contains({found.st_dev, found.st_ino})) {
    return in_use(path_);
  }
  FileDescriptor file(::openat(directory_.get(), kLockName, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kFileMode));
  if (!file.valid() || ::fstat(file.get(), &found) != 0) {
    return spool_error("cannot lock the spool in " + in_quotes(path_), errno);
  }
  if (!lock_file(file.get())) {
    if (errno == EACCES || errno == EAGAIN) return in_use(path_);
    return spool_error("cannot lock the spool in " + in_quotes(path_), errno);
  }
  here.files.insert({{found.st_dev, found.st_ino}, file.get()});
  return std::unique_ptr<SpoolLock>(new SpoolLock(std::move(file), found.st_dev, found.st_ino));
}

SpoolLock::~SpoolLock() {
  auto& here = LockedHere::instance();
  const std::lock_guard lock(here.mutex);
  here.files.erase({device_, inode_});
  file_.reset();
}

SpoolMark SpoolLock::kept() const noexcept {
  return read_mark(file_.get());
}

bool SpoolLock::keep(const SpoolMark& mark) const noexcept {
  const MarkBytes bytes = to_bytes(mark);
  return ::pwrite(file_.get(), bytes.data(), bytes.size(), 0) == static_cast<::ssize_t>(bytes.size());
}

bool SpoolLock::sync() const noexcept {
  return ::fdatasync(file_.get()) == 0;
}

// Where a writer of this process has the lock its own descriptor is read: to close another would end the lock.
SpoolMark SpoolDirectory::kept() const noexcept {
  auto& here = LockedHere::instance();
  const std::lock_guard lock(here.mutex);
  struct stat found{};
  if (::fstatat(directory_.get(), kLockName, &found, AT_SYMLINK_NOFOLLOW) != 0) return {};
  const auto locked = here.files.find({found.st_dev, found.st_ino});
  if (locked != here.files.end()) return read_mark(locked->second);
  const FileDescriptor file(::openat(directory_.get(), kLockName, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  return file.valid() ? read_mark(file.get()) : SpoolMark{};
}

bool SpoolDirectory::may_be_a_spool() const {
  struct stat found{};
  if (::fstatat(directory_.get(), kLockName, &found, AT_SYMLINK_NOFOLLOW) == 0) return S_ISREG(found.st_mode);
  std::error_code error;
  const auto entry = std::filesystem::directory_iterator(path_, error);
  if (error || entry == std::filesystem::directory_iterator()) return true;
  const auto listed = segments();
  return !listed.ok() || !listed.value().empty();
}

unsigned SpoolDirectory::mode_for_others() const noexcept {
  struct stat found{};
  constexpr ::mode_t kOthersWrite = 0022;
  if (::fstat(directory_.get(), &found) != 0 || (found.st_mode & kOthersWrite) == 0) return 0;
  return found.st_mode & 07777;
}

Result<std::vector<SpoolDirectory::Segment>> SpoolDirectory::segments() const {
  std::vector<Segment> found;
  const int copy = ::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const auto close = [](DIR* opened) { ::closedir(opened); };
  const std::unique_ptr<DIR, decltype(close)> listing(copy < 0 ? nullptr : ::fdopendir(copy), close);
  if (!listing) {
    const int error = errno;
    if (copy >= 0) ::close(copy);
    return spool_error("cannot list the spool in " + in_quotes(path_), error);
  }
  while (const dirent* const entry = ::readdir(listing.get())) {
    const auto sequence = sequence_of_segment(entry->d_name);
    struct stat file{};
    if (!sequence || ::fstatat(directory_.get(), entry->d_name, &file, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(file.st_mode)) {
      return Status(ErrorCode::spool_failed, in_quotes(entry->d_name) + " in the spool " + in_quotes(path_) +
                                                 " has a segment's name and is no file")
          .with_hint("a link or a directory has taken a segment's place: move it away");
    }
    found.push_back({*sequence, static_cast<std::uint64_t>(file.st_size)});
  }
  std::sort(found.begin(), found.end(),
            [](const Segment& a, const Segment& b) { return a.first_sequence < b.first_sequence; });
  return found;
}

FileDescriptor SpoolDirectory::open_at(std::uint64_t first_sequence, int flags) const noexcept {
  char name[kSegmentNameBytes + 1];
  std::snprintf(name, sizeof(name), "%020llu.hfspool", static_cast<unsigned long long>(first_sequence));
  return FileDescriptor(::openat(directory_.get(), name, flags | O_NOFOLLOW | O_CLOEXEC, kFileMode));
}

FileDescriptor SpoolDirectory::open_segment(std::uint64_t first_sequence) const noexcept {
  return open_at(first_sequence, O_RDONLY);
}

FileDescriptor SpoolDirectory::open_for_repair(std::uint64_t first_sequence) const noexcept {
  return open_at(first_sequence, O_RDWR);
}

FileDescriptor SpoolDirectory::create_segment(std::uint64_t first_sequence) const noexcept {
  return open_at(first_sequence, O_RDWR | O_CREAT | O_EXCL);
}

bool SpoolDirectory::remove_segment(std::uint64_t first_sequence) const noexcept {
  char name[kSegmentNameBytes + 1];
  std::snprintf(name, sizeof(name), "%020llu.hfspool", static_cast<unsigned long long>(first_sequence));
  return ::unlinkat(directory_.get(), name, 0) == 0 || errno == ENOENT;
}

bool SpoolDirectory::sync() const noexcept {
  return ::fsync(directory_.get()) == 0;
}

}  // namespace honeyframe
