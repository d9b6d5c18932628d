#include "launch/cli/commands.h"
#include "launch/cli/program.h"

int main(int argc, char** argv) {
  return fgm::run_program({argv + 1, argv + argc}, fgm::all_commands());
}
