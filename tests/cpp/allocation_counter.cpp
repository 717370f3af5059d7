#include "allocation_counter.h"

#include <malloc.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

thread_local std::uint64_t allocations = 0;
thread_local bool failing = false;
thread_local std::uint64_t still_succeed = 0;
std::atomic<std::int64_t> live{0};

void* allocate(std::size_t bytes) {
  ++allocations;
  if (failing && still_succeed == 0) throw std::bad_alloc();
  if (failing) --still_succeed;
  void* const memory = std::malloc(bytes != 0 ? bytes : 1);
  if (memory == nullptr) throw std::bad_alloc();
  live += static_cast<std::int64_t>(malloc_usable_size(memory));
  return memory;
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  live -= static_cast<std::int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

}  // namespace

namespace honeyframe::testing {

std::uint64_t allocations_of_this_thread() noexcept {
  return allocations;
}

std::int64_t live_bytes() noexcept {
  return live;
}
FailingAllocations::FailingAllocations(std::uint64_t after) noexcept {
  still_succeed = after;
  failing = true;
}
FailingAllocations::~FailingAllocations() {
  failing = false;
}

}  // namespace honeyframe::testing

void* operator new(std::size_t bytes) {
  return allocate(bytes);
}
void* operator new[](std::size_t bytes) {
  return allocate(bytes);
}
// As simdjson allocates: without these, a sanitizer's own would meet our delete.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return failing ? nullptr : allocate(bytes);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return failing ? nullptr : allocate(bytes);
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete[](void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  release(memory);
}
