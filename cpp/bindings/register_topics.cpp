// Topic names, filters and templates, as functions on str.

#include <tuple>
#include <vector>

#include "bindings.h"
#include "topic_filter.h"

namespace honeyframe::bindings {
namespace {

void check_filter(const py::str& filter) {
  raise_if_error(validate_topic_filter(to_utf8(filter)));
}

void check_name(const py::str& topic) {
  raise_if_error(validate_topic_name(to_utf8(topic)));
}

// The core matches what is valid; here both come from a user.
bool matches(const py::str& filter, const py::str& topic) {
  const std::string filter_text = to_utf8(filter);
  const std::string topic_text = to_utf8(topic);
  raise_if_error(validate_topic_filter(filter_text));
  raise_if_error(validate_topic_name(topic_text));
  return topic_matches(filter_text, topic_text);
}

std::tuple<std::string, std::vector<std::string>> parse_template(const py::str& text) {
  const TopicTemplate parsed = unwrap(TopicTemplate::parse(to_utf8(text)));
  return {parsed.filter(), parsed.names()};
}

}  // namespace

void register_topics(py::module_& module) {
  module.def("validate_topic_filter", &check_filter, py::arg("filter"));
  module.def("validate_topic_name", &check_name, py::arg("topic"));
  module.def("topic_matches", &matches, py::arg("filter"), py::arg("topic"));
  module.def("parse_template", &parse_template, py::arg("text"));
}

}  // namespace honeyframe::bindings
