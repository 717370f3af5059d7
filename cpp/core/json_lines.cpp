#include "json_lines.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

namespace honeyframe {
namespace {

constexpr std::size_t kPiece = std::size_t{4} << 20;
constexpr std::size_t kMaxLine = std::size_t{256} << 20;  // no MQTT packet is larger

Status io_error(const std::string& what, const std::string& path, int code) {
  return Status(ErrorCode::invalid_argument, what + " '" + path + "': " + std::strerror(code)).with_native_code(code);
}

std::string_view without_carriage_return(std::string_view line) {
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return line;
}

bool is_blank(std::string_view line) {
  return line.find_first_not_of(" \t") == std::string_view::npos;
}

}  // namespace

JsonLines::JsonLines(std::string path, std::FILE* file)
    : path_(std::move(path)), file_(file), topics_(std::make_shared<TopicDictionary>()) {}

Result<JsonLines> JsonLines::open(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return io_error("cannot open", path, errno);
  return JsonLines(path, file);
}

Result<bool> JsonLines::read_more() {
  pending_.erase(0, std::exchange(begin_, 0));
  if (pending_.size() > kMaxLine) {
    return Status(ErrorCode::invalid_argument, "'" + path_ + "' has a line of more than 256 MiB")
        .with_hint("A JSON-lines file has one JSON text a line. Is this one?");
  }
  const std::size_t size = pending_.size();
  pending_.resize(size + kPiece);
  const std::size_t count = std::fread(pending_.data() + size, 1, kPiece, file_.get());
  const int code = errno;
  pending_.resize(size + count);
  if (count == 0 && std::ferror(file_.get()) != 0) return io_error("cannot read", path_, code);
  return count > 0;
}

Result<std::shared_ptr<const MessageBlock>> JsonLines::next() {
  std::vector<std::string_view> lines;
  std::size_t bytes = 0;
  while (lines.empty()) {
    std::size_t end = pending_.find('\n', begin_);
    if (end == std::string::npos && !at_end_) {
      Result<bool> more = read_more();
      if (!more.ok()) return more.status();
      at_end_ = !more.value();
      continue;
    }
    if (begin_ == pending_.size()) return std::shared_ptr<const MessageBlock>();
    while (begin_ < pending_.size() && (end != std::string::npos || at_end_)) {
      const std::size_t stop = std::min(end, pending_.size());
      const std::string_view line = without_carriage_return({pending_.data() + begin_, stop - begin_});
      if (!is_blank(line)) {
        lines.push_back(line);
        bytes += line.size() + kPayloadPadding;
      }
      begin_ = std::min(stop + 1, pending_.size());
      end = pending_.find('\n', begin_);
    }
  }
  auto block = std::make_shared<MessageBlock>(bytes, topics_);
  const std::uint32_t topic = topics_->intern("");
  for (const std::string_view line : lines) {
    MessageView message;
    message.payload = line;
    if (!block->append(message, topic, false)) {
      return Status(ErrorCode::internal, "a line of '" + path_ + "' does not fit the block made for it");
    }
  }
  return std::shared_ptr<const MessageBlock>(std::move(block));
}

}  // namespace honeyframe
