// Preloaded: while the file that FAILING_DISK names exists, writing to files below FAILING_DISK_ROOT fails with the
// errno that it holds, as a decimal number. Everything else goes to the system.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

static int failure(int descriptor) {
  const char* control = getenv("FAILING_DISK");
  const char* root = getenv("FAILING_DISK_ROOT");
  if (control == NULL || root == NULL) return 0;
  char link[64];
  char path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size <= 0) return 0;
  path[size] = '\0';
  if (strncmp(path, root, strlen(root)) != 0) return 0;
  const int file = open(control, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[16] = {0};
  const ssize_t got = read(file, text, sizeof text - 1);
  close(file);
  return got > 0 ? atoi(text) : 0;
}

#define PASS_ON(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL_OR(descriptor, call)              \
  do {                                         \
    const int error = failure(descriptor);     \
    if (error != 0) {                          \
      errno = error;                           \
      return -1;                               \
    }                                          \
    return call;                               \
  } while (0)

ssize_t write(int descriptor, const void* from, size_t size) {
  FAIL_OR(descriptor, PASS_ON(write)(descriptor, from, size));
}

ssize_t writev(int descriptor, const struct iovec* pieces, int count) {
  FAIL_OR(descriptor, PASS_ON(writev)(descriptor, pieces, count));
}

ssize_t pwrite64(int descriptor, const void* from, size_t size, off64_t at) {
  FAIL_OR(descriptor, PASS_ON(pwrite64)(descriptor, from, size, at));
}

ssize_t pwrite(int descriptor, const void* from, size_t size, off_t at) {
  FAIL_OR(descriptor, PASS_ON(pwrite)(descriptor, from, size, at));
}

ssize_t pwritev64(int descriptor, const struct iovec* pieces, int count, off64_t at) {
  FAIL_OR(descriptor, PASS_ON(pwritev64)(descriptor, pieces, count, at));
}

ssize_t pwritev(int descriptor, const struct iovec* pieces, int count, off_t at) {
  FAIL_OR(descriptor, PASS_ON(pwritev)(descriptor, pieces, count, at));
}

int fdatasync(int descriptor) {
  FAIL_OR(descriptor, PASS_ON(fdatasync)(descriptor));
}
