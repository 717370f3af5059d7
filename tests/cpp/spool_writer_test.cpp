#include "spool_writer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>
#include <vector>

#include "allocation_counter.h"
#include "spool_for_tests.h"

namespace honeyframe {
namespace {

using namespace testing;
using Outcome = SpoolWriter::Outcome;

// A spool of `count` messages "0", "1", … in `path`, let go again.
void write_spool(const std::string& path, int count, const SpoolOptions& options = {}) {
  SpoolOptions mine = options;
  mine.path = path;
  const auto writer = writer_of(mine);
  for (int i = 0; i < count; ++i) ASSERT_EQ(writer->append(message(std::to_string(i))), Outcome::stored);
}

TEST(SpoolOptions, AreCheckedByName) {
  const auto refused = [](auto change) {
    SpoolOptions options;
    options.path = "somewhere";
    change(options);
    return options.validate().message();
  };
  EXPECT_EQ(refused([](SpoolOptions&) {}), "");
  EXPECT_NE(refused([](SpoolOptions& o) { o.path = ""; }).find("spool"), std::string::npos);
  EXPECT_NE(refused([](SpoolOptions& o) { o.max_bytes = 4096; }).find("spool_max_bytes: found 4096"),
            std::string::npos);
  EXPECT_NE(refused([](SpoolOptions& o) { o.sync_interval = {}; }).find("sync_interval"), std::string::npos);
}

TEST(SpoolWriter, WritesWhatAReaderReads) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 3);
  const auto records = read_all(directory / "spool");
  ASSERT_EQ(records.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(records[i].sequence, i + 1);
    EXPECT_EQ(records[i].payload, std::to_string(i));
    EXPECT_EQ(records[i].missing, 0u);
  }
}

TEST(SpoolWriter, KeepsFlagsTimesTopicsAndProperties) {
  const TemporaryDirectory directory;
  const MessageProperties properties{"text/plain", "r", "c", {{"k", "v"}}};
  {
    const auto writer = writer_of(directory / "spool");
    MessageView full = message("payload", "ä/b");
    full.qos = 2;
    full.retain = full.dup = true;
    full.receive_time_ns = 5;
    full.properties = &properties;
    ASSERT_EQ(writer->append(full), Outcome::stored);
    ASSERT_EQ(writer->append(message("")), Outcome::stored);
  }
  const auto reader = reader_of(directory / "spool");
  const auto first = reader->peek();
  ASSERT_TRUE(first.ok() && first.value());
  const SpoolRecord& record = first.value()->record;
  EXPECT_EQ(record.topic, "ä/b");
  EXPECT_EQ(record.payload, "payload");
  EXPECT_EQ(record.receive_time_ns, 5);
  EXPECT_TRUE(record.qos == 2 && record.retain && record.dup);
  MessageProperties back;
  ASSERT_TRUE(decode_properties(record.properties, back));
  EXPECT_EQ(back.content_type, "text/plain");
  EXPECT_EQ(back.user_properties, properties.user_properties);
  reader->consume();
  EXPECT_EQ(read_on(*reader).at(0).payload, "") << "a retained message was cleared";
}

