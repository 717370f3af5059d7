#include "spool_directory.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <string>

#include "spool_for_tests.h"
#include "spool_format.h"

namespace honeyframe {
namespace {

using namespace testing;

TEST(SpoolDirectory, ListsSegmentsByNumberAndNothingElse) {
  const TemporaryDirectory directory;
  for (const std::uint64_t first : {100u, 9u, 20u}) write_bytes(directory / segment_name(first), "abc");
  write_bytes(directory / "notes.txt", "");
  std::filesystem::create_directory(directory / "folder");
  const auto spool = SpoolDirectory::open(directory.path(), false);
  ASSERT_TRUE(spool.ok());
  const auto segments = spool.value().segments();
  ASSERT_TRUE(segments.ok());
  ASSERT_EQ(segments.value().size(), 3u);
  EXPECT_EQ(segments.value()[0].first_sequence, 9u);
  EXPECT_EQ(segments.value()[2].first_sequence, 100u);
  EXPECT_EQ(segments.value()[2].bytes, 3u);
  EXPECT_FALSE(spool.value().create_segment(9).valid()) << "what is there is not overwritten";
}

TEST(SpoolDirectory, SaysWhatHasTakenASegmentsPlace) {
  const TemporaryDirectory links;
  std::filesystem::create_symlink("/etc/passwd", links / segment_name(4));
  const TemporaryDirectory folders;
  std::filesystem::create_directory(folders / segment_name(4));
  for (const auto* const directory : {&links, &folders}) {
    const auto spool = SpoolDirectory::open(directory->path(), false);
    ASSERT_TRUE(spool.ok());
    const auto segments = spool.value().segments();
    ASSERT_FALSE(segments.ok());
    EXPECT_EQ(segments.status().code(), ErrorCode::spool_failed);
    EXPECT_NE(segments.status().message().find(segment_name(4)), std::string::npos);
    EXPECT_FALSE(spool.value().open_segment(4).valid() && directory == &links) << "a link is not followed";
  }
}

TEST(SpoolDirectory, TheLockKeepsTheLeastSequenceAndTheBoot) {
  const TemporaryDirectory directory;
  const auto spool = SpoolDirectory::open(directory.path(), false);
  ASSERT_TRUE(spool.ok());
  {
    const auto lock = spool.value().lock();
    ASSERT_TRUE(lock.ok());
    EXPECT_EQ(lock.value()->kept().least_sequence, 0u);
    EXPECT_TRUE(lock.value()->keep({77, 5, 70}));
    EXPECT_EQ(spool.value().lock().status().code(), ErrorCode::spool_in_use);
  }
  const auto lock = spool.value().lock();
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(lock.value()->kept().least_sequence, 77u);
  EXPECT_EQ(lock.value()->kept().boot, 5u);
  EXPECT_EQ(lock.value()->kept().due_sequence, 70u);
  EXPECT_EQ(spool.value().kept().due_sequence, 70u) << "read by others";
  EXPECT_EQ(spool.value().lock().status().code(), ErrorCode::spool_in_use) << "and the lock is still held";
}

TEST(SpoolDirectory, ADamagedMarkTellsThatThereWasAWriterAndNoMore) {
  const TemporaryDirectory directory;
  const auto spool = SpoolDirectory::open(directory.path(), false);
  EXPECT_TRUE(spool.value().lock().value()->keep({77, 5, 70}));
  const std::string whole = bytes_of(directory / "lock");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
    write_bytes(directory / "lock", bytes);
    const SpoolMark mark = spool.value().kept();
    EXPECT_EQ(mark.least_sequence, kFirstSequence) << at;
    EXPECT_EQ(mark.boot, 0u);
    EXPECT_EQ(mark.due_sequence, 0u);
  }
}

TEST(SpoolDirectory, WhatHasOtherThingsAloneIsNoSpool) {
  const TemporaryDirectory directory;
  const auto spool = SpoolDirectory::open(directory.path(), false);
  EXPECT_TRUE(spool.value().may_be_a_spool()) << "empty: its writer may be on its way";
  write_bytes(directory / "notes.txt", "");
  EXPECT_FALSE(spool.value().may_be_a_spool());
  write_bytes(directory / segment_name(1), "");
  EXPECT_TRUE(spool.value().may_be_a_spool());
  std::filesystem::remove(directory / segment_name(1));
  EXPECT_TRUE(spool.value().lock().ok());
  EXPECT_TRUE(spool.value().may_be_a_spool());
}

TEST(SpoolDirectory, TellsTheModeThatLetsOthersDelete) {
  const TemporaryDirectory directory;
  const auto mode_of = [&](unsigned mode) {
    std::filesystem::permissions(directory.path(), std::filesystem::perms{mode});
    return SpoolDirectory::open(directory.path(), true).value().mode_for_others();
  };
  EXPECT_EQ(mode_of(0777), 0777u);
  EXPECT_EQ(mode_of(0770), 0770u);
  EXPECT_EQ(mode_of(0755), 0u) << "the files are for their owner alone";
  EXPECT_EQ(mode_of(0700), 0u);
}

TEST(SpoolDirectory, ALockWithoutABootIsOfAnUnknownOne) {
  const TemporaryDirectory directory;
  write_bytes(directory / "lock", std::string("\x4D\0\0\0\0\0\0\0", 8));
  const auto lock = SpoolDirectory::open(directory.path(), false).value().lock();
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(lock.value()->kept().least_sequence, 77u);
  EXPECT_EQ(lock.value()->kept().boot, 0u);
}

TEST(SpoolDirectory, TellsWhereItsOwnNameIsNotDurable) {
  const TemporaryDirectory directory;
  constexpr int kNoFilter = 100;
  const int error = in_child([&] {
    if (!refuse_system_call(SYS_fsync)) return kNoFilter;
    return SpoolDirectory::open(directory / "new", true).value().sync_error();
  });
  if (error == kNoFilter) GTEST_SKIP() << "system calls cannot be made to fail here";
  EXPECT_EQ(error, EIO);
  EXPECT_EQ(SpoolDirectory::open(directory / "newer", true).value().sync_error(), 0);
}

TEST(SpoolDirectory, TheBootHasANumber) {
  EXPECT_EQ(boot_number(), boot_number());
  if (std::filesystem::exists("/proc/sys/kernel/random/boot_id")) {
    EXPECT_NE(boot_number(), 0u);
  }
}

}  // namespace
}  // namespace honeyframe
