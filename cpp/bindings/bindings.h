#pragma once

// The only place that includes pybind11. Bindings have three paragraphs: convert the arguments, release the GIL and
// call the core, wrap the result.

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "status.h"

namespace honeyframe::bindings {

namespace py = pybind11;

void register_status(py::module_& module);
void register_topics(py::module_& module);
void register_session(py::module_& module);
void register_probe(py::module_& module);
void register_publishing(py::module_& module);
void register_extract(py::module_& module);
void register_stream(py::module_& module);
void register_spool(py::module_& module);
void register_watch(py::module_& module);

// What honeyframe.errors registers for the code; raise() raises it. Both need the GIL.
[[nodiscard]] py::object to_exception(const Status& status);
[[noreturn]] void raise(const Status& status);
inline void raise_if_error(const Status& status) {
  if (!status.ok()) raise(status);
}
template <typename T>
T unwrap(Result<T> result) {
  if (!result.ok()) raise(result.status());
  return std::move(result).value();
}

// Text of unknown quality (a broker's words) as str: bytes that are not UTF-8 become U+FFFD.
[[nodiscard]] py::str to_python(std::string_view text);
// A str as UTF-8. Lone surrogates come through as they are, so that the core names the fault instead of pybind11.
[[nodiscard]] std::string to_utf8(const py::str& text);

// The GIL is released for a scope. A daemon thread that comes back while the interpreter is torn down stays here for
// ever, as all do from Python 3.14 on: before, Python ends it with pthread_exit(), which glibc makes an unwinding that
// no destructor survives, and the process would end with std::terminate().
class WithoutGil {
 public:
  WithoutGil() : thread_(PyEval_SaveThread()) {}
  WithoutGil(const WithoutGil&) = delete;
  WithoutGil& operator=(const WithoutGil&) = delete;
  ~WithoutGil() {
    try {
      PyEval_RestoreThread(thread_);
    } catch (...) {  // nothing else comes out of C; by its type it would be a reference to null
      for (;;) std::this_thread::sleep_for(std::chrono::hours(24));
    }
  }

 private:
  PyThreadState* thread_;
};

// For calls that may wait for a lock, or for an extraction under way.
template <typename Call>
auto without_gil(Call&& call) {
  const WithoutGil released;
  return call();
}

// A wait is cut into slices of this length, so that the notebook's stop button is answered within 100 ms.
inline constexpr std::chrono::milliseconds kSignalSlice{50};

// Calls `step(slice)` without the GIL until it returns true or `timeout` has passed; looks for signals in between, and
// lets KeyboardInterrupt out. `step` must not touch Python. Returns what step last returned.
template <typename Step>
bool wait_interruptibly(std::chrono::nanoseconds timeout, Step&& step) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  for (;;) {
    const auto left = deadline - std::chrono::steady_clock::now();
    const auto slice = left < kSignalSlice ? std::chrono::duration_cast<std::chrono::nanoseconds>(left)
                                           : std::chrono::nanoseconds(kSignalSlice);
    bool done = false;
    {
      const WithoutGil released;  // the step waits; other Python threads go on
      done = step(slice.count() > 0 ? slice : std::chrono::nanoseconds(0));
    }
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (done) return true;
    if (std::chrono::steady_clock::now() >= deadline) return false;
  }
}

// Seconds as Python gives them; negative or NaN raises ValueError, beyond 10 years counts as 10 years.
[[nodiscard]] std::chrono::nanoseconds to_duration(double seconds, const char* argument);

}  // namespace honeyframe::bindings
