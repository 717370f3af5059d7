// The end of a test process: sessions that went out of scope are closed by the control thread, which would otherwise
// write its last DISCONNECT while OpenSSL, at exit, gives back what it has.

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>

#include "control_thread.h"

namespace honeyframe {
namespace {

class ProcessEnd : public ::testing::Environment {
 public:
  void TearDown() override {
    const auto done = std::make_shared<std::promise<void>>();
    ControlThread::instance().post([done] { done->set_value(); });
    EXPECT_EQ(done->get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  }
};

const auto* const process_end = ::testing::AddGlobalTestEnvironment(new ProcessEnd);

}  // namespace
}  // namespace honeyframe
