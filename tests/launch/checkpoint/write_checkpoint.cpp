// write_checkpoint RUN EXPECTED: the ranks of the job save step 5 of a run; rank 0 writes the same tensors, whole, to
// EXPECTED/<role>.safetensors. For read_checkpoint_test.sh.
#include <filesystem>

#include "core/io/safetensors.h"
#include "launch/coordinator/state_snapshot.h"
#include "parallel/comm/mpi_communicator.h"
#include "parallel/comm/mpi_session.h"
#include "tests/launch/coordinator/fake_job.h"

namespace fgm::support {
namespace {

constexpr int64_t kStep = 5;

void write_expected(const std::filesystem::path& folder, const std::string& network, FakeEngine& engine) {
  std::filesystem::create_directories(folder);
  std::map<std::string, std::vector<NamedTensor>> parts;
  for (const auto& slice : engine.state()) parts[slice.part].push_back({slice.name, slice.values.view(slice.shape)});
  for (auto& [part, tensors] : parts) {
    if (part != "optim") {
      engine.model().visit_buffers([&, &whole = tensors](const std::string& name, at::Tensor& tensor) {
        whole.push_back({name, tensor});
      });
    }
    write_safetensors(folder / (role_of(network, part) + ".safetensors"), tensors);
  }
}

void write(Communicator& world, const std::filesystem::path& run, const std::filesystem::path& expected) {
  FakeJob(world, run, smallest_config(), {}).save(kStep);
  if (world.rank() != 0) return;
  FakeEngine student(smallest_model(), 0, 1), estimator(smallest_model(), 0, 1);
  student.fill(FakeJob::student_seed(kStep));
  estimator.fill(FakeJob::estimator_seed(kStep));
  write_expected(expected, "student", student);
  write_expected(expected, "estimator", estimator);
}

}  // namespace
}  // namespace fgm::support

int main(int, char** argv) {
  fgm::MpiSession mpi;
  const auto world = fgm::make_mpi_world();
  fgm::support::write(*world, argv[1], argv[2]);
  world->close();
  mpi.close();
}
