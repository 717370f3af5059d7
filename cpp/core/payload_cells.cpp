#include "payload_cells.h"

namespace honeyframe {

std::string_view describe(CellKind kind) noexcept {
  switch (kind) {
    case CellKind::null:
      return "null";
    case CellKind::boolean:
      return "a boolean";
    case CellKind::int64:
    case CellKind::uint64:
      return "an integer";
    case CellKind::float64:
      return "a number";
    case CellKind::big_integer:
      return "an integer outside 64 bits";
    case CellKind::out_of_range:
      return "a number outside float64";
    case CellKind::string:
    case CellKind::text:
      return "a string";
    case CellKind::list:
      return "a list";
    case CellKind::json:
      return "an object or a list of more than scalars";
    case CellKind::bytes:
    case CellKind::superseded:
    case CellKind::extra:
    case CellKind::dropped:
      break;
  }
  return "bytes";
}

}  // namespace honeyframe
