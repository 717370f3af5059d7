#pragma once

// RowJson: a row as a JSON object, the reverse of flattening: the column `location.lat` is nested again. Planned once a
// schema, then run for each row. Immutable; any thread.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "record_batch.h"
#include "status.h"

namespace honeyframe {

struct RowJsonOptions {
  std::string separator = ".";  // where names are cut into keys; empty: nowhere
  bool null_keys = false;       // a null value is written as null; else its key is left out
};

class RowJson {
 public:
  // `columns`: which of `schema`, in this order. `raw` names string columns whose text is JSON already. Errors:
  // invalid_argument: a binary column.
  static Result<RowJson> plan(const Schema& schema, const std::vector<std::size_t>& columns,
                              const std::vector<std::string>& raw, const RowJsonOptions& options);

  // Appends the object to `out`. NaN counts as null. Where a value has no JSON: the reason, else an empty text.
  [[nodiscard]] std::string append(const RecordBatch& batch, std::int64_t row, std::string& out) const;

 private:
  static constexpr std::size_t kMaxDepth = 64;  // as deep as the extractor reads by default
  struct Node {
    std::string key;  // `"name":`, with the comma that may have to stand before it left to the writer
    bool is_object = false;
    bool is_raw = false;
    std::size_t column = 0;          // of a value
    DataType type;                   // of a value
    std::vector<std::size_t> nodes;  // of an object, by index
  };
  struct Row {
    const RecordBatch& batch;
    std::int64_t row;
    std::string& out;
    std::string fault;
  };

  void add(const std::vector<std::string_view>& keys, std::size_t column, DataType type, bool is_raw);
  // Whether anything was written.
  bool write_object(const Node& node, Row& row) const;
  bool write_value(const Node& node, Row& row) const;

  std::vector<Node> nodes_;  // the first is the whole
  std::vector<std::string> names_;
  bool null_keys_ = false;
};

}  // namespace honeyframe
