#include "secret.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

namespace honeyframe {
namespace {

constexpr std::string_view kShort = "hunter2";                                             // inside the string object
constexpr std::string_view kLong = "a long passphrase that does not fit into the object";  // on the heap

bool holds(const void* memory, std::size_t size, std::string_view text) {
  return std::string_view(static_cast<const char*>(memory), size).find(text) != std::string_view::npos;
}

TEST(SecretTest, RevealsWhatItWasGiven) {
  EXPECT_TRUE(Secret().empty());
  EXPECT_EQ(Secret(kShort).reveal(), kShort);
  EXPECT_EQ(Secret(std::string_view("a\0b", 3)).reveal().size(), 3U);
}

TEST(SecretTest, IsMadeOfParts) {
  EXPECT_TRUE(Secret({std::string_view(), std::string_view()}).empty());
  EXPECT_EQ(Secret({"http://", "me:", kLong, "@proxy"}).reveal(), "http://me:" + std::string(kLong) + "@proxy");
}

TEST(SecretTest, CannotBeMadeOrReadByAccident) {
  static_assert(!std::is_convertible_v<std::string, Secret>);
  static_assert(!std::is_convertible_v<Secret, std::string>);
}

TEST(SecretTest, CopiesAndMoves) {
  for (const std::string_view text : {kShort, kLong}) {
    Secret first(text);
    Secret copy = first;
    EXPECT_EQ(copy.reveal(), text);
    EXPECT_EQ(first.reveal(), text);

    Secret moved = std::move(first);
    EXPECT_EQ(moved.reveal(), text);
    EXPECT_TRUE(first.empty());  // NOLINT(bugprone-use-after-move): emptied by contract

    Secret assigned("other");
    assigned = moved;
    EXPECT_EQ(assigned.reveal(), text);
    assigned = Secret("third");
    EXPECT_EQ(assigned.reveal(), "third");
    const Secret& same = assigned;
    assigned = same;
    EXPECT_EQ(assigned.reveal(), "third");
  }
}

TEST(SecretTest, MovedFromObjectKeepsNoCharacters) {
  Secret source(kShort);
  ASSERT_TRUE(holds(&source, sizeof source, kShort));
  const Secret target = std::move(source);
  EXPECT_FALSE(holds(&source, sizeof source, kShort.substr(1)));
  EXPECT_EQ(target.reveal(), kShort);
}

TEST(SecretTest, DestroyedObjectKeepsNoCharacters) {
  alignas(Secret) unsigned char memory[sizeof(Secret)] = {};
  auto* secret = new (memory) Secret(kShort);
  ASSERT_TRUE(holds(memory, sizeof memory, kShort));
  std::destroy_at(secret);
  EXPECT_FALSE(holds(memory, sizeof memory, kShort.substr(1)));
}

}  // namespace
}  // namespace honeyframe
