// The table of contents of honeyframe._core.

#include "bindings.h"

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
  using namespace honeyframe::bindings;
  register_status(module);
  register_topics(module);
  register_extract(module);
  register_stream(module);
  register_spool(module);
  register_watch(module);
  register_session(module);
  register_publishing(module);
  register_probe(module);
}
