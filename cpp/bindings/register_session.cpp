// Session, ConnectOptions and what belongs to the process as a whole.

#include <string.h>  // explicit_bzero: not in <cstring>

#include <chrono>
#include <cmath>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "bindings.h"
#include "connect_options.h"
#include "message_queue.h"
#include "session.h"

namespace honeyframe::bindings {
namespace {

using Properties = std::vector<std::pair<std::string, std::string>>;
// Where the core itself bounds the wait.
constexpr std::chrono::hours kNoLimit{24 * 365};

std::chrono::milliseconds to_milliseconds(double seconds, const char* argument) {
  return std::chrono::ceil<std::chrono::milliseconds>(to_duration(seconds, argument));
}
std::chrono::seconds to_whole_seconds(double seconds, const char* argument) {
  return std::chrono::ceil<std::chrono::seconds>(to_duration(seconds, argument));
}

ProtocolVersion to_protocol(const std::string& text) {
  for (const auto version :
       {ProtocolVersion::automatic, ProtocolVersion::v3_1, ProtocolVersion::v3_1_1, ProtocolVersion::v5_0}) {
    if (to_string(version) == text) return version;
  }
  if (text == "5") return ProtocolVersion::v5_0;
  raise(Status(ErrorCode::invalid_argument, "protocol must be \"auto\", \"3.1\", \"3.1.1\" or \"5.0\"; found " +
                                                py::cast<std::string>(py::repr(py::str(text)))));
}

template <typename T>
T to_unsigned(long long number, const char* argument) {
  if (number < 0 || static_cast<unsigned long long>(number) > std::numeric_limits<T>::max()) {
    raise(Status(ErrorCode::invalid_argument, std::string(argument) + " must be 0 to " +
                                                  std::to_string(std::numeric_limits<T>::max()) + "; found " +
                                                  std::to_string(number)));
  }
  return static_cast<T>(number);
}

std::optional<Secret> to_secret(const std::optional<py::str>& text) {
  if (!text) return std::nullopt;
  std::string plain = to_utf8(*text);
  Secret secret(plain);
  explicit_bzero(plain.data(), plain.size());  // an assignment may be optimised away
  return secret;
}

using Will = std::tuple<py::str, std::string, int, bool>;

ConnectOptions make_options(const py::str& uri, const std::optional<py::str>& username,
                            const std::optional<py::str>& password, const std::string& protocol,
                            const py::str& client_id, bool clean_start, double session_expiry, double keepalive,
                            double connect_timeout, long long receive_maximum, long long maximum_packet_size,
                            const std::optional<Will>& last_will, const Properties& user_properties,
                            const py::str& http_proxy, const std::string& ca_file, const std::string& ca_directory,
                            const std::string& fallback_ca_file, const std::string& client_certificate,
                            const std::string& client_key, const std::optional<py::str>& client_key_password,
                            bool insecure, bool reconnect, double reconnect_min_delay, double reconnect_max_delay,
                            double refused_retry_delay) {
  ConnectOptions options;
  options.uri = unwrap(BrokerUri::parse(to_utf8(uri)));
  if (username) options.username = to_utf8(*username);
  options.password = to_secret(password);
  options.protocol = to_protocol(protocol);
  options.client_id = to_utf8(client_id);
  options.clean_start = clean_start;
  options.session_expiry = to_whole_seconds(session_expiry, "session_expiry");
  options.keepalive = to_whole_seconds(keepalive, "keepalive");
  options.connect_timeout = to_milliseconds(connect_timeout, "connect_timeout");
  options.receive_maximum = to_unsigned<std::uint16_t>(receive_maximum, "receive_maximum");
  options.maximum_packet_size = to_unsigned<std::uint32_t>(maximum_packet_size, "maximum_packet_size");
  if (last_will) {
    const auto& [topic, payload, qos, retain] = *last_will;
    options.last_will = LastWill{to_utf8(topic), payload, qos, retain};
  }
  options.user_properties = user_properties;
  options.http_proxy = to_secret(http_proxy).value();
  options.tls = {
      ca_file, ca_directory, fallback_ca_file, client_certificate, client_key, to_secret(client_key_password),
      insecure};
  options.reconnect = reconnect;
  options.reconnect_min_delay = to_milliseconds(reconnect_min_delay, "reconnect_min_delay");
  options.reconnect_max_delay = to_milliseconds(reconnect_max_delay, "reconnect_max_delay");
  options.refused_retry_delay = to_milliseconds(refused_retry_delay, "refused_retry_delay");
  raise_if_error(options.validate());
  return options;
}

std::string options_repr(const ConnectOptions& options) {
  std::string text = "<ConnectOptions " + options.uri.display();
  if (const auto* username = options.effective_username())
    text += ", username " + py::cast<std::string>(py::repr(to_python(*username)));
  if (options.effective_password() != nullptr) text += ", password ***";
  return text + ", protocol " + std::string(to_string(options.protocol)) + ">";
}

py::dict uri_parts(const py::str& text) {
  const auto uri = unwrap(BrokerUri::parse(to_utf8(text)));
  py::dict parts;
  parts["scheme"] = to_python(to_string(uri.scheme));
  parts["host"] = to_python(uri.host);
  parts["port"] = uri.port;
  parts["path"] = to_python(uri.path);
  parts["username"] = uri.username ? py::object(to_python(*uri.username)) : py::object(py::none());
  parts["has_password"] = uri.password.has_value();
  parts["display"] = to_python(uri.display());
  return parts;
}

void describe(py::dict& out, const Status& status) {
  out["code"] = to_python(to_string(status.code()));
  out["message"] = to_python(status.message());
  out["hint"] = to_python(status.hint());
  out["reason_code"] = status.reason_code();
  out["reason_string"] = to_python(status.reason_string());
  out["native_code"] = status.native_code();
  py::list subjects;
  for (const auto& subject : status.subjects()) subjects.append(to_python(subject));
  out["subjects"] = std::move(subjects);
}

py::dict info_dict(const SessionInfo& info) {
  py::dict out;
  out["state"] = to_python(to_string(info.state));
  out["uri"] = to_python(info.uri);
  out["client_id"] = to_python(info.client_id);
  out["protocol"] = to_python(to_string(info.protocol));
  out["session_present"] = info.session_present;
  out["connects"] = info.connects;
  out["refused_packets"] = info.refused_packets;
  out["last_error"] = py::none();
  if (!info.last_error.ok()) {
    py::dict error;
    describe(error, info.last_error);
    out["last_error"] = std::move(error);
  }
  out["server_receive_maximum"] = info.server_receive_maximum;
  out["server_maximum_packet_size"] = info.server_maximum_packet_size;
  out["server_session_expiry"] = info.server_session_expiry;
  out["server_keepalive"] = info.server_keepalive;
  out["server_maximum_qos"] = info.server_maximum_qos;
  out["server_topic_alias_maximum"] = info.server_topic_alias_maximum;
  out["server_retain_available"] = info.server_retain_available;
  out["server_wildcard_available"] = info.server_wildcard_available;
  out["server_subscription_identifiers_available"] = info.server_subscription_identifiers_available;
  out["server_shared_available"] = info.server_shared_available;
  out["arrived"] = info.arrived;
  out["routed"] = info.routed;
  out["unmatched"] = info.unmatched;
  out["held"] = info.held;
  out["arrived_bytes"] = info.arrived_bytes;
  out["published"] = info.published;
  out["connected_time_ns"] = info.connected_time_ns;
  out["events_lost"] = info.events_lost;
  out["mqtt_bytes_in"] = info.traffic.mqtt_in;
  out["mqtt_bytes_out"] = info.traffic.mqtt_out;
  out["wire_bytes_in"] = info.traffic.wire_in;
  out["wire_bytes_out"] = info.traffic.wire_out;
  out["bytes_are_exact"] = info.traffic_is_exact;
  return out;
}

py::list event_list(Session& session) {
  py::list out;
  for (const auto& event : session.take_events()) {
    py::dict entry;
    entry["kind"] = to_python(to_string(event.kind));
    entry["time_ns"] = event.time_ns;
    describe(entry, event.status);
    entry["detail"] = to_python(event.detail);
    out.append(std::move(entry));
  }
  return out;
}

bool wait_done(Operation& operation, std::chrono::nanoseconds timeout) {
  return wait_interruptibly(timeout, [&](std::chrono::nanoseconds slice) {
    return operation.wait_for(std::chrono::ceil<std::chrono::milliseconds>(slice));
  });
}

Status timed_out(const std::string& what, double seconds) {
  return Status(ErrorCode::timeout, what + " within " + py::cast<std::string>(py::str(py::float_(seconds))) + " s");
}

void connect(Session& session) {
  const auto operation = session.connect();
  try {
    wait_done(*operation, kNoLimit);  // connect_timeout bounds it
  } catch (const py::error_already_set&) {
    (void)session.close(std::chrono::milliseconds(0));  // Ctrl-C: the attempt is given up
    throw;
  }
  raise_if_error(operation->status());
}

std::pair<std::uint64_t, std::vector<int>> subscribe(Session& session, const std::vector<py::str>& filters,
                                                     std::shared_ptr<MessageQueue> queue, int qos, int retain_handling,
                                                     bool no_local, double timeout) {
  SubscribeRequest request;
  for (const auto& filter : filters) request.filters.push_back(to_utf8(filter));
  request.qos = qos;
  if (retain_handling < 0 || retain_handling > 2) {
    raise(Status(ErrorCode::invalid_argument,
                 "retain_handling must be 0, 1 or 2; found " + std::to_string(retain_handling)));
  }
  request.retain_handling = static_cast<RetainHandling>(retain_handling);
  request.no_local = no_local;
  const auto limit = to_duration(timeout, "timeout");
  std::string asked;
  for (const auto& filter : request.filters) asked += (asked.empty() ? "'" : ", '") + filter + "'";

  raise_if_error(session.take_deferred_error());
  std::uint64_t id = 0;
  const auto operation = session.subscribe(std::move(request), std::move(queue), id);
  bool done = false;
  try {
    done = wait_done(*operation, limit);
  } catch (const py::error_already_set&) {
    (void)session.unsubscribe(id);
    throw;
  }
  if (!done) {
    (void)session.unsubscribe(id);
    raise(timed_out("the broker did not answer SUBSCRIBE of " + asked, timeout));
  }
  raise_if_error(operation->status());
  return {id, operation->reason_codes()};
}

void unsubscribe(Session& session, std::uint64_t id, double timeout) {
  const auto limit = to_duration(timeout, "timeout");
  const auto operation = session.unsubscribe(id);
  if (limit.count() == 0) return;  // begun; the caller does not want to know
  if (!wait_done(*operation, limit)) raise(timed_out("the broker did not answer UNSUBSCRIBE", timeout));
  raise_if_error(operation->status());
}

void detach(Session& session, std::uint64_t id) {
  (void)session.detach(id);
}

void publish(Session& session, const py::str& topic, const py::bytes& payload, int qos, bool retain,
             const Properties& user_properties, const py::str& content_type, const py::str& response_topic,
             const py::bytes& correlation_data, std::optional<long long> message_expiry, double timeout) {
  PublishRequest request;
  request.topic = to_utf8(topic);
  request.payload = std::string(std::string_view(payload));
  request.qos = qos;
  request.retain = retain;
  request.properties = {to_utf8(content_type), to_utf8(response_topic), std::string(std::string_view(correlation_data)),
                        user_properties};
  if (message_expiry) request.message_expiry_s = to_unsigned<std::uint32_t>(*message_expiry, "message_expiry");
  const auto limit = to_duration(timeout, "timeout");

  raise_if_error(session.take_deferred_error());
  const auto operation = session.publish(std::move(request));
  if (!wait_done(*operation, limit)) {
    raise(timed_out(qos == 0 ? "the message could not be handed over" : "the broker did not acknowledge the message",
                    timeout)
              .with_hint("it may still arrive"));
  }
  raise_if_error(operation->status());
}

void close(Session& session, double timeout) {
  const auto limit = to_milliseconds(timeout, "timeout");
  const auto operation = session.close(limit);
  wait_done(*operation, limit);
}

}  // namespace

void register_session(py::module_& module) {
  using py::arg;
  module.def("parse_uri", &uri_parts, arg("uri"));
  module.def("in_forked_child", &in_forked_child);
  module.def(
      "close_all_sessions",
      [](double timeout) {
        const auto limit = to_milliseconds(timeout, "timeout");
        const WithoutGil released;  // the event threads of Python go on meanwhile
        close_all_sessions(limit);
      },
      arg("timeout"));

  py::class_<ConnectOptions>(module, "ConnectOptions", py::is_final())
      .def(py::init(&make_options), arg("uri"), py::kw_only(), arg("username") = py::none(),
           arg("password") = py::none(), arg("protocol") = "auto", arg("client_id") = "", arg("clean_start") = true,
           arg("session_expiry") = 0.0, arg("keepalive") = 30.0, arg("connect_timeout") = 10.0,
           arg("receive_maximum") = 65535, arg("maximum_packet_size") = 16777216, arg("last_will") = py::none(),
           arg("user_properties") = Properties(), arg("http_proxy") = "", arg("ca_file") = "", arg("ca_directory") = "",
           arg("fallback_ca_file") = "", arg("client_certificate") = "", arg("client_key") = "",
           arg("client_key_password") = py::none(), arg("insecure") = false, arg("reconnect") = true,
           arg("reconnect_min_delay") = 0.5, arg("reconnect_max_delay") = 30.0, arg("refused_retry_delay") = 60.0)
      .def("__repr__", &options_repr);

  py::class_<Session, std::shared_ptr<Session>>(module, "Session", py::is_final())
      .def(py::init([](const ConnectOptions& options) { return unwrap(Session::create(options)); }), arg("options"))
      .def("connect", &connect)
      .def("subscribe", &subscribe, arg("filters"), arg("queue"), py::kw_only(), arg("qos") = 1,
           arg("retain_handling") = 0, arg("no_local") = false, arg("timeout") = 10.0)
      .def("detach", &detach, arg("subscription_id"))
      .def("unsubscribe", &unsubscribe, arg("subscription_id"), py::kw_only(), arg("timeout") = 5.0)
      .def("publish", &publish, arg("topic"), arg("payload"), py::kw_only(), arg("qos") = 0, arg("retain") = false,
           arg("user_properties") = Properties(), arg("content_type") = "", arg("response_topic") = "",
           arg("correlation_data") = py::bytes(), arg("message_expiry") = py::none(), arg("timeout") = 10.0)
      .def("close", &close, arg("timeout") = 2.0)
      .def("info", [](const Session& session) { return info_dict(session.info()); })
      .def("take_events", &event_list)
      .def(
          "wait_event",
          [](Session& session, double timeout) {
            bool found = false;
            wait_interruptibly(to_duration(timeout, "timeout"), [&](std::chrono::nanoseconds slice) {
              found = session.wait_event(std::chrono::ceil<std::chrono::milliseconds>(slice));
              return found || session.info().state == SessionState::closed;
            });
            return found;
          },
          arg("timeout"));
}

}  // namespace honeyframe::bindings
