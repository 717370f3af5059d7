#include "probe_report.h"

namespace honeyframe {

std::string_view to_string(ProbeReport::Step step) noexcept {
  switch (step) {
    case ProbeReport::Step::name:
      return "name";
    case ProbeReport::Step::tcp:
      return "tcp";
    case ProbeReport::Step::proxy:
      return "proxy";
    case ProbeReport::Step::tls:
      return "tls";
    case ProbeReport::Step::websocket:
      return "websocket";
    case ProbeReport::Step::greeting:
      return "greeting";
  }
  return "name";
}

}  // namespace honeyframe
