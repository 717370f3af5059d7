#pragma once

// StrictLoop: the eight columns of payloads.py, read with simdjson On-Demand into plain arrays: what a patient author
// would write by hand for this one schema. The floor under every extraction here. One thread.
//
// It validates as honeyframe does: On-Demand looks at nothing that is not asked for, so every other value is visited,
// its number parsed, its string's escapes resolved, its keys too, and nothing may follow the document.

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace benchmark {

struct TextColumn {
  std::string bytes;
  std::vector<std::int32_t> ends;
  void append(std::string_view text) {
    bytes += text;
    ends.push_back(static_cast<std::int32_t>(bytes.size()));
  }
};

struct PlainColumns {
  std::vector<std::int64_t> seq, device_id, bay;
  std::vector<double> temperature, pressure;
  std::vector<std::uint8_t> running;
  TextColumn ts, hall;
  [[nodiscard]] std::size_t rows() const noexcept { return bay.size(); }
  // Of every value: two loops that read alike have the same.
  [[nodiscard]] std::uint64_t digest() const;
};

class StrictLoop {
 public:
  // `capacity`: bytes of the largest payload.
  explicit StrictLoop(std::size_t capacity);

  // One object is one row, an array of objects many. At least simdjson's padding can be read behind `payload`. False:
  // refused.
  [[nodiscard]] bool read(std::string_view payload, PlainColumns& to);

 private:
  using Value = simdjson::ondemand::value;
  using Object = simdjson::ondemand::object;

  simdjson::error_code read_row(Object object, PlainColumns& to);
  simdjson::error_code read_location(Object object, PlainColumns& to);
  simdjson::error_code check(Value value);
  simdjson::error_code check_key(simdjson::ondemand::field& field);

  simdjson::ondemand::parser parser_;
};

}  // namespace benchmark
