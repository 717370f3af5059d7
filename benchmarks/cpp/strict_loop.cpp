#include "strict_loop.h"

#include <cstdlib>
#include <functional>
#include <utility>

namespace benchmark {

using namespace simdjson;

namespace {

template <typename Number>
error_code append(simdjson_result<Number> number, std::vector<Number>& to) {
  if (number.error() == SUCCESS) to.push_back(number.value_unsafe());
  return number.error();
}

error_code append(simdjson_result<std::string_view> text, TextColumn& to) {
  if (text.error() == SUCCESS) to.append(text.value_unsafe());
  return text.error();
}

error_code append(simdjson_result<bool> truth, std::vector<std::uint8_t>& to) {
  if (truth.error() == SUCCESS) to.push_back(truth.value_unsafe() ? 1 : 0);
  return truth.error();
}

// Without a backslash there is nothing to resolve: UTF-8 and control characters are the first stage's business.
bool is_plain(ondemand::raw_json_string text) {
  for (const char* at = text.raw(); *at != '"'; ++at) {
    if (*at == '\\') return false;
  }
  return true;
}

// No whole value follows; 3.0.1 has no at_end().
bool nothing_follows(ondemand::document& document, std::string_view payload) {
  const auto here = document.current_location();
  if (here.error() != SUCCESS) return here.error() == OUT_OF_BOUNDS;
  const char* at = here.value_unsafe();
  while (at < payload.data() + payload.size() && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
  return at >= payload.data() + payload.size();
}

}  // namespace

std::uint64_t PlainColumns::digest() const {
  std::uint64_t value = 14'695'981'039'346'656'037u;
  const auto mix = [&value](const void* data, std::size_t size) {
    value = (value ^ std::hash<std::string_view>{}({static_cast<const char*>(data), size})) * 1'099'511'628'211u;
  };
  for (const auto* column : {&seq, &device_id, &bay}) mix(column->data(), column->size() * sizeof(std::int64_t));
  for (const auto* column : {&temperature, &pressure}) mix(column->data(), column->size() * sizeof(double));
  mix(running.data(), running.size());
  for (const auto* column : {&ts, &hall}) mix(column->bytes.data(), column->bytes.size());
  return value;
}

StrictLoop::StrictLoop(std::size_t capacity) {
  if (parser_.allocate(capacity) != SUCCESS) std::abort();
}

bool StrictLoop::read(std::string_view payload, PlainColumns& to) {
  auto found = parser_.iterate(payload, payload.size() + SIMDJSON_PADDING);
  if (found.error() != SUCCESS) return false;
  ondemand::document& document = found.value_unsafe();
  ondemand::json_type type;
  if (document.type().get(type) != SUCCESS) return false;
  if (type == ondemand::json_type::array) {
    ondemand::array rows;
    if (document.get_array().get(rows) != SUCCESS) return false;
    for (auto element : rows) {
      Object row;
      if (element.get_object().get(row) != SUCCESS || read_row(row, to) != SUCCESS) return false;
    }
  } else {
    Object row;
    if (document.get_object().get(row) != SUCCESS || read_row(row, to) != SUCCESS) return false;
  }
  return nothing_follows(document, payload);
}

error_code StrictLoop::read_row(Object object, PlainColumns& to) {
  for (auto result : object) {
    ondemand::field field;
    if (auto error = std::move(result).get(field); error != SUCCESS) return error;
    const ondemand::raw_json_string key = field.key();
    Value& value = field.value();
    error_code error = SUCCESS;
    // The first letters tell all keys apart but "pressure" and its like; the comparison decides.
    switch (key.raw()[0]) {
      case 's':
        error = key.unsafe_is_equal("seq") ? append(value.get_int64(), to.seq) : check_key(field);
        break;
      case 'd':
        error = key.unsafe_is_equal("device_id") ? append(value.get_int64(), to.device_id) : check_key(field);
        break;
      case 't':
        if (key.unsafe_is_equal("ts")) {
          error = append(value.get_string(), to.ts);
        } else {
          error = key.unsafe_is_equal("temperature") ? append(value.get_double(), to.temperature) : check_key(field);
        }
        break;
      case 'p':
        error = key.unsafe_is_equal("pressure") ? append(value.get_double(), to.pressure) : check_key(field);
        break;
      case 'r':
        error = key.unsafe_is_equal("running") ? append(value.get_bool(), to.running) : check_key(field);
        break;
      case 'l':
        if (key.unsafe_is_equal("location")) {
          Object location;
          error = value.get_object().get(location);
          if (error == SUCCESS) error = read_location(location, to);
        } else {
          error = check_key(field);
        }
        break;
      default:
        error = check_key(field);
    }
    if (error != SUCCESS) return error;
  }
  return SUCCESS;
}

error_code StrictLoop::read_location(Object object, PlainColumns& to) {
  for (auto result : object) {
    ondemand::field field;
    if (auto error = std::move(result).get(field); error != SUCCESS) return error;
    const ondemand::raw_json_string key = field.key();
    error_code error = SUCCESS;
    if (key.unsafe_is_equal("hall")) {
      error = append(field.value().get_string(), to.hall);
    } else if (key.unsafe_is_equal("bay")) {
      error = append(field.value().get_int64(), to.bay);
    } else {
      error = check_key(field);
    }
    if (error != SUCCESS) return error;
  }
  return SUCCESS;
}

// What nobody asked for.
error_code StrictLoop::check_key(ondemand::field& field) {
  if (!is_plain(field.key())) {
    if (const auto key = field.unescaped_key(); key.error() != SUCCESS) return key.error();
  }
  return check(field.value());
}

error_code StrictLoop::check(Value value) {
  ondemand::json_type type;
  if (auto error = value.type().get(type); error != SUCCESS) return error;
  switch (type) {
    case ondemand::json_type::string:
      return value.get_string().error();
    case ondemand::json_type::number:
      return value.get_number().error();
    case ondemand::json_type::boolean:
      return value.get_bool().error();
    case ondemand::json_type::null:
      return value.is_null() ? SUCCESS : N_ATOM_ERROR;
    case ondemand::json_type::array: {
      ondemand::array array;
      if (auto error = value.get_array().get(array); error != SUCCESS) return error;
      for (auto element : array) {
        Value inner;
        if (auto error = std::move(element).get(inner); error != SUCCESS) return error;
        if (auto error = check(inner); error != SUCCESS) return error;
      }
      return SUCCESS;
    }
    case ondemand::json_type::object: {
      Object object;
      if (auto error = value.get_object().get(object); error != SUCCESS) return error;
      for (auto result : object) {
        ondemand::field field;
        if (auto error = std::move(result).get(field); error != SUCCESS) return error;
        if (auto error = check_key(field); error != SUCCESS) return error;
      }
      return SUCCESS;
    }
  }
  return INCORRECT_TYPE;
}

}  // namespace benchmark
