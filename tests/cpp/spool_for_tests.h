#pragma once

// What the tests of spools share: a directory that goes with the test, messages, and all records of a spool.

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "message.h"
#include "spool_format.h"
#include "spool_reader.h"
#include "spool_writer.h"

namespace honeyframe::testing {

class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(const std::string& parent = std::filesystem::temp_directory_path().string()) {
    std::string name = parent + "/honeyframe-spool-XXXXXX";
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline MessageView message(std::string_view payload, std::string_view topic = "plant/1/telemetry") {
  MessageView view;
  view.topic = topic;
  view.payload = payload;
  view.receive_time_ns = 1'700'000'000'000'000'000;
  view.qos = 1;
  return view;
}

inline std::vector<std::string> segment_files(const std::string& path) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path)) {
    if (entry.path().extension() == ".hfspool") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

inline std::string bytes_of(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

inline void write_bytes(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

// As if the machine had been started anew since the spool was written: every header, and the lock, tells another boot.
inline void fake_boot(const std::string& path) {
  for (const auto& file : segment_files(path)) {
    const std::string bytes = bytes_of(file);
    auto header = decode_header(bytes);
    ASSERT_TRUE(header) << file;
    header->boot += 1;
    std::string other;
    encode_header(*header, other);
    write_bytes(file, other + bytes.substr(kSegmentHeaderBytes));
  }
  const auto lock = SpoolDirectory::open(path, false).value().lock();
  ASSERT_TRUE(lock.ok());
  SpoolMark mark = lock.value()->kept();
  mark.boot += 1;
  ASSERT_TRUE(lock.value()->keep(mark));
}

// While it lives, the spool can be listed, but this file in it opened by nobody: not by root either.
class Unreadable {
 public:
  Unreadable(const std::string& spool, const std::string& file) : file_(file), user_(::geteuid()) {
    std::filesystem::permissions(spool, std::filesystem::perms{0755});
    std::filesystem::permissions(file_, std::filesystem::perms::none);
    constexpr ::uid_t kNobody = 65534;
    if (user_ == 0 && ::seteuid(kNobody) != 0) user_ = kFailed;
  }
  ~Unreadable() {
    if (user_ != kFailed) static_cast<void>(::seteuid(user_) == 0);
    std::filesystem::permissions(file_, std::filesystem::perms{0600});
  }
  Unreadable(const Unreadable&) = delete;
  Unreadable& operator=(const Unreadable&) = delete;
  [[nodiscard]] bool ok() const { return user_ != kFailed; }

 private:
  static constexpr ::uid_t kFailed = static_cast<::uid_t>(-1);
  std::string file_;
  ::uid_t user_;
};

// From here on this system call fails with EIO, in this thread and those it starts, for good: for a child of fork().
inline bool refuse_system_call(long number) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EIO),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog filter{static_cast<unsigned short>(std::size(program)), program};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// What `run` returns in a child of fork(), 0 to 254.
template <typename Run>
int in_child(Run run) {
  const ::pid_t child = ::fork();
  if (child == 0) ::_exit(run());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

struct Kept {
  std::uint64_t sequence;
  std::string payload;
  std::uint64_t missing;
};

inline std::vector<Kept> read_on(SpoolReader& reader) {
  std::vector<Kept> records;
  for (;;) {
    auto next = reader.peek();
    EXPECT_TRUE(next.ok()) << next.status().message();
    if (!next.ok() || !next.value()) return records;
    records.push_back(
        {next.value()->record.sequence, std::string(next.value()->record.payload), next.value()->missing});
    reader.consume();
  }
}

inline std::unique_ptr<SpoolReader> reader_of(const std::string& path, std::uint64_t from = 0) {
  auto reader = SpoolReader::open(path, from);
  EXPECT_TRUE(reader.ok()) << reader.status().message();
  return std::move(reader).value();
}

inline std::vector<Kept> read_all(const std::string& path, std::uint64_t from = 0) {
  return read_on(*reader_of(path, from));
}

inline std::unique_ptr<SpoolWriter> writer_of(SpoolOptions options) {
  auto writer = SpoolWriter::open(std::move(options));
  EXPECT_TRUE(writer.ok()) << writer.status().message();
  return std::move(writer).value();
}

inline std::unique_ptr<SpoolWriter> writer_of(const std::string& path) {
  SpoolOptions options;
  options.path = path;
  return writer_of(std::move(options));
}

}  // namespace honeyframe::testing
