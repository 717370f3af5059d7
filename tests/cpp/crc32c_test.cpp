#include "crc32c.h"

#include <gtest/gtest.h>

#include <string>

namespace honeyframe {
namespace {

// RFC 3720, appendix B.4, and the check value of the catalogues of CRCs.
TEST(Crc32c, KnownValues) {
  std::string counting;
  for (int i = 0; i < 32; ++i) counting += static_cast<char>(i);
  const std::pair<std::string, std::uint32_t> known[] = {{"", 0},
                                                         {"123456789", 0xE3069283},
                                                         {std::string(32, '\0'), 0x8A9136AA},
                                                         {std::string(32, '\xFF'), 0x62A8AB43},
                                                         {counting, 0x46DD794E}};
  for (const auto& [bytes, crc] : known) {
    EXPECT_EQ(crc32c(0, bytes), crc);
    EXPECT_EQ(crc32c_by_table(0, bytes), crc);
  }
}

TEST(Crc32c, BothWaysAgreeOnEveryLengthAndInPieces) {
  std::string bytes;
  for (int i = 0; i < 300; ++i) {
    bytes += static_cast<char>(i * 37 + i / 7);
    const std::uint32_t whole = crc32c(0, bytes);
    EXPECT_EQ(whole, crc32c_by_table(0, bytes)) << i;
    const auto half = bytes.size() / 2;
    EXPECT_EQ(whole, crc32c(crc32c(0, bytes.substr(0, half)), bytes.substr(half))) << i;
  }
}

}  // namespace
}  // namespace honeyframe
