#include "paho_diagnostics.h"

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "paho_packet_memory.h"

namespace {

// Larger than any of Paho's structs, smaller than what would cost anything to clear.
constexpr std::size_t kStructs = 1024;

// The unit that holds what has come of a packet: the only one whose memory can grow to the largest packet and stay so.
bool holds_packets(const char* file) {
  return std::string_view(file).ends_with("SocketBuffer.c");
}

}  // namespace

extern "C" {

void* honeyframe_paho_mymalloc(char* file, int, std::size_t size) {
  // Cleared: of a CONNACK without properties (3.x, as an answer to 5.0) Paho frees those that nobody has written.
  // Not by calloc(): it takes nothing from what the thread freed last, and costs three times as much.
  void* memory = std::malloc(size);
  asm("" : "+r"(memory));  // else the compiler makes a calloc() of it
  if (size <= kStructs && memory != nullptr) std::memset(memory, 0, size);
  if (size >= honeyframe::kLargePacket && memory != nullptr && holds_packets(file)) {
    honeyframe::packet_memory_grew(memory, size);
  }
  return memory;
}

void* honeyframe_paho_myrealloc(char* file, int, void* memory, std::size_t size) {
  // Before: from then on the old address is anyone's.
  if (honeyframe::has_packet_memory() && holds_packets(file)) honeyframe::packet_memory_freed(memory);
  void* const grown = std::realloc(memory, size);
  if (size >= honeyframe::kLargePacket && grown != nullptr && holds_packets(file)) {
    honeyframe::packet_memory_grew(grown, size);
  }
  return grown;
}

void honeyframe_paho_myfree(char* file, int, void* memory) {
  if (honeyframe::has_packet_memory() && holds_packets(file)) honeyframe::packet_memory_freed(memory);
  std::free(memory);
}

int honeyframe_paho_Heap_initialize() {
  return 0;
}
void honeyframe_paho_Heap_terminate() {}
PahoHeapInfo* honeyframe_paho_Heap_get_info() {
  static PahoHeapInfo nothing{0, 0};
  return &nothing;
}
int honeyframe_paho_HeapDump(std::FILE*) {
  return 0;
}
int honeyframe_paho_HeapDumpString(std::FILE*, char*) {
  return 0;
}
void* honeyframe_paho_Heap_findItem(void*) {
  return nullptr;
}
void honeyframe_paho_Heap_unlink(char*, int, void*) {}

void honeyframe_paho_StackTrace_entry(const char*, int, int) {}
void honeyframe_paho_StackTrace_exit(const char*, int, void*, int) {}
void honeyframe_paho_StackTrace_printStack(std::FILE*) {}
char* honeyframe_paho_StackTrace_get(unsigned long, char* text, int size) {
  if (text != nullptr && size > 0) *text = '\0';
  return text;
}
int honeyframe_paho_setStack(int) {
  return 0;
}

// INVALID_LEVEL is -1 and the levels begin with 1: 7 is LOG_FATAL, above which there is nothing to say.
PahoTraceSettings honeyframe_paho_trace_settings{7, 0, -1};
int honeyframe_paho_Log_initialize(void*) {
  return 0;
}
void honeyframe_paho_Log_terminate() {}
void honeyframe_paho_Log(int, int, const char*, ...) {}
void honeyframe_paho_Log_stackTrace(int, int, unsigned long, int, const char*, int, int*) {}
void honeyframe_paho_Log_setTraceCallback(void*) {}
void honeyframe_paho_Log_setTraceLevel(int) {}
}
