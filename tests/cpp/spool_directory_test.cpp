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
    EXPECT_TRUE(lock.value()->keep({77, 5}));
    EXPECT_EQ(spool.value().lock().status().code(), ErrorCode::spool_in_use);
  }
  const auto lock = spool.value().lock();
  ASSERT_TRUE(lock.ok());
  EXPECT_EQ(lock.value()->kept().least_sequence, 77u);
  EXPECT_EQ(lock.value()->kept().boot, 5u);
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
