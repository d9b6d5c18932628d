#pragma once

#include <cstdint>
#include <vector>

namespace fgm {

// The times at which sample_ode() evaluates: num_steps + 1 of them, from 1 (noise) down to 0 (data).
//
// With shift 0 they are equally spaced. Another shift gives SD3's: it moves them towards noise by
// t' = s t / (1 + (s - 1) t) (Esser et al., arXiv 2403.03206, section 5.3.2); 3 for released SD3 models. The last step
// before 0 ends at a small positive time there, as in the reference.
//
// Source: diffusers' FlowMatchEulerDiscreteScheduler, which shifts twice: its first and last time (1 and 1/1000) are
// shifted, equally spaced times are laid between the two, and those are shifted again.
// ConfigError unless num_steps >= 1 and shift >= 0.
std::vector<double> sampling_times(int64_t num_steps, double shift);

}  // namespace fgm
