/* Preloaded: writes to $SYNC_LOG, after each fdatasync that has succeeded, which file it was and how long the file was before.
   With $SYNC_TAKES_US each takes so much longer, as on a slower disk. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int fdatasync(int descriptor) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
  struct stat before;
  int known = fstat(descriptor, &before) == 0;
  int result = real(descriptor);
  const char* longer = getenv("SYNC_TAKES_US");
  if (longer != NULL) usleep((useconds_t)atoi(longer));
  const char* log = getenv("SYNC_LOG");
  if (result != 0 || !known || log == NULL) return result;
  char link[64], path[PATH_MAX + 1], line[PATH_MAX + 64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH_MAX);
  if (length < 0) return result;
  path[length] = '\0';
  int size = snprintf(line, sizeof line, "%lld %s\n", (long long)before.st_size, path);
  int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (out >= 0) {
    if (write(out, line, (size_t)size) != size) abort();
    close(out);
  }
  return result;
}