TEST(SpoolWriter, OthersOnTheMachineSeeNothing) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 1);
  struct stat found{};
  ASSERT_EQ(::stat((directory / "spool").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0700u);
  ASSERT_EQ(::stat(segment_files(directory / "spool").at(0).c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST(SpoolWriter, ASecondWriterIsRefusedHereAndInAnotherProcess) {
  const TemporaryDirectory directory;
  auto first = writer_of(directory / "spool");
  SpoolOptions options;
  options.path = directory / "spool";
  EXPECT_EQ(SpoolWriter::open(options).status().code(), ErrorCode::spool_in_use);
  const pid_t child = ::fork();
  if (child == 0) {
    // A new process has none of ours: as one that was started by itself.
    ::execl("/bin/sh", "sh", "-c", "exec 9<>\"$0\"/lock; true", options.path.c_str(), nullptr);
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(SpoolWriter::open(options).status().code(), ErrorCode::spool_in_use);
  first.reset();
  EXPECT_TRUE(SpoolWriter::open(options).ok());
}

TEST(SpoolWriter, SaysWhyADirectoryIsNone) {
  const TemporaryDirectory directory;
  SpoolOptions options;
  options.path = directory / "missing/spool";
  const Status missing = SpoolWriter::open(options).status();
  EXPECT_EQ(missing.code(), ErrorCode::spool_failed);
  EXPECT_EQ(missing.native_code(), ENOENT);
  write_bytes(directory / "file", "x");
  options.path = directory / "file";
  EXPECT_EQ(SpoolWriter::open(options).status().native_code(), ENOTDIR);
}

TEST(SpoolWriter, GoesOnWithTheNextNumberAndNeverGivesOneTwice) {
  const TemporaryDirectory directory;
  for (int run = 0; run < 5; ++run) write_spool(directory / "spool", run % 3);  // some runs write nothing
  const auto records = read_all(directory / "spool");
  ASSERT_EQ(records.size(), 0u + 1 + 2 + 0 + 1);
  for (std::size_t i = 0; i < records.size(); ++i) EXPECT_EQ(records[i].sequence, i + 1);
}

TEST(SpoolWriter, NumbersOutliveTheDeletionOfEverySegment) {
  const TemporaryDirectory directory;
  {
    const auto writer = writer_of(directory / "spool");
    for (int i = 0; i < 7; ++i) ASSERT_EQ(writer->append(message("x")), Outcome::stored);
    ASSERT_NE(writer->oldest(), nullptr);
    EXPECT_TRUE(writer->remove_oldest());
    EXPECT_EQ(writer->oldest(), nullptr);
  }
  EXPECT_TRUE(segment_files(directory / "spool").empty());
  write_spool(directory / "spool", 1);
  EXPECT_EQ(read_all(directory / "spool").at(0).sequence, 8u);
}

TEST(SpoolWriter, AfterAnotherStartOfTheMachineNumbersJumpAndNothingCountsAsMissing) {
  const TemporaryDirectory directory;
  write_spool(directory / "spool", 2);
  fake_boot(directory / "spool");
  write_spool(directory / "spool", 1);
  const auto records = read_all(directory / "spool");
  ASSERT_EQ(records.size(), 3u);
  EXPECT_GT(records[2].sequence, 1'000'000u);
  EXPECT_EQ(records[2].missing, 0u);
}

// What the machine loses when it stops: a record, a header, the whole file.
TEST(SpoolWriter, AfterAnotherStartOfTheMachineNumbersJumpWhateverIsLeft) {
  const auto next_after = [](auto lose) {
    const TemporaryDirectory directory;
    const std::string path = directory / "spool";
    write_spool(path, 2);
    fake_boot(path);
    lose(segment_files(path).at(0));
    return writer_of(path)->next_sequence();
  };
  constexpr std::uint64_t kJump = std::uint64_t{1} << 32;
  EXPECT_EQ(next_after([](const std::string&) {}), kJump + 3);
  EXPECT_GT(next_after([](const std::string& file) { std::filesystem::resize_file(file, kSegmentHeaderBytes); }),
            kJump);
  EXPECT_GT(next_after([](const std::string& file) { std::filesystem::remove(file); }), kJump);
  EXPECT_GT(next_after([](const std::string& file) { write_bytes(file, std::string(bytes_of(file).size(), '\0')); }),
            kJump);
}

TEST(SpoolWriter, NumbersJumpOnceAStartOfTheMachineAlsoWhereNothingIsWritten) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_spool(path, 2);
  fake_boot(path);
  const std::uint64_t next = writer_of(path)->next_sequence();
  EXPECT_EQ(writer_of(path)->next_sequence(), next);
  fake_boot(path);
  EXPECT_GE(writer_of(path)->next_sequence(), next + (std::uint64_t{1} << 32))
      << "numbers behind the first jump may have been given out, and lost with their segment";
}

TEST(SpoolWriter, AJumpIsNotCountedAsMessages) {
  const TemporaryDirectory directory;
  for (const int count : {2, 3, 1}) {
    write_spool(directory / "spool", count);
    fake_boot(directory / "spool");
  }
  const auto writer = writer_of(directory / "spool");
  std::vector<std::uint64_t> counts;
  for (const auto& segment : writer->segments()) counts.push_back(segment.end - segment.first);
  EXPECT_EQ(counts, (std::vector<std::uint64_t>{2, 3, 1}));
}

// Cut at every byte of the last record, and at every byte of the header of a segment that has just begun.
TEST(SpoolWriter, ATailTornAtAnyByteIsCutOff) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_spool(path, 2);
  const std::string lock = bytes_of(path + "/lock");
  std::filesystem::remove_all(path);
  write_spool(path, 3);
  const std::string file = segment_files(path).at(0);
  const std::string whole = bytes_of(file);
  const std::size_t record = record_bytes(message("2").topic.size(), 0, 1);
  for (std::size_t torn = 1; torn < record; ++torn) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directory(path);
    write_bytes(path + "/lock", lock);
    write_bytes(file, whole.substr(0, whole.size() - torn));
    {
      const auto writer = writer_of(path);
      ASSERT_NE(writer->repair(), nullptr);
      EXPECT_EQ(writer->repair()->bytes, record - torn) << torn;
      EXPECT_EQ(writer->repair()->offset, whole.size() - record);
      ASSERT_EQ(writer->append(message("new")), Outcome::stored);
    }
    const auto reader = reader_of(path);
    const auto records = read_on(*reader);
    ASSERT_EQ(records.size(), 3u) << torn;
    EXPECT_EQ(records[1].payload, "1");
    EXPECT_EQ(records[2].payload, "new");
    EXPECT_EQ(records[2].sequence, 3u);
    EXPECT_EQ(reader->damages(), 0u) << torn;
  }
}

TEST(SpoolWriter, ASegmentTornInItsHeaderGoes) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_spool(path, 2);
  const std::string second = path + "/" + segment_name(3);
  std::string header;
  encode_header({1, 3, 3, 0, 0}, header);
  for (std::size_t size = 0; size <= kSegmentHeaderBytes; ++size) {
    write_bytes(second, header.substr(0, size));
    write_spool(path, 0);
    EXPECT_FALSE(std::filesystem::exists(second)) << size;
    const auto reader = reader_of(path);
    EXPECT_EQ(read_on(*reader).size(), 2u) << size;
    EXPECT_EQ(reader->damages(), 0u) << size;
  }
}

