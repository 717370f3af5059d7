// probe(), probe_all(): the way to a broker, step by step, for the doctor.

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bindings.h"
#include "blocking_work.h"
#include "connect_options.h"
#include "connect_probe.h"
#include "session.h"

namespace honeyframe::bindings {
namespace {

// Enough for a busy machine to tell of a limit that was reached.
constexpr std::chrono::milliseconds kLookupGrace{2'000};

// Shared with the thread that probes, which nobody waits for when the caller is interrupted.
struct Probing {
  std::atomic<bool> cancelled{false};
  ProbeReport report;  // the thread's until the operation is done
  Operation done;
};

py::dict certificate_dict(const CertificateFacts& facts) {
  py::dict out;
  out["subject"] = to_python(facts.subject);
  out["issuer"] = to_python(facts.issuer);
  out["names"] = to_python(facts.names);
  out["key"] = to_python(facts.key);
  out["not_before"] = facts.not_before_s;
  out["not_after"] = facts.not_after_s;
  out["self_signed"] = facts.self_signed;
  return out;
}

py::dict tls_dict(const TlsFacts& facts) {
  py::dict out;
  out["server_name"] = to_python(facts.server_name);
  out["trust_source"] = to_python(facts.trust_source);
  out["version"] = to_python(facts.version);
  out["cipher"] = to_python(facts.cipher);
  out["alpn"] = to_python(facts.alpn);
  out["certificate_wanted"] = facts.certificate_wanted;
  out["verified"] = facts.verified;
  py::list chain;
  for (const auto& certificate : facts.chain) chain.append(certificate_dict(certificate));
  out["chain"] = std::move(chain);
  return out;
}

py::dict report_dict(const ProbeReport& report) {
  py::dict out;
  out["step"] = to_python(to_string(report.step));
  py::list addresses;
  for (const auto& address : report.addresses) addresses.append(to_python(address));
  out["addresses"] = std::move(addresses);
  out["address"] = to_python(report.address);
  out["name_seconds"] = report.name_time.count();
  out["tcp_seconds"] = report.tcp_time.count();
  out["tls_seconds"] = report.tls_time.count();
  out["websocket_seconds"] = report.websocket_time.count();
  out["tls"] = tls_dict(report.tls);
  out["http_line"] = to_python(report.http.line);
  out["http_date"] = to_python(report.http.date);
  out["http_server"] = to_python(report.http.server);
  out["subprotocol"] = to_python(report.http.subprotocol);
  out["answer"] = py::bytes(report.answer);
  return out;
}

std::shared_ptr<Probing> start_probe(const ConnectOptions& options, std::chrono::milliseconds limit,
                                     const std::string& greeting) {
  const auto probing = std::make_shared<Probing>();
  run_blocking([probing, options, limit,
                greeting] { return probe(options, limit, probing->cancelled, probing->report, greeting); },
               [probing](const Status& status) { probing->done.complete(status); });
  return probing;
}

py::dict told(Probing& probing, const ConnectOptions& options, double timeout) {
  if (!probing.done.done()) {
    probing.cancelled = true;
    py::dict out = report_dict(ProbeReport());
    out["error"] = to_exception(
        Status(ErrorCode::dns_failed, "no name server answered for host '" + options.uri.host + "' within " +
                                          py::cast<std::string>(py::str(py::float_(timeout))) + " s"));
    return out;
  }
  py::dict out = report_dict(probing.report);
  const Status status = probing.done.status();
  out["error"] = status.ok() ? py::object(py::none()) : to_exception(status);
  return out;
}

// All at once, each on a thread of its own. Ctrl-C ends them all.
py::list probe_ways(const std::vector<ConnectOptions>& ways, double timeout, const py::bytes& greeting) {
  const auto limit = std::chrono::ceil<std::chrono::milliseconds>(to_duration(timeout, "timeout"));
  std::vector<std::shared_ptr<Probing>> probes;
  for (const auto& options : ways) {
    probes.push_back(start_probe(options, limit, std::string(std::string_view(greeting))));
  }
  // A probe bounds all but the name lookup. What is not there long after its limit is in that, and is left behind.
  const auto until = std::chrono::steady_clock::now() + limit + kLookupGrace;
  try {
    for (const auto& probing : probes) {
      wait_interruptibly(until - std::chrono::steady_clock::now(), [&](std::chrono::nanoseconds slice) {
        return probing->done.wait_for(std::chrono::ceil<std::chrono::milliseconds>(slice));
      });
    }
  } catch (const py::error_already_set&) {
    for (const auto& probing : probes) probing->cancelled = true;
    throw;
  }
  py::list out;
  for (std::size_t i = 0; i < probes.size(); ++i) out.append(told(*probes[i], ways[i], timeout));
  return out;
}

py::object probe_way(const ConnectOptions& options, double timeout, const py::bytes& greeting) {
  return probe_ways({options}, timeout, greeting)[0];
}

}  // namespace

void register_probe(py::module_& module) {
  using py::arg;
  module.def("probe", &probe_way, arg("options"), py::kw_only(), arg("timeout"), arg("greeting") = py::bytes());
  module.def("probe_all", &probe_ways, arg("options"), py::kw_only(), arg("timeout"), arg("greeting") = py::bytes());
}

}  // namespace honeyframe::bindings
