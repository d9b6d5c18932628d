#include "data/store/store_index.h"

#include <gmock/gmock.h>

#include <fstream>

#include "core/base/error.h"
#include "data/store/store_set.h"
#include "data/store/store_writer.h"
#include "tests/data/store/embedding_fixture.h"
#include "tests/data/store/latent_fixture.h"
#include "tests/support/errors.h"
#include "tests/support/temporary_folder.h"

namespace fgm {
namespace {

using testing::HasSubstr;

class StoreIndex : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  void write_captions(const std::string& name, const std::vector<std::string>& prompts) const {
    write_store(path(name), {.kind = "captions", .provenance = nlohmann::json::object(), .prompts = prompts});
  }
  std::string refusal() const {
    return message_of<IoError>([&] { StoreSet{path("s.json")}; });
  }

  TemporaryFolder folder_;
};

TEST_F(StoreIndex, OpensTheSetThatItWasMadeOf) {
  write_captions("a.h5", {"a", "b", "a"});
  write_captions("p-1.h5", {"c"});
  write_captions("p-2.h5", {"", "d"});
  const auto list = path("a.h5") + "," + path("p-*.h5") + ":0.25";
  EXPECT_EQ(write_store_index(list, path("s.json")), 6);
  const StoreSet set(path("s.json")), listed(list);
  EXPECT_TRUE(set.is_indexed());
  EXPECT_FALSE(listed.is_indexed());
  EXPECT_EQ(set.digest(), listed.digest());
  EXPECT_EQ(set.first(99), listed.first(99));
  EXPECT_EQ(files_of_stores(path("s.json")), files_of_stores(list));
  ASSERT_EQ(set.shares().size(), 2u);
  EXPECT_EQ(set.shares()[1].size, 3);
  EXPECT_EQ(set.shares()[1].weight, 250'000'000);
}

TEST_F(StoreIndex, MovesWithItsFiles) {
  std::filesystem::create_directory(path("old"));
  write_captions("old/a.h5", {"a"});
  write_store_index(path("old/a.h5"), path("old/s.json"));
  std::filesystem::rename(path("old"), path("new"));
  EXPECT_EQ(StoreSet(path("new/s.json")).first(9), std::vector<std::string>{"a"});
}

TEST_F(StoreIndex, NamesAFileThatIsGoneOrHasChanged) {
  write_captions("a.h5", {"hat"});
  write_captions("b.h5", {"red hat"});
  write_store_index(path("a.h5") + "," + path("b.h5"), path("s.json"));
  write_captions("b.h5", {"red cat"});
  EXPECT_THAT(refusal(), HasSubstr("b.h5' has changed since its index was made: it holds other prompts"));
  write_captions("b.h5", {"red hat", "cat"});
  EXPECT_THAT(refusal(), HasSubstr("b.h5' has changed since its index was made"));
  std::filesystem::remove(path("b.h5"));
  EXPECT_THAT(refusal(), HasSubstr("b.h5"));
}

TEST_F(StoreIndex, NoticesOtherImagesAndLatents) {
  StoreContents contents{"images", nlohmann::json::object(), {"a"}, at::full({1, 2, 2, 3}, 1, at::kByte)};
  write_store(path("a.h5"), contents);
  write_latents(path("l.h5"), small_latents());
  write_store_index(path("a.h5") + "," + path("l.h5"), path("s.json"));
  EXPECT_EQ(StoreSet(path("s.json")).size(), 6);
  contents.images_NHWC.fill_(2);
  write_store(path("a.h5"), contents);
  EXPECT_THAT(refusal(), HasSubstr("a.h5' has changed since its index was made"));
}

TEST_F(StoreIndex, ReadsNoPromptAtTheStartAndComparesEachWhenItIsRead) {
  write_captions("a.h5", {"a hat", "a cat"});
  write_store_index(path("a.h5"), path("s.json"));
  change_byte(path("a.h5"), bytes_of_file(path("a.h5")).find("a cat"));
  EXPECT_THROW(StoreSet{path("a.h5")}, IoError);
  const StoreSet set(path("s.json"));
  EXPECT_EQ(set.caption(0), "a hat");
  EXPECT_THAT(message_of<IoError>([&] { set.caption(1); }), HasSubstr("prompt 1 fails its check-sum"));
}

TEST_F(StoreIndex, RefusesWhatIsNoIndex) {
  for (const auto* text : {"{", "[]", "{\"format\": \"fgm store index 9\", \"groups\": []}",
                           "{\"format\": \"fgm store index 1\", \"groups\": []}",
                           "{\"format\": \"fgm store index 1\", \"groups\": [{\"weight\": 1, \"files\": []}]}"}) {
    std::ofstream(path("s.json")) << text;
    EXPECT_THAT(refusal(), HasSubstr("fgm data merge LIST --index")) << text;
  }
}

}  // namespace
}  // namespace fgm
