#include "load.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

namespace benchmark {

namespace {

[[noreturn]] void refuse(const std::string& path, const char* reason) {
  std::cerr << path << ": " << reason << "\n";
  std::exit(2);
}

template <typename Size>
std::string take_sized(const std::string& data, std::size_t& at, const std::string& path) {
  Size size = 0;
  if (data.size() - at < sizeof size) refuse(path, "ends within a message");
  std::memcpy(&size, data.data() + at, sizeof size);
  at += sizeof size;
  if (data.size() - at < size) refuse(path, "ends within a message");
  at += size;
  return data.substr(at - size, size);
}

void append_varint(std::string& to, std::size_t value) {
  do {
    to.push_back(static_cast<char>((value & 127u) | (value > 127 ? 128u : 0u)));
    value >>= 7;
  } while (value != 0);
}

void append_uint16(std::string& to, std::size_t value) {
  to.push_back(static_cast<char>(value >> 8 & 255u));
  to.push_back(static_cast<char>(value & 255u));
}

}  // namespace

std::vector<LoadedMessage> read_load(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) refuse(path, "cannot be opened");
  const std::string data{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<LoadedMessage> messages;
  for (std::size_t at = 0; at < data.size();) {
    std::string topic = take_sized<std::uint16_t>(data, at, path);
    std::string payload = take_sized<std::uint32_t>(data, at, path);
    messages.push_back({std::move(topic), std::move(payload)});
  }
  if (messages.empty()) refuse(path, "holds no message");
  return messages;
}

Load::Load(const std::vector<LoadedMessage>& messages, int qos, int level) {
  std::size_t total = 0;
  for (const LoadedMessage& message : messages) total += message.topic.size() + message.payload.size() + 16;
  bytes_.reserve(total);
  ends_.reserve(messages.size());
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& [topic, payload] = messages[i];
    bytes_.push_back(static_cast<char>(0x30 | qos << 1));
    append_varint(bytes_, 2 + topic.size() + (qos > 0 ? 2u : 0u) + (level == 5 ? 1u : 0u) + payload.size());
    append_uint16(bytes_, topic.size());
    bytes_ += topic;
    if (qos > 0) append_uint16(bytes_, i % 65'535 + 1);
    if (level == 5) bytes_.push_back('\0');  // no properties
    bytes_ += payload;
    ends_.push_back(bytes_.size());
  }
}

std::size_t Load::end_within(std::size_t begin, std::size_t size, std::size_t limit) const noexcept {
  const std::size_t from = begin == 0 ? 0 : ends_[begin - 1];
  const auto last = ends_.begin() + static_cast<std::ptrdiff_t>(limit);
  const auto found = std::upper_bound(ends_.begin() + static_cast<std::ptrdiff_t>(begin), last, from + size);
  return std::max(begin + 1, static_cast<std::size_t>(found - ends_.begin()));
}

}  // namespace benchmark
