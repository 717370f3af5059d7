#pragma once

// The functions of the C library and of OpenSSL that Paho calls, answered below it: its copy of each name leads here
// (cmake/HoneyframePaho.cmake). They have their originals' signatures and, where nothing else is said, their behaviour.
//
//   recv, SSL_read       read ahead (paho_stream); writev and SSL_write remember what is left of a write
//   poll, usleep         answer from the streams, wait for more than Paho does, and do not idle (paho_poll)
//   SSL_pending          0: what the streams hold is told by poll, so that every session gets its turn, packet by
//   packet ERR_clear_error      does nothing: the streams clear OpenSSL's error queue before each call that reads it
//   socket, connect      close-on-exec; TCP_NODELAY, so that acknowledgements leave at once; who is connected to
//   getsockopt           Paho has asked how connecting went
//   close, SSL_free      forget what was read: descriptors are used again
//   getaddrinfo          what was found before, or a bounded wait (paho_resolver)
//   clock_gettime        the coarse clock, good to 4 ms: Paho looks several times a packet, and counts in longer times
//   getenv               hides the proxy variables, which 1.3.10 to 1.3.13 obey without being asked, and the trace
//   variables, which
//                        make Paho print topics, payloads and credentials; the environment itself stays as it is
//   SSL_CTX_set_*_callback  nothing: Paho's write each record to the trace log, which is none here
//
// Called on Paho's threads and the control thread. Thread-safe. None throws.

#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <ctime>

extern "C" {

int honeyframe_paho_socket(int family, int type, int protocol);
int honeyframe_paho_connect(int descriptor, const sockaddr* address, socklen_t size);
int honeyframe_paho_getsockopt(int descriptor, int level, int option, void* value, socklen_t* size);
int honeyframe_paho_close(int descriptor);
ssize_t honeyframe_paho_recv(int descriptor, void* to, size_t size, int flags);
ssize_t honeyframe_paho_writev(int descriptor, const iovec* pieces, int count);
int honeyframe_paho_poll(pollfd* descriptors, nfds_t count, int timeout_ms);
int honeyframe_paho_usleep(useconds_t microseconds);
int honeyframe_paho_clock_gettime(clockid_t clock, timespec* now);
char* honeyframe_paho_getenv(const char* name);
int honeyframe_paho_getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found);
void honeyframe_paho_freeaddrinfo(addrinfo* list);

int honeyframe_paho_SSL_set_fd(SSL* tls, int descriptor);
int honeyframe_paho_SSL_connect(SSL* tls);
int honeyframe_paho_SSL_read(SSL* tls, void* to, int size);
int honeyframe_paho_SSL_pending(const SSL* tls);
int honeyframe_paho_SSL_write(SSL* tls, const void* from, int size);
int honeyframe_paho_SSL_shutdown(SSL* tls);
void honeyframe_paho_SSL_free(SSL* tls);
void honeyframe_paho_ERR_clear_error();
void honeyframe_paho_SSL_CTX_set_msg_callback(SSL_CTX* context, void* callback);
void honeyframe_paho_SSL_CTX_set_info_callback(SSL_CTX* context, void* callback);
}
