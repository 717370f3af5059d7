#include "probe_report.h"

#include <gtest/gtest.h>

#include <set>
#include <string_view>

namespace honeyframe {
namespace {

TEST(ProbeReportTest, EachStepHasAName) {
  using Step = ProbeReport::Step;
  std::set<std::string_view> names;
  for (const Step step : {Step::name, Step::tcp, Step::proxy, Step::tls, Step::websocket, Step::greeting})
    names.insert(to_string(step));
  EXPECT_EQ(names.size(), 6u);
  EXPECT_EQ(to_string(ProbeReport().step), "name") << "nothing was reached yet";
}

}  // namespace
}  // namespace honeyframe
