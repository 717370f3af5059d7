#pragma once

// The units of Paho that watch over it, doing nothing: its heap tracker (a tree of every allocation, under a lock), its
// stack tracer (every function entered and left, under a lock) and its trace log. Debian's build has them compiled in,
// and they cost more than all the rest of Paho. Here memory is plain malloc's, for Paho and for MQTTAsync_free() alike.
//
// Called by Paho, on its threads and ours, under the names that its archive was given (cmake/HoneyframePaho.cmake).
// Each has the signature that Paho 1.3.12 to 1.3.15 calls it with. Thread-safe.

#include <cstddef>
#include <cstdio>

extern "C" {

void* honeyframe_paho_mymalloc(char* file, int line, std::size_t size);
void* honeyframe_paho_myrealloc(char* file, int line, void* memory, std::size_t size);
void honeyframe_paho_myfree(char* file, int line, void* memory);

struct PahoHeapInfo {
  std::size_t current_size;
  std::size_t max_size;
};
int honeyframe_paho_Heap_initialize();
void honeyframe_paho_Heap_terminate();
PahoHeapInfo* honeyframe_paho_Heap_get_info();
int honeyframe_paho_HeapDump(std::FILE* file);
int honeyframe_paho_HeapDumpString(std::FILE* file, char* text);
void* honeyframe_paho_Heap_findItem(void* memory);
void honeyframe_paho_Heap_unlink(char* file, int line, void* memory);

void honeyframe_paho_StackTrace_entry(const char* name, int line, int level);
void honeyframe_paho_StackTrace_exit(const char* name, int line, void* result, int level);
void honeyframe_paho_StackTrace_printStack(std::FILE* file);
char* honeyframe_paho_StackTrace_get(unsigned long thread, char* text, int size);
int honeyframe_paho_setStack(int create);

struct PahoTraceSettings {
  int trace_level;
  int max_trace_entries;
  int trace_output_level;
};
extern PahoTraceSettings honeyframe_paho_trace_settings;
int honeyframe_paho_Log_initialize(void* names);
void honeyframe_paho_Log_terminate();
void honeyframe_paho_Log(int level, int message, const char* format, ...);
void honeyframe_paho_Log_stackTrace(int level, int message, unsigned long thread, int depth, const char* name, int line,
                                    int* result);
void honeyframe_paho_Log_setTraceCallback(void* callback);
void honeyframe_paho_Log_setTraceLevel(int level);
}
