#include "launch/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "core/base/error.h"
#include "launch/cli/help.h"

namespace fgm {
namespace {

using testing::HasSubstr;
using Args = std::vector<std::string>;

int nothing(const Invocation&) {
  return kExitDone;
}

const Command kTrain = {
    .name = "train", .help = "Trains.", .run = nothing, .sections = {"train"}, .flags = {steps_flag("train.steps")}};
const Command kInspect = {
    .name = "inspect", .help = "Lists.", .run = nothing, .flags = {{"verify", "", "check"}}, .argument = "FILE"};
const Command kPack = {
    .name = "data pack", .help = "Packs.", .run = nothing, .flags = {required_flag("out", "FILE", "store to write")}};
const std::vector<Command> kCommands = {kTrain, kInspect, kPack};

Config config_of(const Args& args) {
  return parse_arguments(kTrain, args).invocation.config;
}

std::string error_of(const Command& command, const Args& args) {
  try {
    parse_arguments(command, args);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

std::string match_error_of(const Args& args) {
  try {
    find_command(args, kCommands);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

class ConfigFileTest : public testing::Test {
 protected:
  ~ConfigFileTest() override { std::filesystem::remove(path_); }
  void write(const std::string& text) const { std::ofstream(path_) << text; }

  const std::string path_ = testing::TempDir() + fmt::format("command_line_{}.cfg", getpid());
};

TEST(CommandLine, KeysAreSetWithASpaceOrAnEqualsSign) {
  const Config config =
      config_of({"--optimizer.lr", "0.5", "--train.batch=7", "--method.lambda_1", "-0.4", "--data.store=a=b"});
  EXPECT_EQ(config.train.optimizer.lr, 0.5);
  EXPECT_EQ(config.train.batch, 7);
  EXPECT_EQ(config.method.lambda_1, -0.4) << "a negative value is no flag";
  EXPECT_EQ(config.data.store, "a=b");
}

TEST(CommandLine, TheKeysOfAKindOfModelFollowTheKind) {
  const Config config = config_of({"--model.kind", "unet", "--model.channels", "64"});
  EXPECT_EQ(config.model.unet.channels, 64);
  EXPECT_THAT(error_of(kTrain, {"--model.channels", "64"}), HasSubstr("unknown key 'model.channels'"));
}

TEST(CommandLine, ShortFlagsSetTheirKeys) {
  const Config config = config_of({"--steps", "9", "--run", "r", "--seed", "5", "--device", "cpu"});
  EXPECT_EQ(config.train.steps, 9);
  EXPECT_EQ(config.method.steps, MethodConfig().steps);
  EXPECT_EQ(config.run.dir, "r");
  EXPECT_EQ(config.run.seed, 5);
  EXPECT_EQ(config.run.device, DeviceChoice::kCpu);
}

TEST(CommandLine, LastOfTwoFlagsWins) {
  EXPECT_EQ(config_of({"--train.steps", "3", "--steps", "4"}).train.steps, 4);
  EXPECT_EQ(config_of({"--steps", "4", "--train.steps", "3"}).train.steps, 3);
}

TEST_F(ConfigFileTest, FlagsWinOverTheFileAndTheFileOverDefaults) {
  write("[train]\nsteps = 11\nbatch = 12\n");
  const Config config = config_of({"--steps", "13", "--config", path_});
  EXPECT_EQ(config.train.steps, 13);
  EXPECT_EQ(config.train.batch, 12);
}

TEST_F(ConfigFileTest, ErrorInTheFileNamesFileAndLine) {
  write("[train]\n\nstepz = 11\n");
  EXPECT_EQ(error_of(kTrain, {"--config", path_}),
            path_ + ":3: unknown key 'train.stepz'; did you mean 'train.steps'?");
}

TEST(CommandLine, MissingConfigFileIsAnError) {
  EXPECT_THROW(config_of({"--config", "/nowhere.cfg"}), IoError);
}

TEST(CommandLine, UnknownFlagOrKeySuggestsTheNearest) {
  EXPECT_EQ(error_of(kTrain, {"--stpes", "3"}), "unknown flag '--stpes'; did you mean '--steps'?");
  EXPECT_EQ(error_of(kTrain, {"--optimizer.lrr", "3"}), "unknown key 'optimizer.lrr'; did you mean 'optimizer.lr'?");
  EXPECT_EQ(error_of(kTrain, {"--optimizer.lrr=3"}), "unknown key 'optimizer.lrr'; did you mean 'optimizer.lr'?");
  EXPECT_EQ(error_of(kTrain, {"--sede=1.5"}), "unknown flag '--sede'; did you mean '--seed'?");
  EXPECT_THAT(error_of(kTrain, {"--optimizer.l", "3"}), HasSubstr("unknown key")) << "prefixes are not guessed";
  EXPECT_THAT(error_of(kInspect, {"--steps", "3", "x"}), HasSubstr("unknown flag '--steps'"));
}

TEST(CommandLine, BadValuesNameTheKey) {
  EXPECT_EQ(error_of(kTrain, {"--steps", "many"}), "train.steps = 'many' is not a whole number");
  EXPECT_EQ(error_of(kTrain, {"--method.init_time", "1.5"}), "method.init_time = 1.5 is not in (0, 1]");
  EXPECT_EQ(error_of(kTrain, {"--train.steps="}), "--train.steps needs a value");
  EXPECT_EQ(error_of(kTrain, {"--steps"}), "--steps needs a value");
  EXPECT_EQ(error_of(kTrain, {"--steps", "--json"}), "--steps needs a value");
  EXPECT_EQ(config_of({"--run=--json"}).run.dir, "--json");
  EXPECT_EQ(error_of(kTrain, {"--json=yes"}), "--json takes no value");
}

TEST(CommandLine, WhatAWordProcessorMadeOfAFlagIsNamed) {
  EXPECT_EQ(error_of(kTrain, {"\u2013steps", "3"}),
            "'\u2013steps' begins with a long dash; flags begin with two hyphens: --steps");
  EXPECT_THAT(error_of(kTrain, {"--run", "r", "\u2014train.batch", "3"}), HasSubstr("two hyphens: --train.batch"));
  EXPECT_THAT(error_of(kInspect, {"\u2013\u2013verify", "x"}), HasSubstr("two hyphens: --verify"));
  EXPECT_THAT(error_of(kTrain, {"--steps\u00A03"}), HasSubstr("; it holds U+00A0 NO-BREAK SPACE"));
  EXPECT_THAT(error_of(kTrain, {"--method.lambda_1", "\u22120.4"}), HasSubstr("is not a number; it holds U+2212"));
  EXPECT_THAT(match_error_of({"\u2013help"}), HasSubstr("; it holds U+2013 EN DASH"));
}

TEST(CommandLine, NamesThatAreNotUtf8AreRefusedWhereTheyWouldBeWritten) {
  EXPECT_THAT(error_of(kTrain, {"--run", "caf\xE9"}), HasSubstr("run.dir = 'caf\\xE9' is not UTF-8"));
  EXPECT_THAT(error_of(kPack, {"--out", "caf\xE9.h5"}), HasSubstr("--out = 'caf\\xE9.h5' is not UTF-8"));
  EXPECT_EQ(parse_arguments(kInspect, {"caf\xE9.h5"}).invocation.arguments[0], "caf\xE9.h5") << "it is only read";
}

TEST(CommandLine, EmptyTextIsAValue) {
  EXPECT_EQ(config_of({"--data.store", "x", "--data.store", ""}).data.store, "");
}

TEST(CommandLine, PositionalArgumentIsNeededOnce) {
  EXPECT_EQ(parse_arguments(kInspect, {"a.h5", "--json"}).invocation.arguments[0], "a.h5");
  EXPECT_TRUE(parse_arguments(kInspect, {"--json", "a.h5"}).invocation.is_json);
  EXPECT_EQ(parse_arguments(kInspect, {"--", "--odd"}).invocation.arguments[0], "--odd");
  EXPECT_EQ(error_of(kInspect, {}), "'fgm inspect' needs FILE");
  EXPECT_EQ(error_of(kInspect, {"a", "b"}), "unexpected argument 'b'");
  EXPECT_EQ(error_of(kTrain, {"-x"}), "unexpected argument '-x'");
}

TEST(CommandLine, AnArgumentWithThreeDotsIsOneOrMore) {
  Command report = kInspect;
  report.argument = "RUN...";
  const std::vector<std::string> expected = {"a", "b"};
  EXPECT_EQ(parse_arguments(report, {"a", "--json", "b"}).invocation.arguments, expected);
  EXPECT_EQ(error_of(report, {}), "'fgm inspect' needs RUN...");
}

TEST(CommandLine, OwnFlagsReachTheCommand) {
  const auto request = parse_arguments(kPack, {"--out", "a.h5", "--dry-run", "--print-config"});
  EXPECT_EQ(request.invocation.flags.text("out"), "a.h5");
  EXPECT_TRUE(request.invocation.is_dry_run);
  EXPECT_TRUE(request.wants_config);
}

TEST(CommandLine, ARequiredFlagIsMissedUnlessTheConfigIsPrinted) {
  EXPECT_EQ(error_of(kPack, {"--json"}), "'fgm data pack' needs --out FILE");
  EXPECT_EQ(error_of(kPack, {"--out", ""}), "'fgm data pack' needs --out FILE");
  EXPECT_TRUE(parse_arguments(kPack, {"--print-config"}).wants_config);
}

TEST(CommandLine, AFlagWithoutValueTakesNone) {
  const auto request = parse_arguments(kInspect, {"--verify", "a.h5"});
  EXPECT_TRUE(request.invocation.flags.has("verify"));
  EXPECT_EQ(request.invocation.arguments[0], "a.h5");
  EXPECT_FALSE(parse_arguments(kInspect, {"a.h5"}).invocation.flags.has("verify"));
  EXPECT_EQ(error_of(kInspect, {"--verify=yes", "a.h5"}), "--verify takes no value");
  EXPECT_THAT(command_help(kInspect), HasSubstr("  --verify    "));
}

TEST(CommandLine, HelpListsTheKeysOfEveryKindOfModel) {
  const Command of_model = {.name = "train", .help = "Trains.", .run = nothing, .sections = {"model"}};
  EXPECT_THAT(command_help(of_model), testing::AllOf(HasSubstr("--model.patch_size "), HasSubstr("--model.flavour ")));
  EXPECT_THAT(command_help(kTrain), testing::Not(HasSubstr("--model.")));
}

TEST(CommandLine, HelpWinsOverEverythingElse) {
  EXPECT_TRUE(parse_arguments(kInspect, {"--bogus", "--help"}).wants_help);
  EXPECT_TRUE(parse_arguments(kInspect, {"-h"}).wants_help);
}

TEST(CommandLine, CommandsAreFoundByOneWordOrTwo) {
  EXPECT_EQ(find_command(Args{"train", "--steps"}, kCommands).command->name, "train");
  const auto pack = find_command(Args{"data", "pack", "--out"}, kCommands);
  EXPECT_EQ(pack.command->name, "data pack");
  EXPECT_EQ(pack.num_words, 2u);
}

TEST(CommandLine, UnknownCommandSuggestsTheNearest) {
  EXPECT_EQ(match_error_of({"trian"}), "unknown sub-command 'trian'; did you mean 'train'? 'fgm --help' lists them");
  EXPECT_EQ(match_error_of({"xyzzyx"}), "unknown sub-command 'xyzzyx'; 'fgm --help' lists them");
  EXPECT_EQ(match_error_of({"data"}), "'fgm data' is one of: data pack");
  EXPECT_EQ(match_error_of({"data", "pakc"}),
            "unknown sub-command 'data pakc'; did you mean 'data pack'? 'fgm --help' lists them");
}

TEST(Help, ListsCommandsFlagsAndTheKeysOfTheirSectionsWithDefaults) {
  EXPECT_THAT(program_help(kCommands), testing::AllOf(HasSubstr("train"), HasSubstr("data pack"), HasSubstr("Packs.")));
  const std::string help = command_help(kTrain);
  EXPECT_THAT(help, testing::AllOf(HasSubstr("--train.steps 4000 "), HasSubstr("--steps N "),
                                   HasSubstr("--config FILE"), HasSubstr("uniform, logit_normal")));
  EXPECT_THAT(help, testing::Not(HasSubstr("--model.depth")));
  EXPECT_THAT(command_help(kInspect), HasSubstr("usage: fgm inspect FILE"));
}

}  // namespace
}  // namespace fgm
