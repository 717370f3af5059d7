#include "spool_sync.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "spool_for_tests.h"

namespace honeyframe {
namespace {

using namespace std::chrono_literals;
using testing::TemporaryDirectory;

template <typename Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(10ms);
  return condition();
}

std::shared_ptr<SpoolFile> file_in(const TemporaryDirectory& directory) {
  return std::make_shared<SpoolFile>(
      FileDescriptor(::open((directory / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)),
      std::make_shared<SyncError>());
}

TEST(SpoolFile, SyncsOnlyWhatWasWritten) {
  const TemporaryDirectory directory;
  const auto file = file_in(directory);
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(file->syncs(), 0u);
  file->written();
  EXPECT_TRUE(file->sync());
  EXPECT_TRUE(file->sync());
  EXPECT_EQ(file->syncs(), 1u);
}

TEST(SpoolFile, ASyncThatFailsIsNotForgotten) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const FileDescriptor other(ends[0]);
  const auto error = std::make_shared<SyncError>();
  SpoolFile file(FileDescriptor(ends[1]), error);  // a pipe cannot be synced
  file.written();
  EXPECT_FALSE(file.sync());
  EXPECT_EQ(error->get(), EINVAL);
  EXPECT_FALSE(file.sync()) << "with nothing new to sync";
  error->note(EIO);
  EXPECT_EQ(error->get(), EINVAL) << "the first";
}

TEST(SpoolSync, SyncsEveryIntervalOnlyWhereSomethingWasWritten) {
  const TemporaryDirectory directory;
  const auto file = file_in(directory);
  ASSERT_TRUE(SpoolSync::watch(file, 5ms));
  for (std::uint64_t round = 1; round <= 3; ++round) {
    file->written();
    EXPECT_TRUE(soon([&] { return file->syncs() == round; }));
  }
  std::this_thread::sleep_for(50ms);
  EXPECT_EQ(file->syncs(), 3u);
}

TEST(SpoolSync, TheThreadGoesWithTheLastFileWhichItSyncsOnceMore) {
  const TemporaryDirectory directory;
  auto file = file_in(directory);
  const std::weak_ptr<SpoolFile> watched = file;
  ASSERT_TRUE(SpoolSync::watch(file, 20ms));
  EXPECT_TRUE(SpoolSync::running());
  file->written();
  file.reset();
  EXPECT_TRUE(soon([&] { return watched.expired(); }));
  EXPECT_TRUE(soon([] { return !SpoolSync::running(); }));
  ASSERT_TRUE(SpoolSync::watch(file_in(directory), 5ms)) << "and comes again";
  EXPECT_TRUE(soon([] { return !SpoolSync::running(); }));
}

}  // namespace
}  // namespace honeyframe
