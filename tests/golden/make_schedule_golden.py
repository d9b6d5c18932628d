"""Makes flow_schedule.safetensors, the values of tests/core/flow/schedules_test.cpp, from diffusers.

    pip install torch==2.11.0 diffusers==0.42.1 safetensors
    python tests/golden/make_schedule_golden.py tests/golden/flow_schedule.safetensors
"""

import sys

from diffusers import FlowMatchEulerDiscreteScheduler
from safetensors.torch import save_file


def sigmas(num_steps, shift):
    scheduler = FlowMatchEulerDiscreteScheduler(num_train_timesteps=1000, shift=shift)
    scheduler.set_timesteps(num_steps)
    return scheduler.sigmas


if __name__ == "__main__":
    save_file({f"shift {shift}, {steps} steps": sigmas(steps, float(shift))
               for shift in (1, 3) for steps in (1, 4, 8, 28)}, sys.argv[1])