TEST(SpoolWriter, DamageInTheMiddleOfTheLastSegmentIsNotCutOff) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  write_spool(path, 3);
  const std::string file = segment_files(path).at(0);
  std::string bytes = bytes_of(file);
  bytes[kSegmentHeaderBytes + kRecordPrefixBytes] ^= 1;  // of the first record
  write_bytes(file, bytes);
  write_spool(path, 1);
  EXPECT_EQ(bytes_of(file), bytes);
  EXPECT_EQ(read_all(path).size(), 3u);
}

TEST(SpoolWriter, SegmentsEndAtTheirBound) {
  const TemporaryDirectory directory;
  SpoolOptions options;
  options.path = directory / "spool";
  options.segment_bytes = 64u << 10;
  const std::string payload(1000, 'p');
  {
    const auto writer = writer_of(options);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(writer->append(message(payload)), Outcome::stored);
    std::uint64_t sum = 0;
    for (const auto& segment : writer->segments()) sum += segment.bytes;
    EXPECT_EQ(sum, writer->bytes());
  }
  const auto files = segment_files(options.path);
  EXPECT_GT(files.size(), 10u);
  for (const auto& file : files) EXPECT_LE(std::filesystem::file_size(file), options.segment_bytes);
  EXPECT_EQ(read_all(options.path).size(), 1000u);
}

