#include "arrow_capsules.h"

#include <memory>

#include "arrow_export.h"

namespace honeyframe::bindings {
namespace {

template <typename Struct>
struct CapsuleName;
template <>
struct CapsuleName<ArrowSchema> {
  static constexpr const char* value = "arrow_schema";
};
template <>
struct CapsuleName<ArrowArray> {
  static constexpr const char* value = "arrow_array";
};
template <>
struct CapsuleName<ArrowArrayStream> {
  static constexpr const char* value = "arrow_array_stream";
};

// A consumer moves the struct out and leaves `release` null; the struct's own memory stays the capsule's.
template <typename Struct>
void destroy(PyObject* capsule) {
  auto* owned = static_cast<Struct*>(PyCapsule_GetPointer(capsule, CapsuleName<Struct>::value));
  if (owned == nullptr) {
    PyErr_WriteUnraisable(capsule);
    return;
  }
  if (owned->release != nullptr) owned->release(owned);
  delete owned;
}

// A capsule of the struct that `fill` exports into.
template <typename Struct, typename Fill>
py::object capsule(Fill&& fill) {
  auto owned = std::make_unique<Struct>();
  auto object =
      py::reinterpret_steal<py::object>(PyCapsule_New(owned.get(), CapsuleName<Struct>::value, &destroy<Struct>));
  if (!object) throw py::error_already_set();
  fill(owned.release());
  return object;
}

}  // namespace

py::object schema_capsule(const Schema& schema) {
  return capsule<ArrowSchema>([&](ArrowSchema* out) { export_schema(schema, out); });
}

py::object array_capsule(const RecordBatchPtr& batch) {
  return capsule<ArrowArray>([&](ArrowArray* out) { export_batch(batch, out); });
}

py::object stream_capsule(SchemaPtr schema, std::vector<RecordBatchPtr> batches) {
  return capsule<ArrowArrayStream>(
      [&](ArrowArrayStream* out) { export_stream(std::move(schema), std::move(batches), out); });
}

}  // namespace honeyframe::bindings
