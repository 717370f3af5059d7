#pragma once

// JsonLines: a file of one payload a line, read into message blocks in bounded pieces. Owns its file; used on one
// thread.

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "message_block.h"
#include "status.h"

namespace honeyframe {

class JsonLines {
 public:
  // Errors: invalid_argument; native_code() is then errno.
  static Result<JsonLines> open(const std::string& path);

  // The next block of lines, in order, without their "\n" or "\r\n"; blank lines are skipped, a first byte order mark
  // stays in its line. Null at the end. A line longer than a block gets a block of its own. Errors: invalid_argument
  // (reading fails; a line above 256 MiB).
  [[nodiscard]] Result<std::shared_ptr<const MessageBlock>> next();

 private:
  struct Closer {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
  };
  JsonLines(std::string path, std::FILE* file);

  // Appends more of the file to `pending_`; false at its end.
  Result<bool> read_more();

  std::string path_;
  std::unique_ptr<std::FILE, Closer> file_;
  std::string pending_;    // read, not yet handed out; ends anywhere
  std::size_t begin_ = 0;  // of the first line in `pending_` that was not handed out
  bool at_end_ = false;
  std::shared_ptr<TopicDictionary> topics_;
};

}  // namespace honeyframe
