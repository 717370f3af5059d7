#include "paho_environment.h"

#include <MQTTAsync.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace honeyframe {
namespace {

// That the variables have no effect on a connection is in session_connect_test.cpp; here: whom they are hidden from.
TEST(PahoEnvironment, IsHiddenFromPahoAlone) {
  setenv("https_proxy", "http://user:secret@127.0.0.1:9", 1);
#if defined(__linux__)
  EXPECT_TRUE(hide_environment_from_paho());
  EXPECT_TRUE(hide_environment_from_paho()) << "again does no harm";
#endif
  EXPECT_TRUE(check_proxy_environment().ok());
  ASSERT_NE(std::getenv("https_proxy"), nullptr);
  unsetenv("https_proxy");
}

}  // namespace
}  // namespace honeyframe
