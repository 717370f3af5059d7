// Status -> the exceptions of honeyframe.errors; what was compiled in.

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

#include "bindings.h"
#include "build_info.h"

namespace honeyframe::bindings {
namespace {

// Imported when the first error is raised: honeyframe.errors may itself be on its way in while this module loads.
const py::object& error_factory() {
  PYBIND11_CONSTINIT static py::gil_safe_call_once_and_store<py::object> storage;
  return storage
      .call_once_and_store_result([] { return py::module_::import("honeyframe.errors").attr("error_from_core"); })
      .get_stored();
}

std::vector<std::string> error_codes() {
  std::vector<std::string> names;
  for (auto code = static_cast<std::uint8_t>(ErrorCode::ok) + 1; code <= static_cast<std::uint8_t>(ErrorCode::internal);
       ++code) {
    names.emplace_back(to_string(static_cast<ErrorCode>(code)));
  }
  return names;
}

}  // namespace

py::object to_exception(const Status& status) {
  py::tuple subjects(status.subjects().size());
  for (std::size_t i = 0; i < status.subjects().size(); ++i) subjects[i] = to_python(status.subjects()[i]);
  return error_factory()(to_python(to_string(status.code())), to_python(status.message()), to_python(status.hint()),
                         status.reason_code(), to_python(status.reason_string()), status.native_code(),
                         std::move(subjects));
}

void raise(const Status& status) {
  const py::object error = to_exception(status);
  PyErr_SetObject(py::type::handle_of(error).ptr(), error.ptr());
  throw py::error_already_set();
}

py::str to_python(std::string_view text) {
  PyObject* decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<py::ssize_t>(text.size()), "replace");
  if (decoded == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(decoded);
}

std::string to_utf8(const py::str& text) {
  const auto encoded =
      py::reinterpret_steal<py::bytes>(PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass"));
  if (!encoded) throw py::error_already_set();
  return std::string(std::string_view(encoded));
}

std::chrono::nanoseconds to_duration(double seconds, const char* argument) {
  constexpr double kTenYears = 10.0 * 365.25 * 86'400.0;
  if (std::isnan(seconds) || seconds < 0) {
    raise(Status(ErrorCode::invalid_argument, std::string(argument) +
                                                  " must be zero or a positive number of seconds; found " +
                                                  py::cast<std::string>(py::repr(py::float_(seconds)))));
  }
  const double bounded = seconds < kTenYears ? seconds : kTenYears;
  return std::chrono::nanoseconds(static_cast<std::int64_t>(bounded * 1e9));
}

void register_status(py::module_& module) {
  module.attr("__version__") = HONEYFRAME_VERSION;
  module.def("error_codes", &error_codes);
  module.def("build_info", [] {
    const auto entries = build_info();
    return std::map<std::string, std::string>(entries.begin(), entries.end());
  });
}

}  // namespace honeyframe::bindings
