#include "spool_writer.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <new>
#include <random>
#include <utility>

#include "spool_segment.h"
#include "utf8.h"

namespace honeyframe {
namespace {

constexpr std::uint64_t kSegmentsPerSpool = 8;
constexpr std::uint64_t kMaxSegmentBytes = 64u << 20;
constexpr std::uint64_t kMinSegmentBytes = 64u << 10;
// A payload of more goes to the file from where it is; of less, it costs less to put it behind the head.
constexpr std::size_t kCopiedPayload = 32u << 10;
constexpr std::size_t kHeadReserve = kCopiedPayload + (72u << 10);
// Of one write.
constexpr std::size_t kBatchBytes = 256u << 10;
constexpr std::size_t kBatchRecords = 1'024;
constexpr std::array<char, kRecordAlignment> kZeros{};

std::int64_t now_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

std::uint64_t random_salt() {
  std::random_device random;
  return std::uint64_t{random()} << 32 | random();
}

}  // namespace

Status SpoolOptions::validate() const {
  const auto refuse = [](const std::string& what) { return Status(ErrorCode::invalid_argument, what); };
  if (path.empty() || path.find('\0') != std::string::npos) return refuse("spool: expected the path of a directory");
  if (max_bytes < kMinBytes) {
    return refuse("spool_max_bytes: found " + std::to_string(max_bytes) + ", expected " + std::to_string(kMinBytes) +
                  " or more");
  }
  if (sync_interval.count() < 1) return refuse("sync_interval: expected 1 ms or more");
  return {};
}

Result<std::unique_ptr<SpoolWriter>> SpoolWriter::open(SpoolOptions options) {
  if (Status status = options.validate(); !status.ok()) return status;
  if (options.segment_bytes == 0)
    options.segment_bytes = std::min(options.max_bytes / kSegmentsPerSpool, kMaxSegmentBytes);
  options.segment_bytes = std::max(options.segment_bytes, kMinSegmentBytes);
  auto directory = SpoolDirectory::open(options.path, true);
  if (!directory.ok()) return directory.status();
  std::unique_ptr<SpoolWriter> writer(new SpoolWriter(std::move(options), std::move(directory).value()));
  writer->head_.reserve(kHeadReserve);
  if (Status status = writer->take_over(); !status.ok()) return status;
  return writer;
}

SpoolWriter::~SpoolWriter() {
  end_segment();
}

int SpoolWriter::finish() noexcept {
  if (options_.sync != SyncMode::process && file_) static_cast<void>(file_->sync());
  end_segment();
  return sync_error();
}

std::uint64_t SpoolWriter::size_of(const MessageView& message) noexcept {
  std::size_t properties = 0;
  if (message.properties != nullptr) {
    const auto& given = *message.properties;
    properties = 16 + given.content_type.size() + given.response_topic.size() + given.correlation_data.size();
    for (const auto& [name, value] : given.user_properties) properties += 5 + name.size() + value.size();
  }
  return record_bytes(message.topic.size(), properties, message.payload.size());
}

bool SpoolWriter::exceeds_spool(const MessageView& message) const noexcept {
  return size_of(message) + kSegmentHeaderBytes > options_.max_bytes;
}

bool SpoolWriter::has_room(const MessageView& message) const noexcept {
  return bytes_ + size_of(message) + kSegmentHeaderBytes <= options_.max_bytes;
}

namespace {

SpoolRecord record_of(const MessageView& message, std::string_view properties) {
  return {0,           message.receive_time_ns, message.qos, message.retain,
          message.dup, message.topic,           properties,  message.payload};
}

}  // namespace

SpoolWriter::Outcome SpoolWriter::append(const MessageView& message) noexcept {
  try {
    properties_.clear();
    if (message.properties != nullptr) encode_properties(*message.properties, properties_);
  } catch (const std::bad_alloc&) {
    return failure(ENOMEM);
  }
  return append(record_of(message, properties_));
}

SpoolWriter::Outcome SpoolWriter::append(const SpoolRecord& record) noexcept {
  try {
    const std::size_t size = record_bytes(record.topic.size(), record.properties.size(), record.payload.size());
    const bool has_records = file_ && segments_.back().bytes > kSegmentHeaderBytes;
    if (has_records && segments_.back().bytes + size > options_.segment_bytes) end_segment();
    if (bytes_ + size + (file_ ? 0 : kSegmentHeaderBytes) > options_.max_bytes) {
      error_ = 0;
      return Outcome::full;
    }
    if (!file_) {
      if (const Outcome begun = begin_segment(); begun != Outcome::stored) return begun;
    }
    return write_record(record, size);
  } catch (const std::bad_alloc&) {
    return failure(ENOMEM);
  } catch (const std::exception&) {
    return failure(EIO);
  }
}

SpoolWriter::Outcome SpoolWriter::failure(int error) noexcept {
  error_ = error;
  return error == ENOSPC || error == EDQUOT || error == EFBIG ? Outcome::disk_full : Outcome::failed;
}

SpoolWriter::Outcome SpoolWriter::write_record(SpoolRecord record, std::size_t size) {
  record.sequence = next_sequence_;
  encode_record_head(record, salt_, head_);
  std::string_view payload = record.payload;
  std::size_t padding = size - head_.size() - payload.size();
  if (payload.size() <= kCopiedPayload) {
    head_ += payload;
    head_.append(padding, '\0');
    payload = {};
    padding = 0;
  }
  if (write_all(head_, payload, padding) < size) {
    const Outcome outcome = failure(errno);
    undo();
    return outcome;
  }
  count_record(size, record.payload.size());
  settle_written();
  return Outcome::stored;
}

void SpoolWriter::count_record(std::size_t size, std::size_t payload) noexcept {
  Segment& segment = segments_.back();
  segment.bytes += size;
  bytes_ += size;
  payload_bytes_ += payload;
  segment.payload_bytes_at_end = payload_bytes_;
  segment.end = ++next_sequence_;
  due_sequence_ = next_sequence_;
}

// The mark comes last: whoever reads it finds all that it tells of, and it tells of nothing that was not kept as
// promised. Where it cannot be written the next one is another try.
void SpoolWriter::settle_written() noexcept {
  if (options_.sync != SyncMode::process) file_->written();
  if (options_.sync == SyncMode::always) static_cast<void>(file_->sync());
  static_cast<void>(lock_->keep(mark()));
}

bool SpoolWriter::batch(const MessageView& message) noexcept {
  if (!file_ || batched_.size() == kBatchRecords || message.payload.size() > kCopiedPayload) return false;
  try {
    batch_.reserve(kBatchBytes);
    batched_.reserve(kBatchRecords);
    properties_.clear();
    if (message.properties != nullptr) encode_properties(*message.properties, properties_);
    const std::size_t size = record_bytes(message.topic.size(), properties_.size(), message.payload.size());
    const std::size_t all = batch_.size() + size;
    if (all > kBatchBytes || segments_.back().bytes + all > options_.segment_bytes) return false;
    if (bytes_ + all > options_.max_bytes) return false;
    SpoolRecord record = record_of(message, properties_);
    record.sequence = next_sequence_ + batched_.size();
    encode_record_head(record, salt_, head_);
    batch_ += head_;
    batch_ += message.payload;
    batch_.resize(all, '\0');
    batched_.push_back({static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(message.payload.size())});
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

SpoolWriter::Outcome SpoolWriter::commit() noexcept {
  if (!has_batch()) return Outcome::stored;
  std::size_t written = write_all(batch_, {}, 0);
  const int error = errno;
  const bool all = written == batch_.size();
  for (; unwritten_ < batched_.size() && written >= batched_[unwritten_].size; ++unwritten_) {
    const Batched& one = batched_[unwritten_];
    count_record(one.size, one.payload);
    written -= one.size;
    unwritten_at_ += one.size;
  }
  if (unwritten_ > 0) settle_written();
  if (!all) {
    batch_salt_ = salt_;
    undo();
    return failure(error);
  }
  batch_.clear();
  batched_.clear();
  unwritten_ = unwritten_at_ = 0;
  return Outcome::stored;
}

SpoolRecord SpoolWriter::front_of_batch() const noexcept {
  return decode_record(std::string_view(batch_).substr(unwritten_at_), batch_salt_).record;
}

void SpoolWriter::pop_batch() noexcept {
  unwritten_at_ += batched_[unwritten_].size;
  if (++unwritten_ < batched_.size()) return;
  batch_.clear();
  batched_.clear();
  unwritten_ = unwritten_at_ = 0;
}

std::size_t SpoolWriter::write_all(std::string_view head, std::string_view payload, std::size_t padding) noexcept {
  std::array<std::string_view, 3> parts{head, payload, std::string_view(kZeros.data(), padding)};
  const auto begin = static_cast<::off_t>(segments_.back().bytes);
  auto offset = begin;
  for (;;) {
    std::array<iovec, 3> vectors{};
    int count = 0;
    for (const auto& part : parts) {
      // iovec lacks const.
      if (!part.empty()) vectors[static_cast<std::size_t>(count++)] = {const_cast<char*>(part.data()), part.size()};
    }
    if (count == 0) return static_cast<std::size_t>(offset - begin);
    const auto wrote = count == 1 ? ::pwrite(file_->get(), vectors[0].iov_base, vectors[0].iov_len, offset)
                                  : ::pwritev(file_->get(), vectors.data(), count, offset);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) {
      if (wrote == 0) errno = ENOSPC;
      return static_cast<std::size_t>(offset - begin);
    }
    offset += wrote;
    auto gone = static_cast<std::size_t>(wrote);
    for (auto& part : parts) {
      const std::size_t taken = std::min(gone, part.size());
      part.remove_prefix(taken);
      gone -= taken;
    }
  }
}

// Half a record at the end: the next one is written over it, and readers take it for one that is still being written.
void SpoolWriter::undo() noexcept {
  const int kept = errno;
  static_cast<void>(::ftruncate(file_->get(), static_cast<::off_t>(segments_.back().bytes)) == 0);
  errno = kept;
}

SpoolWriter::Outcome SpoolWriter::begin_segment() noexcept {
  FileDescriptor file = directory_.create_segment(next_sequence_);
  if (!file.valid()) return failure(errno);
  const auto give_up = [this](int error) {
    file_.reset();
    static_cast<void>(directory_.remove_segment(next_sequence_));
    if (!segments_.empty() && segments_.back().first == next_sequence_) segments_.pop_back();
    return failure(error);
  };
  try {
    salt_ = random_salt();
    std::string header;
    encode_header({salt_, next_sequence_, due_sequence_, now_ns(), boot_}, header);
    file_ = std::make_shared<SpoolFile>(std::move(file), sync_error_);
    segments_.push_back({next_sequence_, next_sequence_, 0, payload_bytes_});
    if (write_all(header, {}, 0) < header.size()) return give_up(errno);
  } catch (const std::bad_alloc&) {
    return give_up(ENOMEM);
  } catch (const std::exception&) {  // no random numbers
    return give_up(EIO);
  }
  segments_.back().bytes = kSegmentHeaderBytes;
  bytes_ += kSegmentHeaderBytes;
  sync_directory();
  const bool watched = options_.sync != SyncMode::interval || SpoolSync::watch(file_, options_.sync_interval);
  if (!watched) sync_error_->note(EAGAIN);
  return Outcome::stored;
}

// A file whose name is lost is lost, whatever was synced of it.
void SpoolWriter::sync_directory() noexcept {
  if (options_.sync != SyncMode::process && !directory_.sync()) sync_error_->note(errno);
}

// With SyncMode::interval the thread syncs it once more, and notes what comes of it.
void SpoolWriter::end_segment() noexcept {
  file_.reset();
}

const SpoolWriter::Segment* SpoolWriter::oldest() noexcept {
  if (segments_.empty()) return nullptr;
  if (segments_.size() == 1) {
    if (segments_.front().bytes <= kSegmentHeaderBytes) return nullptr;  // the next record's
    end_segment();
  }
  return &segments_.front();
}

bool SpoolWriter::remove_oldest(bool at_once) noexcept {
  const FileDescriptor file = at_once ? directory_.open_for_repair(segments_.front().first) : FileDescriptor();
  // Where it is the only one, nothing but the lock's file will know how far the numbers have come.
  static_cast<void>(segments_.size() > 1 || (lock_->keep(mark()) && lock_->sync()));
  if (!directory_.remove_segment(segments_.front().first)) {
    error_ = errno;
    return false;
  }
  if (file.valid()) static_cast<void>(::ftruncate(file.get(), 0) == 0);  // behind its name: no crash leaves it empty
  bytes_ -= segments_.front().bytes;
  segments_.pop_front();
  return true;
}

}  // namespace honeyframe
