// Counts how often CPython's allocator for objects is asked for memory: every new object that does not come off a free list.
// A wrapper around the allocator in place (PEP 445); counts with relaxed atomics, so from any thread.

#include <Python.h>
#include <stdatomic.h>

static PyMemAllocatorEx wrapped;
static atomic_ullong calls;

static void *counting_malloc(void *context, size_t size) {
  (void)context;
  atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
  return wrapped.malloc(wrapped.ctx, size);
}

static void *counting_calloc(void *context, size_t count, size_t size) {
  (void)context;
  atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
  return wrapped.calloc(wrapped.ctx, count, size);
}

static void *counting_realloc(void *context, void *block, size_t size) {
  (void)context;
  atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed);
  return wrapped.realloc(wrapped.ctx, block, size);
}

static void forwarding_free(void *context, void *block) {
  (void)context;
  wrapped.free(wrapped.ctx, block);
}

// With the GIL held (ctypes.PyDLL). Call once.
void counter_install(void) {
  PyMemAllocatorEx counting = {NULL, counting_malloc, counting_calloc, counting_realloc, forwarding_free};
  PyMem_GetAllocator(PYMEM_DOMAIN_OBJ, &wrapped);
  PyMem_SetAllocator(PYMEM_DOMAIN_OBJ, &counting);
}

unsigned long long counter_read(void) { return atomic_load_explicit(&calls, memory_order_relaxed); }