TEST(SpoolWriter, AMessageLargerThanASegmentHasOneOfItsOwn) {
  const TemporaryDirectory directory;
  SpoolOptions options;
  options.path = directory / "spool";
  options.segment_bytes = 64u << 10;
  const std::string large(300'000, 'L');
  {
    const auto writer = writer_of(options);
    for (const auto& payload : {std::string("a"), large, std::string("b")}) {
      ASSERT_EQ(writer->append(message(payload)), Outcome::stored);
    }
  }
  EXPECT_EQ(segment_files(options.path).size(), 3u);
  const auto records = read_all(options.path);
  ASSERT_EQ(records.size(), 3u);
  EXPECT_EQ(records[1].payload, large);
}

TEST(SpoolWriter, NeverExceedsItsBound) {
  const TemporaryDirectory directory;
  SpoolOptions options;
  options.path = directory / "spool";
  options.max_bytes = SpoolOptions::kMinBytes;
  const auto writer = writer_of(options);
  const std::string payload(5000, 'p');
  int stored = 0;
  while (writer->append(message(payload)) == Outcome::stored) ++stored;
  EXPECT_GT(stored, 190);
  EXPECT_LE(writer->bytes(), options.max_bytes);
  EXPECT_TRUE(writer->exceeds_spool(message(std::string(SpoolOptions::kMinBytes, 'x'))));
  EXPECT_FALSE(writer->exceeds_spool(message(payload)));
  const auto* oldest = writer->oldest();
  ASSERT_NE(oldest, nullptr);
  EXPECT_EQ(oldest->first, 1u);
  const std::uint64_t behind = oldest->end;
  EXPECT_TRUE(writer->remove_oldest());
  EXPECT_EQ(writer->append(message(payload)), Outcome::stored);
  EXPECT_EQ(read_all(options.path).at(0).sequence, behind);
}

// In a process of its own: the bound on a file's size stands for the disk's.
TEST(SpoolWriter, AWriteThatFailsLeavesNoTrace) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    auto writer = SpoolWriter::open([&] {
                    SpoolOptions options;
                    options.path = path;
                    return options;
                  }())
                      .value()
                      .release();
    const std::string payload(700, 'p');
    const rlimit few{10'100, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &few);
    int stored = 0;
    while (writer->append(message(payload)) == Outcome::stored) ++stored;
    const bool refused = writer->append(message(payload)) == Outcome::disk_full && writer->error() == EFBIG;
    const bool small_fits = writer->append(message("s")) == Outcome::stored;  // the undone bytes are free again
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &all);
    const bool again = writer->append(message("end")) == Outcome::stored;
    ::_exit(refused && small_fits && again ? stored : 200);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const auto stored = static_cast<std::size_t>(WEXITSTATUS(status));
  ASSERT_GT(stored, 5u);
  ASSERT_LT(stored, 20u);
  const auto reader = reader_of(path);
  const auto records = read_on(*reader);
  ASSERT_EQ(records.size(), stored + 2);
  EXPECT_EQ(records.back().payload, "end");
  EXPECT_EQ(records.back().sequence, stored + 2) << "a refused message takes no number";
  EXPECT_EQ(reader->damages(), 0u);
}

// The disk takes a segment's header, and no record: room is asked for, and there is none to give up.
TEST(SpoolWriter, ASegmentWithoutRecordsIsNotGivenUp) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  const pid_t child = ::fork();
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    SpoolOptions options;
    options.path = path;
    auto* const writer = SpoolWriter::open(options).value().release();
    const rlimit few{kSegmentHeaderBytes + 8, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &few);
    int failed = writer->append(message("x")) != Outcome::disk_full ? 1 : 0;
    if (writer->oldest() != nullptr) failed |= 2;
    if (writer->append(message("x")) != Outcome::disk_full) failed |= 4;
    const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
    ::setrlimit(RLIMIT_FSIZE, &all);
    if (writer->append(message("x")) != Outcome::stored) failed |= 8;
    if (writer->bytes() != std::filesystem::file_size(segment_files(path).at(0))) failed |= 16;
    ::_exit(failed);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  const auto records = read_all(path);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].sequence, 1u);
}

