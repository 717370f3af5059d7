#include "paho_imports.h"

#include <MQTTAsync.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#if defined(__linux__) && !HONEYFRAME_PAHO_LEAN
#define HONEYFRAME_PATCHES_PAHO 1
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#else
#define HONEYFRAME_PATCHES_PAHO 0
#endif

namespace honeyframe {
namespace {

constexpr std::array<std::string_view, 6> kHidden{"http_proxy",
                                                  "https_proxy",
                                                  "PAHO_C_CLIENT_USE_HTTP_PROXY",
                                                  "MQTT_C_CLIENT_TRACE",
                                                  "MQTT_C_CLIENT_TRACE_MAX_LINES",
                                                  "MQTT_C_CLIENT_TRACE_LEVEL"};

std::atomic<int> connecting{0};

#if HONEYFRAME_PATCHES_PAHO

constexpr int kConnectingPollMs = 10;

char* getenv_for_paho(const char* name) {
  return is_hidden_from_paho(name) ? nullptr : std::getenv(name);
}

int connect_for_paho(int descriptor, const sockaddr* address, socklen_t size) {
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return connect(descriptor, address, size);
}

int poll_for_paho(pollfd* descriptors, nfds_t count, int timeout_ms) {
  const int shortest = connecting.load(std::memory_order_relaxed) > 0 ? kConnectingPollMs : timeout_ms;
  return poll(descriptors, count, timeout_ms > 0 ? std::min(timeout_ms, shortest) : timeout_ms);
}

struct Import {
  std::string_view name;
  void* answer;
};

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

const link_map* library_of(const void* address) {
  Dl_info info{};
  void* library = nullptr;
  return dladdr1(address, &info, &library, RTLD_DL_LINKMAP) != 0 ? static_cast<const link_map*>(library) : nullptr;
}

// How many of `imports` were found and redirected.
std::size_t redirect(ElfW(Addr) base, const ElfW(Dyn) * dynamic, const std::array<Import, 3>& imports) {
  const auto found = read_dynamic(base, dynamic);
  if (found.symbols == nullptr || found.names == nullptr) return 0;
  std::array<bool, 3> done{};
  for (std::size_t table = 0; table < 2; ++table) {
    for (std::size_t i = 0; i < found.bytes[table] / sizeof(ElfW(Rela)); ++i) {
      const auto& relocation = found.tables[table][i];
      const auto symbol = sizeof(void*) == 8 ? relocation.r_info >> 32 : relocation.r_info >> 8;
      if (symbol == 0) continue;
      const std::string_view name = found.names + found.symbols[symbol].st_name;
      for (std::size_t k = 0; k < imports.size(); ++k) {
        if (imports[k].name == name && store(base + relocation.r_offset, imports[k].answer)) done[k] = true;
      }
    }
  }
  return static_cast<std::size_t>(std::count(done.begin(), done.end(), true));
}

#endif

bool hidden = false;  // control thread

}  // namespace

bool is_hidden_from_paho(std::string_view name) noexcept {
  return std::find(kHidden.begin(), kHidden.end(), name) != kHidden.end();
}

bool answer_paho_imports() noexcept {
  bool all = HONEYFRAME_PAHO_LEAN != 0;
#if HONEYFRAME_PATCHES_PAHO
  const std::array<Import, 3> imports{Import{"getenv", reinterpret_cast<void*>(&getenv_for_paho)},
                                      Import{"connect", reinterpret_cast<void*>(&connect_for_paho)},
                                      Import{"poll", reinterpret_cast<void*>(&poll_for_paho)}};
  // The symbol's own address: what an executable calls may be a stub within itself.
  const void* inside_paho = dlsym(RTLD_DEFAULT, "MQTTAsync_connect");
  if (inside_paho == nullptr) inside_paho = reinterpret_cast<const void*>(&MQTTAsync_connect);
  const auto* const paho = library_of(inside_paho);
  // Linked into one object with us, the table would be ours, too.
  if (paho != nullptr && paho != library_of(reinterpret_cast<const void*>(&getenv_for_paho))) {
    all = redirect(paho->l_addr, paho->l_ld, imports) == imports.size();
  }
#endif
  hidden = all;
  if (!hidden) {
    for (const auto* name : {"MQTT_C_CLIENT_TRACE", "MQTT_C_CLIENT_TRACE_MAX_LINES", "MQTT_C_CLIENT_TRACE_LEVEL"}) {
      unsetenv(name);
    }
  }
  return all;
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

ConnectingMark::ConnectingMark() noexcept {
  connecting.fetch_add(1, std::memory_order_relaxed);
}
ConnectingMark::~ConnectingMark() {
  connecting.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace honeyframe
