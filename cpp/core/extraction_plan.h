#pragma once

// ExtractionPlan: the tree of JSON paths a stream knows, and what is wanted at each. With a schema the tree is fixed;
// with inference it grows by the keys that come, within bounds. A node remembers which key came after it, so that a
// payload of a known shape is read without a search. Owned by one Extractor, used on its thread.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "status.h"

namespace honeyframe {

using NodeId = std::uint32_t;
inline constexpr NodeId kNoNode = 0xFFFF'FFFF;
inline constexpr NodeId kRootNode = 0;

// Keys and paths longer than this are data, not names: their values go to `_extra`.
inline constexpr std::size_t kMaxPathBytes = 512;

// What a path was first seen to hold; later values of the other kind do not fit.
enum class NodeShape : std::uint8_t { undecided, value, object };

struct PlanNode {
  std::string key;
  NodeId parent = kNoNode;
  std::uint32_t path_bytes = 0;
  std::int32_t column = -1;  // of the batch builder; -1: none yet
  bool wanted = false;       // values become a column's
  bool descend = false;      // members are looked at
  bool event_time = false;
  bool sequence = false;
  bool explode = false;
  bool has_elements = false;   // children may be array indices
  bool plain_key = true;       // its JSON spelling is the key itself
  bool spelled_out = false;    // `column` came with scalars only, beside members (on_conflict="widen")
  bool reads_scalars = false;  // wanted, and values have been here
  NodeShape shape = NodeShape::undecided;

  // Marks of the reader.
  NodeId expected_first = kNoNode;  // the member that came first in the last object here
  NodeId expected_next = kNoNode;   // the sibling that came after this one
  std::uint64_t row = 0;            // the row that had it last, and where
  std::uint32_t token = 0;
  std::uint32_t cell = 0;

  NodeId next_in_bucket = kNoNode;

  [[nodiscard]] bool is_read() const noexcept { return wanted || event_time || sequence; }
};

class ExtractionPlan {
 public:
  // `columns`: what inference is restricted to; empty: everything. `grows`: false with a schema.
  ExtractionPlan(std::string separator, std::vector<std::string> columns, bool grows, std::size_t max_nodes);

  // Splits a path as ColumnSpec::path has it. Errors: invalid_schema.
  [[nodiscard]] static Result<std::vector<std::string>> split_path(std::string_view path, std::string_view separator);

  // The nodes a path may mean: one for a JSON Pointer; for a dotted path the nested one and that of the key with dots
  // in it. Made where they are not there.
  [[nodiscard]] Result<std::vector<NodeId>> require(std::string_view path);

  [[nodiscard]] PlanNode& operator[](NodeId id) noexcept { return nodes_[id]; }
  [[nodiscard]] const PlanNode& operator[](NodeId id) const noexcept { return nodes_[id]; }
  [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
  [[nodiscard]] bool grows() const noexcept { return grows_; }

  [[nodiscard]] NodeId find(NodeId parent, std::string_view key) const noexcept;
  // As find(), but grows where it may. kNoNode: an unknown key; see wants_unknown().
  [[nodiscard]] NodeId child(NodeId parent, std::string_view key);
  // Whether a value under a key that got no node is to be kept in `_extra`.
  [[nodiscard]] bool wants_unknown(NodeId parent, std::string_view key) const;

  // Names: "location.lat"; the empty path is spelled "/", a NUL, which would end a name in Arrow's C interface, \u0000.
  [[nodiscard]] std::string dotted(NodeId id) const;
  [[nodiscard]] std::string dotted(NodeId parent, std::string_view key) const;
  // The same, but with every character of the keys as it is.
  [[nodiscard]] std::string exact_path(NodeId id) const;
  [[nodiscard]] std::string exact_path(NodeId parent, std::string_view key) const;
  // "/location/lat", a name, too
  [[nodiscard]] std::string pointer(NodeId id) const;

  // A number for the marks of a row; no other row of this plan has it.
  [[nodiscard]] std::uint64_t next_row() noexcept { return ++row_; }

  // Members or scalars have been seen at a node that was undecided, in the newest row. `token`: where they begin;
  // within a row it only grows.
  void decide(NodeId id, NodeShape shape, std::uint32_t token);
  // Takes back what the newest row decided between these tokens: a later value has the place.
  void undecide(std::uint32_t begin, std::uint32_t end) noexcept;
  // A payload that is refused leaves no trace: what it added since begin_payload() goes again.
  void begin_payload() noexcept;
  void roll_back();

 private:
  [[nodiscard]] std::size_t bucket(NodeId parent, std::string_view key) const noexcept;
  NodeId add(NodeId parent, std::string_view key);
  void rehash();
  [[nodiscard]] std::vector<NodeId> path_of(NodeId id) const;
  [[nodiscard]] std::string joined_path(NodeId id) const;
  void apply_filter(NodeId id);
  void reopen(NodeId id) noexcept;

  std::string separator_;
  std::vector<std::string> columns_;
  bool grows_;
  std::size_t max_nodes_;
  std::vector<PlanNode> nodes_;
  std::vector<NodeId> buckets_;  // chained through next_in_bucket, newest first
  std::size_t kept_nodes_ = 0;
  struct Decision {
    std::uint64_t row;
    std::uint32_t token;
    NodeId node;  // kNoNode: taken back
  };
  std::vector<Decision> decided_;  // by this payload, sorted
  std::uint64_t row_ = 0;
};

}  // namespace honeyframe