TEST(SpoolWriter, AFileInTheNextSegmentsPlaceIsLeftAlone) {
  const TemporaryDirectory directory;
  const std::string path = directory / "spool";
  const auto writer = writer_of(path);
  const std::string other = path + "/" + segment_name(1);
  write_bytes(other, "x");
  EXPECT_EQ(writer->append(message("x")), Outcome::failed);
  EXPECT_EQ(writer->error(), EEXIST);
  EXPECT_EQ(bytes_of(other), "x");
  EXPECT_TRUE(writer->segments().empty());
}

TEST(SpoolWriter, AllocatesNothingForAMessage) {
  const TemporaryDirectory directory;
  const auto writer = writer_of(directory / "spool");
  const std::string large(100'000, 'L');
  ASSERT_EQ(writer->append(message("first")), Outcome::stored);
  const auto before = allocations_of_this_thread();
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(writer->append(message("{\"temperature\": 21.5}")), Outcome::stored);
    ASSERT_EQ(writer->append(message(large)), Outcome::stored);
  }
  EXPECT_EQ(allocations_of_this_thread(), before);
}

TEST(SpoolWriter, WithoutMemoryNothingIsStoredAndNothingBreaks) {
  const TemporaryDirectory directory;
  const auto writer = writer_of(directory / "spool");
  {
    const FailingAllocations none;
    EXPECT_EQ(writer->append(message("first")), Outcome::failed) << "a segment takes some";
  }
  EXPECT_EQ(writer->append(message("second")), Outcome::stored);
  EXPECT_EQ(read_all(directory / "spool").at(0).payload, "second");
}

TEST(SpoolWriter, AlwaysSyncsEachMessage) {
  const TemporaryDirectory directory;
  SpoolOptions options;
  options.path = directory / "spool";
  options.sync = SyncMode::always;
  const auto writer = writer_of(options);
  for (int i = 0; i < 5; ++i) ASSERT_EQ(writer->append(message("x")), Outcome::stored);
  EXPECT_EQ(writer->syncs(), 5u);
  EXPECT_EQ(writer->sync_error(), 0);
}

constexpr int kNoFilter = 100;

// What the writer tells after a message and `run`, in a child where that system call fails from then on.
template <typename Run>
int sync_error_where_it_fails(SyncMode sync, long number, Run run) {
  const TemporaryDirectory directory;
  SpoolOptions options;
  options.path = directory / "spool";
  options.sync = sync;
  options.sync_interval = std::chrono::milliseconds(200);
  return in_child([&] {
    const auto writer = writer_of(options);
    // Before the thread is there: it has the filter of the one that starts it.
    if (!refuse_system_call(number) || writer->append(message("x")) != Outcome::stored) return kNoFilter;
    run(*writer);
    return writer->sync_error();
  });
}

TEST(SpoolWriter, TellsWhereItsLastSyncFails) {
  for (const auto sync : {SyncMode::interval, SyncMode::process}) {
    const int error =
        sync_error_where_it_fails(sync, SYS_fdatasync, [](SpoolWriter& writer) { static_cast<void>(writer.finish()); });
    EXPECT_EQ(error, sync == SyncMode::process ? 0 : EIO);
  }
}

TEST(SpoolWriter, TellsWhereASegmentThatItHasEndedIsNotSynced) {
  const int error = sync_error_where_it_fails(SyncMode::interval, SYS_fdatasync, [](SpoolWriter& writer) {
    static_cast<void>(writer.oldest());  // ends it
    for (int i = 0; i < 500 && writer.sync_error() == 0; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  });
  if (error == kNoFilter) GTEST_SKIP() << "system calls cannot be made to fail here";
  EXPECT_EQ(error, EIO);
}

TEST(SpoolWriter, TellsWhereASegmentsNameIsNotSynced) {
  const auto nothing = [](SpoolWriter&) {};
  const int error = sync_error_where_it_fails(SyncMode::always, SYS_fsync, nothing);
  if (error == kNoFilter) GTEST_SKIP() << "system calls cannot be made to fail here";
  EXPECT_EQ(error, EIO);
  EXPECT_EQ(sync_error_where_it_fails(SyncMode::process, SYS_fsync, nothing), 0) << "it promises none";
}

}  // namespace
}  // namespace honeyframe
