#include "paho_environment.h"

#include <MQTTAsync.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#if defined(__linux__)
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace honeyframe {
namespace {

constexpr std::array<std::string_view, 6> kHidden{"http_proxy",
                                                  "https_proxy",
                                                  "PAHO_C_CLIENT_USE_HTTP_PROXY",
                                                  "MQTT_C_CLIENT_TRACE",
                                                  "MQTT_C_CLIENT_TRACE_MAX_LINES",
                                                  "MQTT_C_CLIENT_TRACE_LEVEL"};

#if defined(__linux__)

char* getenv_for_paho(const char* name) {
  if (std::find(kHidden.begin(), kHidden.end(), std::string_view(name)) != kHidden.end()) return nullptr;
  return std::getenv(name);
}

// The dynamic section's tables, as far as they are needed to find an imported function.
struct DynamicTables {
  const ElfW(Sym) * symbols = nullptr;
  const char* names = nullptr;
  const ElfW(Rela) * tables[2] = {};  // functions (DT_JMPREL), then data (DT_RELA)
  std::size_t bytes[2] = {};
};

DynamicTables read_dynamic(ElfW(Addr) base, const ElfW(Dyn) * entry) {
  DynamicTables found;
  for (; entry->d_tag != DT_NULL; ++entry) {
    // The loader has relocated these in place on most machines, but not on all.
    const auto address = entry->d_un.d_ptr < base ? base + entry->d_un.d_ptr : entry->d_un.d_ptr;
    if (entry->d_tag == DT_SYMTAB) found.symbols = reinterpret_cast<const ElfW(Sym)*>(address);
    if (entry->d_tag == DT_STRTAB) found.names = reinterpret_cast<const char*>(address);
    if (entry->d_tag == DT_JMPREL) found.tables[0] = reinterpret_cast<const ElfW(Rela)*>(address);
    if (entry->d_tag == DT_PLTRELSZ) found.bytes[0] = entry->d_un.d_val;
    if (entry->d_tag == DT_RELA) found.tables[1] = reinterpret_cast<const ElfW(Rela)*>(address);
    if (entry->d_tag == DT_RELASZ) found.bytes[1] = entry->d_un.d_val;
  }
  return found;
}

// With RELRO the table is read-only once the library is loaded.
bool store(ElfW(Addr) where, void* function) {
  const auto page_size = static_cast<ElfW(Addr)>(sysconf(_SC_PAGESIZE));
  auto* const page = reinterpret_cast<void*>(where & ~(page_size - 1));
  if (mprotect(page, page_size, PROT_READ | PROT_WRITE) != 0) return false;
  __atomic_store_n(reinterpret_cast<void**>(where), function, __ATOMIC_RELEASE);
  return true;
}

bool redirect_getenv(ElfW(Addr) base, const ElfW(Dyn) * dynamic) {
  const auto found = read_dynamic(base, dynamic);
  if (found.symbols == nullptr || found.names == nullptr) return false;
  bool redirected = false;
  for (std::size_t table = 0; table < 2; ++table) {
    for (std::size_t i = 0; i < found.bytes[table] / sizeof(ElfW(Rela)); ++i) {
      const auto& relocation = found.tables[table][i];
      const auto symbol = sizeof(void*) == 8 ? relocation.r_info >> 32 : relocation.r_info >> 8;
      if (symbol == 0 || std::string_view(found.names + found.symbols[symbol].st_name) != "getenv") continue;
      redirected |= store(base + relocation.r_offset, reinterpret_cast<void*>(&getenv_for_paho));
    }
  }
  return redirected;
}

#endif

bool hidden = false;  // control thread

}  // namespace

bool hide_environment_from_paho() noexcept {
#if defined(__linux__)
  Dl_info info{};
  link_map* library = nullptr;
  void* extra = nullptr;
  // A call's address, not the function's: in an executable the latter may be its own stub.
  void* const inside_paho = dlsym(RTLD_DEFAULT, "MQTTAsync_connect");
  const void* const address = inside_paho != nullptr ? inside_paho : reinterpret_cast<const void*>(&MQTTAsync_connect);
  if (dladdr1(address, &info, &extra, RTLD_DL_LINKMAP) != 0) library = static_cast<link_map*>(extra);
  hidden = library != nullptr && redirect_getenv(library->l_addr, library->l_ld);
#endif
  if (!hidden) {
    for (const auto* name : {"MQTT_C_CLIENT_TRACE", "MQTT_C_CLIENT_TRACE_MAX_LINES", "MQTT_C_CLIENT_TRACE_LEVEL"}) {
      unsetenv(name);
    }
  }
  return hidden;
}

Status check_proxy_environment() {
  if (hidden) return {};
  for (const auto* name : {"http_proxy", "https_proxy"}) {
    if (std::getenv(name) == nullptr) continue;
    return Status(ErrorCode::proxy_failed, std::string("the environment variable ") + name +
                                               " is set, and this build of Paho would send the connection, with its "
                                               "credentials, through that proxy")
        .with_hint(std::string("unset ") + name + "; to use a proxy, name it: http_proxy=\"http://host:port\"");
  }
  return {};
}

}  // namespace honeyframe
