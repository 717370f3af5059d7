/* Preloaded: a machine whose clock is $CLOCK_SHIFT seconds off, whose name server never answers for *.silent and knows no *.unknown, and
 * from which 127.0.0.99 cannot be reached. */

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t shift(void) {
  const char* seconds = getenv("CLOCK_SHIFT");
  return seconds == NULL ? 0 : (time_t)atoll(seconds);
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  int (*real)(clockid_t, struct timespec*) = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  int result = real(clock, now);
  if (result == 0 && clock == CLOCK_REALTIME) now->tv_sec += shift();
  return result;
}

time_t time(time_t* out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

int getaddrinfo(const char* host, const char* service, const struct addrinfo* hints, struct addrinfo** found) {
  typedef int (*Lookup)(const char*, const char*, const struct addrinfo*, struct addrinfo**);
  const char* domain = host == NULL ? NULL : strrchr(host, '.');
  if (domain != NULL && strcmp(domain, ".silent") == 0) sleep(60);
  if (domain != NULL && strcmp(domain, ".unknown") == 0) return EAI_NONAME;
  return ((Lookup)dlsym(RTLD_NEXT, "getaddrinfo"))(host, service, hints, found);
}

int connect(int descriptor, const struct sockaddr* address, socklen_t size) {
  int (*real)(int, const struct sockaddr*, socklen_t) =
      (int (*)(int, const struct sockaddr*, socklen_t))dlsym(RTLD_NEXT, "connect");
  const struct sockaddr_in* internet = (const struct sockaddr_in*)address;
  if (address->sa_family == AF_INET && internet->sin_addr.s_addr == inet_addr("127.0.0.99")) {
    errno = ENETUNREACH;
    return -1;
  }
  return real(descriptor, address, size);
}
