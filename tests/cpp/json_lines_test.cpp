#include "json_lines.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

namespace honeyframe {
namespace {

class JsonLinesFile : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(path_, std::ios::binary) << text; }
  void TearDown() override { std::filesystem::remove(path_); }

  // Every line of the file, and whether zeroed padding follows each.
  std::vector<std::string> read() {
    std::vector<std::string> lines;
    Result<JsonLines> file = JsonLines::open(path_);
    EXPECT_TRUE(file.ok()) << file.status().message();
    for (;;) {
      Result<std::shared_ptr<const MessageBlock>> block = file->next();
      EXPECT_TRUE(block.ok()) << block.status().message();
      if (!block.ok() || !block.value()) return lines;
      ++blocks_;
      for (std::size_t i = 0; i < block.value()->size(); ++i) {
        lines.emplace_back(block.value()->payload((*block.value())[i]));
        EXPECT_EQ(block.value()->topic((*block.value())[i]), "");
      }
    }
  }

  const std::string path_ =
      (std::filesystem::temp_directory_path() /
       (std::string("honeyframe_") + ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".jsonl"))
          .string();
  int blocks_ = 0;
};

using Texts = std::vector<std::string>;

TEST_F(JsonLinesFile, GivesEachLineWithoutItsEnd) {
  write("{\"a\":1}\n{\"a\":2}\r\n[3]\n");
  EXPECT_EQ(read(), (Texts{"{\"a\":1}", "{\"a\":2}", "[3]"}));
}

TEST_F(JsonLinesFile, TakesALastLineWithoutAnEnd) {
  write("1\n2");
  EXPECT_EQ(read(), (Texts{"1", "2"}));
}

TEST_F(JsonLinesFile, SkipsBlankLines) {
  write("\n\n1\n  \t\n\r\n2\n\n");
  EXPECT_EQ(read(), (Texts{"1", "2"}));
}

TEST_F(JsonLinesFile, GivesNothingForNothing) {
  write("");
  EXPECT_EQ(read(), Texts{});
  write("\n\n\n");
  EXPECT_EQ(read(), Texts{});
}

TEST_F(JsonLinesFile, ReadsLinesLongerThanOneRead) {
  const std::string longest(9'000'000, 'x');
  write("1\n" + longest + "\n2\n");
  EXPECT_EQ(read(), (Texts{"1", longest, "2"}));
}

TEST_F(JsonLinesFile, ReadsAFileInPiecesAndLosesNoLineBetweenThem) {
  Texts expected;
  std::string text;
  for (int i = 0; i < 300'000; ++i) {
    expected.push_back("{\"number\":" + std::to_string(i) + ",\"name\":\"some text\"}");
    text += expected.back() + "\n";
  }
  write(text);
  EXPECT_EQ(read(), expected);
  EXPECT_GT(blocks_, 1);
}

TEST_F(JsonLinesFile, KeepsBytesThatAreNoText) {
  write(std::string("\0\xFF\n", 3));
  EXPECT_EQ(read(), (Texts{std::string("\0\xFF", 2)}));
}

TEST_F(JsonLinesFile, SaysWhichFileIsNotThere) {
  const Status status = JsonLines::open(path_).status();
  EXPECT_EQ(status.code(), ErrorCode::invalid_argument);
  EXPECT_EQ(status.native_code(), ENOENT);
  EXPECT_NE(status.message().find(path_), std::string::npos);
}

TEST_F(JsonLinesFile, RefusesADirectory) {
  Result<JsonLines> file = JsonLines::open("/");
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->next().status().native_code(), EISDIR);
}

}  // namespace
}  // namespace honeyframe
