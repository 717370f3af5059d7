#pragma once

// Options: `--name value` pairs of these programs' command lines. An unknown name, or one without a value, ends the
// process.

#include <cstdlib>
#include <initializer_list>
#include <iostream>
#include <map>
#include <string>

namespace benchmark {

class Options {
 public:
  Options(int argc, char** argv, std::initializer_list<const char*> names) {
    for (const char* name : names) values_[name];
    for (int i = 1; i < argc; i += 2) {
      const std::string name = std::string(argv[i]).substr(0, 2) == "--" ? argv[i] + 2 : "";
      if (values_.count(name) == 0 || i + 1 == argc) {
        std::cerr << argv[0] << ": unknown option, or no value: " << argv[i] << "\n";
        std::exit(2);
      }
      values_[name] = argv[i + 1];
    }
  }

  [[nodiscard]] const std::string& text(const std::string& name) const { return values_.at(name); }
  [[nodiscard]] long number(const std::string& name, long otherwise = 0) const {
    const std::string& value = text(name);
    return value.empty() ? otherwise : std::strtol(value.c_str(), nullptr, 10);
  }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace benchmark
